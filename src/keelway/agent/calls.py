"""Tool calls of one turn, by name: which were begun and which were answered, by any server."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass
class Calls:
    """Names every tool call of a turn and remembers what an earlier, killed attempt did.

    A name is the model's own id; a model that uses an id again gets `id#2`, so that the second call
    never finds the first one's fragment.
    """

    begun: frozenset[str] = frozenset()
    """Commands that an earlier attempt started: they are never started again."""
    answered: Mapping[str, str] = field(default_factory=dict[str, str])
    """Answers an earlier attempt showed, but did not get into the model's history."""
    _uses: Counter[str] = field(default_factory=Counter[str])
    _names: dict[str, str] = field(default_factory=dict[str, str])

    def seen(self, ids: Iterable[str]) -> None:
        """Calls that the history already holds an answer to."""
        self._uses.update(ids)

    def begin(self, call_id: str) -> str:
        """The name of the call that starts now."""
        self._uses[call_id] += 1
        uses = self._uses[call_id]
        self._names[call_id] = call_id if uses == 1 else f"{call_id}#{uses}"
        return self._names[call_id]

    def name(self, call_id: str | None) -> str:
        """The name of the call that runs now. Raises KeyError for a call that never began."""
        if call_id is None:
            raise KeyError("a tool ran outside of a tool call")
        return self._names[call_id]
