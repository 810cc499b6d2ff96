"""The record of a start fits one process of one boot and no other."""

import dataclasses
import os
import subprocess
from pathlib import Path

import pytest

from sandboxd.runtime import record


def test_a_living_process_is_recognised_until_it_ends(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        made = record.of(process.pid, (Path("/sys/fs/cgroup/a"),))
        record.save(tmp_path, made)
        assert record.load(tmp_path) == made
        assert record.holds(made)
        process.kill()
    assert not record.holds(made)


@pytest.mark.parametrize(
    "change", [{"start": 1}, {"pidns": 1}, {"boot": "another"}, {"pid": 0x3FFFFF}]
)
def test_one_wrong_word_is_enough(change: dict[str, int]) -> None:
    made = record.of(os.getpid())
    assert record.holds(made)
    assert not record.holds(dataclasses.replace(made, **change))


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"pid": "x", "start": 1, "pidns": 1, "boot": ""}']
)
def test_what_is_no_record_is_none(tmp_path: Path, text: str) -> None:
    assert record.load(tmp_path) is None
    (tmp_path / record.NAME).write_text(text)
    assert record.load(tmp_path) is None


def test_a_program_name_with_brackets_confuses_nobody(tmp_path: Path) -> None:
    program = tmp_path / "a) (b"
    program.symlink_to("/usr/bin/sleep")
    with subprocess.Popen([program, "60"]) as process:
        assert record.of(process.pid).start > 0
        process.kill()
