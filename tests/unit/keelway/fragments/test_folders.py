"""Where a project's repository lies, whatever its id is."""

import uuid

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keelway.fragments.folders import folder, project_of


def test_plain_ids_are_their_own_name() -> None:
    for name in (str(uuid.UUID(int=2**100)), "clh2x9k1v0000qz0a", "p1", "7", "a_b-c"):
        assert folder(name) == f"{name}.git"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("..", "=2e=2e.git"), ("a/b", "a=2fb.git"), (".hidden", "=2ehidden.git"),
        ("x.lock", "x=2elock.git"), ("P1", "=501.git"), ("-rf", "=2drf.git"), ("ü", "=c3=bc.git"),
        ("a=41", "a=3d41.git"), ("import:7", "import=3a7.git"), ("a\nb", "a=0ab.git"),
    ],
)  # fmt: skip
def test_anything_else_is_encoded(name: str, expected: str) -> None:
    assert folder(name) == expected
    assert project_of(expected) == name


@given(st.text(min_size=1, max_size=64))
@example("\U0001f331" * 64)
def test_a_name_is_safe_and_leads_back(name: str) -> None:
    made = folder(name)
    assert len(made) <= 204
    assert set(made.removesuffix(".git")) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-=")
    assert not made.startswith(("-", "."))
    assert project_of(made) in ((None,) if made.startswith("==") else (name,))


@given(st.lists(st.text(max_size=64), unique=True, max_size=8))
def test_two_ids_never_share_a_folder_even_where_case_does_not_count(names: list[str]) -> None:
    assert len({folder(name).casefold() for name in names}) == len(names)


def test_names_that_are_no_projects_are_none() -> None:
    for name in ("7.git.lock", "A.git", "=41", "==ab.git", "=zz.git", "=61.git", "x.git.new-1"):
        assert project_of(name) is None
