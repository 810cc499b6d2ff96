"""ENGINE-CONTRACT section 10: files (C-026 to C-031), signed addresses (C-054)."""

import hashlib
import os
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from daytona import (
    DaytonaBadRequestError,
    DaytonaConflictError,
    DaytonaError,
    DaytonaNotFoundError,
    FileDownloadRequest,
    FileUpload,
)
from daytona.common.errors import DaytonaFileNotFoundError, DaytonaInvalidFilePathError
from tests.support.sandboxd import EngineProcess, Sdk

ODD_NAMES = [
    'a "quoted".txt',
    "with space.txt",
    "naïve-日本.txt",
    "back\\slash",
    "semi;colon,=.txt",
]


def form(*parts: tuple[str, str | None, bytes]) -> tuple[bytes, dict[str, str]]:
    """A multipart body: (field, filename, data)."""
    body = b""
    for name, filename, data in parts:
        extra = "" if filename is None else f'; filename="{filename}"'
        body += f'--XX\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'.encode()
        body += data + b"\r\n"
    return body + b"--XX--\r\n", {"Content-Type": "multipart/form-data; boundary=XX"}


async def chunked(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def text(sdk: Sdk, sandbox: Any, command: str) -> str:
    return (await sdk.do(sandbox.process.exec, command)).result


@pytest.mark.parametrize("size", [1, 7, 100_000])
async def test_c026_upload_pairs_by_index_whatever_the_order_chunks_and_filenames(
    engine: EngineProcess, sdk: Sdk, sandbox: Any, size: int
) -> None:
    paths_first = form(
        ("files[0].path", None, b"/tmp/p0"),
        ("files[1].path", None, b"/tmp/p1"),
        ("files[0].file", "../../etc/passwd", b"zero"),
        ("files[1].file", "%2Ftmp%2Fp0", b"one\r\n--X\r\n"),
    )
    interleaved = form(
        ("files[0].path", None, b"/tmp/i0"),
        ("files[0].file", "same", b""),
        ("files[1].path", None, b"rel/i1"),
        ("files[1].file", "same", b"\0\xff"),
    )
    async with engine.client() as client:
        for body, headers in (paths_first, interleaved):
            answer = await client.post(
                f"/toolbox/{sandbox.id}/files/bulk-upload",
                content=chunked(body, size),
                headers=headers,
            )
            assert answer.status_code == 200
            assert len(answer.json()["files"]) == 2
    download = sandbox.fs.download_file
    assert await sdk.do(download, "/tmp/p0") == b"zero"
    assert await sdk.do(download, "/tmp/p1") == b"one\r\n--X\r\n"
    assert await sdk.do(download, "/tmp/i0") == b""
    assert await sdk.do(download, "/home/daytona/rel/i1") == b"\0\xff"


async def test_c026_the_sdk_uploads_many_files_at_once(sdk: Sdk, sandbox: Any) -> None:
    files = [FileUpload(name.encode(), f"many/{name}") for name in ODD_NAMES]
    await sdk.do(sandbox.fs.upload_files, files)
    found = await sdk.do(sandbox.fs.list_files, "many")
    assert {info.name for info in found} == set(ODD_NAMES)


async def test_c027_upload_makes_parents_keeps_modes_and_writes_through_links(
    sdk: Sdk, sandbox: Any
) -> None:
    upload = sandbox.fs.upload_file
    await sdk.do(upload, b"x", "deep/er/new.txt")
    assert await text(sdk, sandbox, "stat -c %a deep deep/er/new.txt") == "755\n644\n"
    await text(
        sdk, sandbox, "echo old > run.sh; chmod 750 run.sh; ln -s run.sh link; ln -s /tmp/d1 d"
    )
    await sdk.do(upload, b"new", "link")
    await sdk.do(upload, b"dangling", "d")
    assert await text(
        sdk, sandbox, "cat run.sh; stat -c %a run.sh; readlink link; cat /tmp/d1"
    ) == ("new750\nrun.sh\ndangling")


async def test_c027_a_failed_upload_leaves_nothing_behind_and_names_the_trouble(
    engine: EngineProcess, sdk: Sdk, sandbox: Any
) -> None:
    await text(sdk, sandbox, "mkdir adir; echo keep > keep.txt")
    with pytest.raises(DaytonaError) as caught:
        await sdk.do(sandbox.fs.upload_file, b"x", "adir")
    assert "is a directory" in str(caught.value)
    body, headers = form(("files[0].path", None, b"keep.txt"), ("files[0].file", "f", b"x" * 9999))
    async with engine.client() as client:
        cut = await client.post(
            f"/toolbox/{sandbox.id}/files/bulk-upload", content=body[:5000], headers=headers
        )
        assert cut.status_code == 400
        assert isinstance(cut.json()["message"], str)
    assert await text(sdk, sandbox, "ls -A | grep -v '^\\.cache' ; cat keep.txt") == (
        "adir\nkeep.txt\nkeep\n"
    )


async def test_c027_links_do_not_lead_out_of_the_sandbox(sdk: Sdk, sandbox: Any) -> None:
    await text(sdk, sandbox, "ln -s /etc/shadow s; ln -s ../../../../../../../../tmp/x up")
    with pytest.raises(DaytonaError):
        await sdk.do(sandbox.fs.download_file, "s")
    await sdk.do(sandbox.fs.upload_file, b"inside", "up")
    assert await text(sdk, sandbox, "cat /tmp/x") == "inside"
    assert not Path("/tmp/x").exists()
    with pytest.raises(DaytonaError):
        await sdk.do(sandbox.fs.download_file, "/proc/1/environ")


async def test_c028_download_answers_a_part_or_an_error_per_path(sdk: Sdk, sandbox: Any) -> None:
    for name in ODD_NAMES:
        await sdk.do(sandbox.fs.upload_file, name.encode(), name)
    wanted = [*ODD_NAMES, "missing.txt", "/home/daytona"]
    answers = await sdk.do(
        sandbox.fs.download_files, [FileDownloadRequest(source=name) for name in wanted]
    )
    found = {answer.source: answer for answer in answers}
    for name in ODD_NAMES:
        assert found[name].result == name.encode(), found[name].error
    assert found["missing.txt"].error_details.code == "FILE_NOT_FOUND"
    assert found["missing.txt"].error_details.status_code == 404
    assert found["/home/daytona"].error_details.code == "INVALID_FILE_PATH"


async def test_c029_a_large_binary_file_round_trips_and_progress_adds_up(
    sdk: Sdk, sandbox: Any, tmp_path: Path
) -> None:
    data = os.urandom(1024 * 1024) * 100
    source = tmp_path / "big.bin"
    source.write_bytes(data)
    await sdk.do(sandbox.fs.upload_file, str(source), "big.bin")
    digest = hashlib.sha256(data).hexdigest()
    assert (await text(sdk, sandbox, "sha256sum < big.bin")).split()[0] == digest
    seen: list[Any] = []
    stream = await sdk.do(sandbox.fs.download_file_stream, "big.bin", on_progress=seen.append)
    got = hashlib.sha256()
    if sdk.synchronous:
        for chunk in stream:
            got.update(chunk)
    else:
        async for chunk in stream:
            got.update(chunk)
    assert got.hexdigest() == digest
    assert seen[-1].bytes_received == seen[-1].total_bytes == len(data)


async def test_c030_list_info_folder_move_permissions_and_delete(sdk: Sdk, sandbox: Any) -> None:
    fs = sandbox.fs
    await sdk.do(fs.create_folder, "a/b", "750")
    await sdk.do(fs.create_folder, "a/b", "750")
    await sdk.do(fs.upload_file, b"12345", "a/f.txt")
    info = await sdk.do(fs.get_file_info, "a/f.txt")
    assert (info.name, info.is_dir, info.size, info.mode) == ("f.txt", False, 5, "-rw-r--r--")
    assert (info.permissions, info.owner, info.group) == ("0644", "daytona", "daytona")
    listed = await sdk.do(fs.list_files, "a")
    assert {(each.name, each.is_dir) for each in listed} == {("b", True), ("f.txt", False)}
    await sdk.do(fs.upload_file, b"x", "a/b/deep.txt")
    deep = await sdk.do(fs.list_files, "a", depth=2)
    assert "/home/daytona/a/b/deep.txt" in {each.path for each in deep}
    await sdk.do(fs.set_file_permissions, "a/f.txt", mode="600", owner="daytona", group="daytona")
    assert (await sdk.do(fs.get_file_info, "a/f.txt")).permissions == "0600"
    await sdk.do(fs.move_files, "a/f.txt", "a/g.txt")
    with pytest.raises(DaytonaNotFoundError):
        await sdk.do(fs.move_files, "a/f.txt", "a/h.txt")
    with pytest.raises(DaytonaConflictError):
        await sdk.do(fs.move_files, "a/g.txt", "a/b/deep.txt")
    with pytest.raises(DaytonaBadRequestError):
        await sdk.do(fs.delete_file, "a/b")
    await sdk.do(fs.delete_file, "a/b", True)
    with pytest.raises(DaytonaNotFoundError):
        await sdk.do(fs.delete_file, "a/b")
    with pytest.raises(DaytonaNotFoundError):
        await sdk.do(fs.list_files, "a/b")


async def test_c030_search_find_and_replace(sdk: Sdk, sandbox: Any) -> None:
    fs = sandbox.fs
    await sdk.do(fs.upload_file, b"one\nTODO: two\nthree (a+b)\n", "src/a.py")
    await text(sdk, sandbox, "echo TODO four > $'src/odd:name\\n.txt'")
    await sdk.do(fs.create_folder, "src/pydir", "755")
    found = await sdk.do(fs.search_files, "src", "*.py")
    assert found.files == ["/home/daytona/src/a.py"]
    found = await sdk.do(fs.search_files, "src", "py")
    assert set(found.files) == {"/home/daytona/src/a.py", "/home/daytona/src/pydir"}
    assert (await sdk.do(fs.search_files, "src", "nothing")).files == []
    matches = await sdk.do(fs.find_files, "src", "TODO")
    assert {(match.file, match.line) for match in matches} == {
        ("/home/daytona/src/a.py", 2),
        ("/home/daytona/src/odd:name\n.txt", 1),
    }
    literal = await sdk.do(fs.find_files, "src/a.py", "(a+b")  # no regular expression: literal
    assert [(match.line, match.content.strip()) for match in literal] == [(3, "three (a+b)")]
    answers = await sdk.do(fs.replace_in_files, ["src/a.py", "nope.txt"], "a+b", "c")
    assert [(each.success, bool(each.error)) for each in answers] == [(True, False), (False, True)]
    assert b"three (c)" in await sdk.do(fs.download_file, "src/a.py")


async def test_c030_a_hostile_pattern_stops_nobody(engine: EngineProcess, sandbox: Any) -> None:
    async with engine.client() as client:
        path = f"/toolbox/{sandbox.id}/files/find"
        await client.post(
            f"/toolbox/{sandbox.id}/process/execute",
            json={"command": "head -c 40 /dev/zero | tr '\\0' a > aaa"},
        )
        started = time.monotonic()
        answer = await client.get(path, params={"path": ".", "pattern": "(a+)+$x"})
        assert answer.status_code == 200
        assert time.monotonic() - started < 10


async def test_c031_file_errors_carry_their_codes(sdk: Sdk, sandbox: Any) -> None:
    with pytest.raises(DaytonaFileNotFoundError):
        await sdk.do(sandbox.fs.get_file_info, "missing")
    with pytest.raises(DaytonaFileNotFoundError):
        await sdk.do(sandbox.fs.download_file, "missing")
    with pytest.raises(DaytonaInvalidFilePathError):
        await sdk.do(sandbox.fs.download_file, "/home/daytona")
    with pytest.raises(DaytonaError) as caught:
        await sdk.do(sandbox.fs.upload_file, b"x", "/usr/bin/evil")
    assert caught.value.status_code == 400
    with pytest.raises(DaytonaError) as caught:
        await sdk.do(sandbox.fs.delete_file, "/usr/bin/env")
    assert (caught.value.status_code, caught.value.code) == (403, "FILE_ACCESS_DENIED")


async def test_c054_signed_addresses_work_without_a_key_and_fail_when_altered(
    sdk: Sdk, sandbox: Any
) -> None:
    await sdk.do(sandbox.fs.upload_file, b"signed", "signed.txt")
    url = await sdk.do(sandbox.download_url, "signed.txt", 60)
    upload = await sdk.do(sandbox.upload_url, "up.txt")
    async with httpx.AsyncClient() as client:
        assert (await client.get(url)).content == b"signed"
        assert (await client.get(url.replace("signed.txt", "other.txt"))).status_code == 401
        assert (await client.get(url[:-2] + "xx")).status_code == 401
        answer = await client.post(upload, files={"file": ("f", b"uploaded")})
        assert answer.status_code == 200, answer.text
        assert (await client.get(upload)).status_code == 401
        await sdk.do(sandbox.rotate_signing_key)
        assert (await client.get(url)).status_code == 401
    assert await sdk.do(sandbox.fs.download_file, "up.txt") == b"uploaded"
    assert uuid.UUID(sandbox.id)
