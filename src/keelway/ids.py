"""Names of things: strings that must not be mixed up."""

import uuid
from typing import NewType

UserId = NewType("UserId", str)
ProjectId = NewType("ProjectId", str)
FragmentId = NewType("FragmentId", str)
TurnId = NewType("TurnId", str)
MessageId = NewType("MessageId", str)
SandboxId = NewType("SandboxId", str)
CommitSha = NewType("CommitSha", str)
TreeSha = NewType("TreeSha", str)


def new_id() -> str:
    """A fresh public id: 122 random bits, written as a UUID."""
    return str(uuid.uuid4())
