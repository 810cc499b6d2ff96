import errno
import os

import pytest

from sandboxd.errors import BadRequest
from sandboxd.safefs import FileStat
from sandboxd.toolbox.files import FileError, file_errors, file_info, to_mode


@pytest.mark.parametrize(
    ("number", "status", "code"),
    [
        (errno.ENOENT, 404, "FILE_NOT_FOUND"),
        (errno.EACCES, 403, "FILE_ACCESS_DENIED"),
        (errno.EROFS, 403, "FILE_ACCESS_DENIED"),
        (errno.EISDIR, 400, "INVALID_FILE_PATH"),
        (errno.ENOTDIR, 400, "INVALID_FILE_PATH"),
        (errno.ELOOP, 400, "INVALID_FILE_PATH"),
        (errno.EEXIST, 409, "CONFLICT"),
        (errno.ENOSPC, 507, "NO_SPACE"),
        (errno.EIO, 500, "FILE_READ_FAILED"),
    ],
)
def test_the_kernels_errors_have_a_name_on_the_wire(number: int, status: int, code: str) -> None:
    with pytest.raises(FileError) as caught, file_errors("/x"):
        raise OSError(number, os.strerror(number), "/x")
    assert (caught.value.status, caught.value.code) == (status, code)
    assert "/x" in caught.value.message or status == 507


def test_a_files_description_has_every_field() -> None:
    info = file_info(FileStat("f", "/d/f", False, 5, 0o100750, 0.5, 1, 2, None))
    assert info == {
        "name": "f",
        "path": "/d/f",
        "isDir": False,
        "size": 5,
        "modTime": "1970-01-01T00:00:00.500Z",
        "modifiedAt": "1970-01-01T00:00:00.500Z",
        "mode": "-rwxr-x---",
        "permissions": "0750",
        "owner": "daytona",
        "group": "daytona",
    }


def test_modes_are_octal() -> None:
    assert to_mode("755") == to_mode("0755") == 0o755
    for text in ("9", "", "x", "77777", "-1"):
        with pytest.raises(BadRequest):
            to_mode(text)
