"""Uploads cut into requests; everything else of a sandbox is proved on a real one."""

from keelway.sandboxes.sandbox import UPLOAD_BYTES, UPLOAD_FILES, batches


def test_files_are_sent_in_order_in_requests_of_a_bearable_size() -> None:
    small = [(f"{n}", b"x") for n in range(UPLOAD_FILES + 1)]
    assert [len(batch) for batch in batches(small)] == [UPLOAD_FILES, 1]
    assert [one for batch in batches(small) for one in batch] == small

    big = [("a", b"x" * (UPLOAD_BYTES - 1)), ("b", b"xx"), ("c", b"x")]
    assert [[path for path, _ in batch] for batch in batches(big)] == [["a"], ["b", "c"]]
    assert list(batches([])) == []
