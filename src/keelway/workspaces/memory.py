"""What this server remembers of a project's sandbox between two openings. Losing it costs a listing."""

from dataclasses import dataclass, field

from keelway.ids import SandboxId
from keelway.workspaces.capture import Seen
from keelway.workspaces.preview import PreviewState, PreviewStatus


@dataclass(slots=True)
class Memory:
    """One project's. `stale`: the sandbox is known to lag behind the newest version."""

    sandbox: SandboxId | None = None
    seen: Seen = field(default_factory=Seen)
    equal_to: str | None = None
    """The tree that the sandbox's files were last found or made equal to."""
    stale: bool = False
    progress: tuple[PreviewState, str] | None = None
    """While it is opened or restored: what is being done."""
    outcome: PreviewStatus | None = None
    """What the last opening or restore left broken, if anything."""

    def now_in(self, sandbox: SandboxId) -> None:
        """Forget what was known of another sandbox."""
        if self.sandbox != sandbox:
            self.sandbox = sandbox
            self.seen = Seen()
            self.equal_to = None
            self.stale = False
