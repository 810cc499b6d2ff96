"""The one shell of a session: how commands are told to it, and how it tells that they have ended.

Commands come line by line on its standard input, which the running command reads too; the engine
sends the next one only after the last has ended. Ends are marked in both output streams, so that
each is known to be complete, and so that an engine that starts later finds them in the pipes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

_LOOP = r"""
exec 3<&0 4>&1 5>&2
while IFS= read -r SANDBOXD_LINE <&3; do
  case $SANDBOXD_LINE in '@NONCE '*) ;; *) continue ;; esac
  SANDBOXD_LINE=${SANDBOXD_LINE#'@NONCE '}
  SANDBOXD_COMMAND=${SANDBOXD_LINE%% *}
  SANDBOXD_LINE=$(printf '%b.' "${SANDBOXD_LINE#* }")
  eval "${SANDBOXD_LINE%.}" <&3 >&4 2>&5 3<&- 4>&- 5>&-
  SANDBOXD_CODE=$?
  printf '\036@NONCE %s %s\036' "$SANDBOXD_COMMAND" "$SANDBOXD_CODE" >&4
  printf '\036@NONCE %s %s\036' "$SANDBOXD_COMMAND" "$SANDBOXD_CODE" >&5
done
"""


def loop_script(nonce: str) -> str:
    """What the shell runs."""
    return _LOOP.replace("NONCE", nonce)


def command_line(nonce: str, command_id: str, command: str) -> bytes:
    """The line that makes the shell run `command`."""
    text = command.replace("\\", "\\\\").replace("\n", "\\n")
    return f"\n@{nonce} {command_id} {text}\n".encode(errors="surrogateescape")


@dataclass(frozen=True, slots=True)
class End:
    """A command's end in one stream."""

    command_id: str
    code: int


class Splitter:
    """Takes one output stream apart into the commands' bytes and the marks of their ends."""

    def __init__(self, nonce: str) -> None:
        self._start = f"\x1e@{nonce} ".encode()
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes | End]:
        data = self._rest + data
        while True:
            start = data.find(self._start)
            if start < 0:
                keep = self._possible_start(data)
                self._rest = data[len(data) - keep :]
                if len(data) > keep:
                    yield data[: len(data) - keep]
                return
            if start:
                yield data[:start]
            stop = data.find(b"\x1e", start + 1)
            if stop < 0:
                self._rest = data[start:]
                if len(self._rest) > 256:  # not one of ours after all
                    self._rest = b""
                    yield data[start:]
                return
            yield self._end(data[start + len(self._start) : stop])
            data = data[stop + 1 :]

    def flush(self) -> bytes:
        """What was held back in case a mark had begun."""
        rest, self._rest = self._rest, b""
        return rest

    def _possible_start(self, data: bytes) -> int:
        """How many bytes at the end could be the beginning of a mark."""
        position = data.rfind(b"\x1e", max(0, len(data) - len(self._start) + 1))
        if position < 0 or not self._start.startswith(data[position:]):
            return 0
        return len(data) - position

    @staticmethod
    def _end(words: bytes) -> End:
        command_id, _, code = words.decode(errors="replace").partition(" ")
        return End(command_id, int(code) if code.isdigit() else 1)
