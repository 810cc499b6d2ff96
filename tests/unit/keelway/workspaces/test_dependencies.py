"""When packages have to be installed again."""

import json

import pytest

from keelway.workspaces.dependencies import key, tail

MANIFEST = {"name": "app", "scripts": {"dev": "vite"}, "dependencies": {"react": "^19"}}
FILES = {"package.json": json.dumps(MANIFEST).encode(), "package-lock.json": b"{}"}


def changed(**values: object) -> dict[str, bytes]:
    return {**FILES, "package.json": json.dumps({**MANIFEST, **values}).encode()}


def test_only_what_decides_about_packages_counts() -> None:
    assert key(FILES) == key(changed(scripts={"dev": "vite --host"}, name="other"))
    reordered = {**FILES, "package.json": json.dumps(dict(reversed(MANIFEST.items()))).encode()}
    assert key(FILES) == key(reordered)


@pytest.mark.parametrize(
    "files",
    [
        changed(dependencies={"react": "^18"}),
        changed(devDependencies={"vite": "8"}),
        {**FILES, "package-lock.json": b"{ }"},
        {**FILES, ".npmrc": b"x=1"},
        {"package.json": FILES["package.json"]},
        {**FILES, "package.json": b"not json"},
        {**FILES, "package.json": b"[]"},
    ],
)
def test_every_other_difference_needs_an_installation(files: dict[str, bytes]) -> None:
    assert key(files) != key(FILES)


def test_without_a_manifest_there_is_nothing_to_install() -> None:
    assert key({"package-lock.json": b"{}"}) == ""


def test_the_end_of_a_log_is_kept_without_npms_remark() -> None:
    log = "npm error code E404\nnpm error 404 nope\nnpm error A complete log of this run: /x\n"
    assert tail(log) == "npm error code E404\nnpm error 404 nope"
    assert len(tail("x" * 9000)) == 1500
