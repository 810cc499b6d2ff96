import hashlib

import pytest

from keelway.fragments.build import Delete, Write
from keelway.legacy.cut import shorten
from keelway.legacy.overlay import Overlay, blob_name, stored_files

LONG = "".join(f"line {n} of a long text\n" for n in range(900))


def outcomes(overlay: Overlay, number: int, files: dict[str, object]) -> dict[str, str]:
    _, said = overlay.lay(f"f{number}", f"t{number}", f"t{number}", files)
    return {one.path: one.outcome for one in said}


def test_a_file_that_a_version_does_not_name_is_carried_forward() -> None:
    overlay = Overlay()
    assert outcomes(overlay, 1, {"a.ts": "1", "b.ts": "2"}) == {}
    assert outcomes(overlay, 2, {"a.ts": "3"}) == {"b.ts": "carried_forward"}
    assert set(overlay.files) == {"a.ts", "b.ts"}


def test_a_cut_file_is_repaired_from_the_version_before_and_the_report_says_so() -> None:
    overlay = Overlay()
    overlay.lay("f1", "t1", "t1", {"a.md": LONG})
    changes, (said,) = overlay.lay("f2", "t2", "t2", shorten({"a.md": LONG}))
    assert (said.outcome, said.source) == ("repaired", "version f1")
    assert changes == []
    assert overlay.files["a.md"].oid == blob_name(LONG.encode())


def test_a_cut_file_without_an_original_stays_as_stored_and_is_damaged() -> None:
    overlay = Overlay()
    stored = shorten({"a.md": LONG})
    changes, (said,) = overlay.lay("f1", "t1", "t1", stored)
    assert said.outcome == "damaged"
    assert changes == [Write("a.md", stored["a.md"].encode())]
    assert [path for path, _ in overlay.broken()] == ["a.md"]


def test_an_older_spelling_left_alone_is_not_taken_for_the_file() -> None:
    overlay = Overlay()
    assert outcomes(overlay, 1, {"a.ts": "old", "./a.ts": "new"}) == {"a.ts": "duplicate"}
    assert outcomes(overlay, 2, {"a.ts": "old"}) == {"a.ts": "carried_forward"}
    assert overlay.files["a.ts"].oid == blob_name(b"new")


def test_a_file_in_the_place_of_a_folder_and_the_other_way_round() -> None:
    overlay = Overlay()
    assert outcomes(overlay, 1, {"a": "1", "a/b": "2"}) == {"a/b": "refused"}
    changes, said = overlay.lay("f2", "t2", "t2", {"a/b": "3"})
    assert changes == [Delete("a"), Write("a/b", b"3")]
    assert said[0].outcome == "refused"


def test_names_that_differ_only_in_case_are_both_kept_and_said() -> None:
    overlay = Overlay()
    assert outcomes(overlay, 1, {"A.ts": "1", "a.ts": "2"}) == {"a.ts": "duplicate"}
    assert set(overlay.files) == {"A.ts", "a.ts"}


def test_the_column_may_hold_a_string_with_the_object_in_it() -> None:
    assert stored_files('"{\\"a\\": \\"b\\"}"') == {"a": "b"}
    for odd in ("[]", "{", None, "3"):
        with pytest.raises(ValueError, match="files"):
            stored_files(odd)


def test_content_is_named_as_git_names_it() -> None:
    assert blob_name(b"") == hashlib.sha1(b"blob 0\0").hexdigest()
