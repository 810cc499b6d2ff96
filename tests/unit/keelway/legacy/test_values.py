from datetime import UTC, datetime

import pytest

from keelway.fragments.fragment import AGENT
from keelway.legacy import values


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("Work in progress - 9/13/2025, 6:40:00 PM", "Work in progress"),
        ("Added a panel (Auto-fixed) (Auto-fixed)", "Added a panel (Auto-fixed)"),
        ("Visual edit snapshot - 2025-09-13T18:40:00.000Z", "Visual edit snapshot"),
        ("Added a panel - 3:02:11 PM", "Added a panel"),
        ("vite - Initial version", "vite - Initial version"),
        ("two\nlines", "two lines"),
        ("", "Untitled"),
        (None, "Untitled"),
    ],
)
def test_a_title_loses_only_what_is_noise(stored: str | None, shown: str) -> None:
    assert values.title(stored) == shown


def test_swapped_authors_are_put_right_and_nobody_is_invented() -> None:
    swapped = {"authorEmail": "Grace", "authorName": "grace@example.org"}
    assert values.author(swapped) == values.Signature("Grace", "grace@example.org")
    assert values.author(None) == AGENT


def test_a_time_that_cannot_be_a_commits_date_is_the_epoch() -> None:
    assert values.when("2025-08-24 09:12:03.114") == datetime(
        2025, 8, 24, 9, 12, 3, 114000, tzinfo=UTC
    )
    for odd in (None, "yesterday", "0001-01-01 00:00:00", "9999-12-31 23:59:59", "infinity"):
        assert values.when(odd) == values.EPOCH


def test_only_what_is_a_hash_is_kept_as_one() -> None:
    good = "$2b$10$" + "a" * 53
    assert values.password_hash(good) == good
    assert values.password_hash("hunter2") is None


def test_nobody_becomes_the_owner_by_an_import() -> None:
    assert [values.role(r) for r in ("ADMIN", "USER", "OWNER", None)] == [
        "admin", "member", "member", "member",
    ]  # fmt: skip


def test_a_title_commands_no_terminal() -> None:
    assert values.title("a\x1b[31mb\x07\nc 👩‍💻") == "a [31mb c 👩‍💻"
    assert values.shown("a\x1b\nb", lambda c: f"<{ord(c)}>") == "a<27><10>b"
