"""What the page is told of an opening that did not reach the top."""

from keelway.sandboxes.errors import SandboxUnreachable
from keelway.workspaces.errors import InstallFailed
from keelway.workspaces.opening import outcome


def test_a_full_opening_leaves_nothing_to_tell() -> None:
    assert outcome("full_restore", None, ()) is None
    assert outcome("minimal_sandbox", SandboxUnreachable("x"), ("full_restore: x",)) is None


def test_without_packages_npm_has_the_word() -> None:
    failed = InstallFailed("npm install failed.\nnpm error E404")
    told = outcome("files_only", failed, ("full_restore: npm install failed.",))
    assert told is not None
    assert (told.state, told.message, told.log) == (
        "minimal",
        "npm install failed.",
        "npm error E404",
    )


def test_without_a_machine_the_reason_is_named() -> None:
    told = outcome(
        "emergency_fallback", SandboxUnreachable("Nobody answers."), ("full_restore: x",)
    )
    assert told is not None
    assert told.state == "files-only"
    assert "Nobody answers." in told.message
