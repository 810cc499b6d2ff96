import base64
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


def test_a_text_written_on_top_of_a_cut_one_is_kept_marked_and_an_original_for_later_cuts() -> None:
    overlay = Overlay()
    overlay.lay("f1", "t1", "t1", shorten({"a.md": LONG}))
    longer = shorten({"a.md": LONG})["a.md"] + "\n" + LONG
    _, (said,) = overlay.lay("f2", "t2", "t2", {"a.md": longer})
    assert (said.outcome, said.whole) == ("damaged", False)
    assert "on top of" in (said.note or "")
    _, (said,) = overlay.lay("f3", "t3", "t3", shorten({"a.md": longer}))
    assert (said.outcome, said.source, said.whole) == ("repaired", "version f2", False)
    assert "on top of" in (said.note or "")
    assert overlay.files["a.md"].oid == blob_name(longer.encode())


def test_a_file_that_became_empty_is_named_unless_a_message_says_that_it_was_meant() -> None:
    overlay = Overlay()
    assert outcomes(overlay, 1, {"a.ts": "1", "b.ts": "2", "new.ts": ""}) == {}
    overlay.emptied.add("b.ts")
    assert outcomes(overlay, 2, {"a.ts": "", "b.ts": "", "new.ts": ""}) == {"a.ts": "written"}
    assert outcomes(overlay, 3, {"a.ts": "", "b.ts": "", "new.ts": ""}) == {}


def test_what_is_carried_forward_says_whether_it_is_whole() -> None:
    overlay = Overlay()
    overlay.lay("f1", "t1", "t1", {**shorten({"a.md": LONG}), "b.md": "b"})
    _, said = overlay.lay("f2", "t2", "t2", {"c.md": "c"})
    assert {one.path: one.whole for one in said} == {"a.md": False, "b.md": True}


def test_the_report_names_long_paths_whole() -> None:
    overlay = Overlay()
    stem = "/".join(["x" * 200] * 5)
    files: dict[str, object] = {f"{stem}/a": "1", f"./{stem}/a": "2", f"{stem}/../b": "3"}
    _, said = overlay.lay("f", "t", "t", files)
    assert {(one.key, one.outcome) for one in said} == {
        (f"{stem}/a", "duplicate"),
        (f"{stem}/../b", "refused"),
    }


def test_the_first_part_of_a_binary_file_is_not_passed_off_as_the_file() -> None:
    overlay = Overlay()
    whole = "__BASE64__" + base64.b64encode(bytes(range(90))).decode()
    assert outcomes(overlay, 1, {"a.bin": whole}) == {}
    assert outcomes(overlay, 2, {"a.bin": whole[:50]}) == {"a.bin": "binary_cut"}
    assert outcomes(overlay, 3, {"a.bin": whole[:50]}) == {"a.bin": "binary_cut"}
    assert outcomes(overlay, 4, {"a.bin": whole}) == {}


def test_a_new_name_that_differs_only_in_case_from_one_of_before_is_said_once() -> None:
    overlay = Overlay()
    assert outcomes(overlay, 1, {"README.md": "1"}) == {}
    said = {"readme.md": "duplicate", "README.md": "carried_forward"}
    assert outcomes(overlay, 2, {"readme.md": "2"}) == said
    assert outcomes(overlay, 3, {"readme.md": "2", "README.md": "1"}) == {"readme.md": "duplicate"}
    assert set(overlay.files) == {"README.md", "readme.md"}
