"""What is remembered belongs to one sandbox."""

from keelway.ids import SandboxId
from keelway.workspaces.capture import Held
from keelway.workspaces.memory import Memory


def test_another_sandbox_starts_unknown() -> None:
    memory = Memory()
    memory.now_in(SandboxId("one"))
    memory.seen.files["a"] = Held(0o100644, "1", "s")
    memory.equal_to, memory.stale = "tree", True

    memory.now_in(SandboxId("one"))
    assert memory.seen.files
    memory.now_in(SandboxId("two"))
    assert not memory.seen.files
    assert (memory.equal_to, memory.stale) == (None, False)
