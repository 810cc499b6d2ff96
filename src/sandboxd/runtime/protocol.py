"""The words between the server and the agent, as agent.c and agent.py know them.

One packet of a SOCK_SEQPACKET socket is one message: a head `<IHHii` (id, op, flags, a, b), then a body.
Answers carry the id of what they answer; EXITED and HELLO carry 0.

| op | a, b, body, descriptors | answer |
|---|---|---|
| SPAWN | flag PTY: a, b = columns, rows; body: words; 3 descriptors unless PTY | OK a = pid, master if PTY |
| SIGNAL | a = pid, b = number, to its group | OK |
| DIAL | a = port, b = 4 or 6 | OK with a socket whose connection may still be under way |
| LISTEN | a = port | OK with a listening socket |
| KILL_ALL | | OK when no process but the agent is left |
| ATTACH | a = pid | OK b = -1 while running, else the exit code; ERROR ESRCH |
| STOP_ALL, CONTINUE_ALL, PING | | OK |

ERROR: a = errno, body = the step that failed (`cwd`, `exec`, ...). EXITED: a = pid, b = exit code.
HELLO comes first on each connection: a = version, with a descriptor of the machine's `/`.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

HEAD = struct.Struct("<IHHii")
COUNTS = struct.Struct("<II")
VERSION = 1
PACKET = 1 << 16  # larger bodies travel in a memfd; the agents take packets of twice this
IN_MEMFD, PTY = 1, 2


class Op(IntEnum):
    SPAWN = 1
    SIGNAL = 2
    DIAL = 3
    LISTEN = 4
    KILL_ALL = 5
    ATTACH = 6
    STOP_ALL = 7
    CONTINUE_ALL = 8
    PING = 9
    OK = 100
    ERROR = 101
    EXITED = 102
    HELLO = 103


@dataclass(frozen=True, slots=True)
class Message:
    """One packet, without its descriptors."""

    id: int
    op: int
    flags: int = 0
    a: int = 0
    b: int = 0
    body: bytes = b""

    def pack(self) -> bytes:
        return HEAD.pack(self.id, self.op, self.flags, self.a, self.b) + self.body

    @classmethod
    def unpack(cls, packet: bytes) -> "Message":
        number, op, flags, a, b = HEAD.unpack_from(packet)
        return cls(number, op, flags, a, b, packet[HEAD.size :])


def words(argv: Sequence[str], env: Mapping[str, str], cwd: str) -> bytes:
    """The body of SPAWN: two counts, then cwd, arguments and variables, each ended by a zero byte.

    Raises:
        ValueError: a zero byte inside a word, or no argument at all.
    """
    if not argv:
        raise ValueError("nothing to run")
    texts = [cwd, *argv, *(f"{name}={value}" for name, value in env.items())]
    encoded = [text.encode("utf-8", "surrogateescape") for text in texts]
    if any(0 in text for text in encoded):
        raise ValueError("a zero byte cannot be part of a command")
    return COUNTS.pack(len(argv), len(env)) + b"".join(text + b"\0" for text in encoded)
