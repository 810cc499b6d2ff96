"""An import held against the truth: every file of every version is whole, or named with an honest outcome."""

import hashlib
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NAMED = {
    "repaired", "carried_forward", "damaged", "placeholder", "binary_cut", "refused", "duplicate",
}  # fmt: skip


@dataclass
class Verdict:
    """`wrong`: findings that break the promise; `counts`: what happened how often."""

    wrong: list[str] = field(default_factory=list[str])
    missed: list[str] = field(default_factory=list[str])
    counts: Counter[str] = field(default_factory=Counter[str])


def trees(repository: Path, commits: Iterable[str]) -> dict[str, dict[str, str]]:
    """Commit to path to blob name, of every commit."""
    return {
        commit: {
            name: entry.split()[2]
            for line in run(repository, "ls-tree", "-r", "-z", commit).split(b"\0")
            if line
            for entry, name in [line.decode().split("\t", 1)]
        }
        for commit in commits
    }


def run(repository: Path, *args: str, stdin: bytes = b"") -> bytes:
    """What plain git says of a repository."""
    return subprocess.run(
        ["git", f"--git-dir={repository}", *args], input=stdin, check=True, capture_output=True
    ).stdout


def contents(repository: Path, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """The bytes of blobs, as git hands them out."""
    wanted = sorted(set(names))
    out = run(repository, "cat-file", "--batch", stdin="".join(f"{n}\n" for n in wanted).encode())
    at = 0
    for name in wanted:
        end = out.index(b"\n", at)
        size = int(out[at:end].split()[2])
        yield name, out[end + 1 : end + 1 + size]
        at = end + size + 2


def judge(home: Path, told: Any, said: Any, verdict: Verdict, lone: bool = False) -> None:
    """One project: what the oracle told of it against what the report said and git holds."""
    kept = [version for version in told["versions"] if not version["lost"]]
    where = told["id"]
    if said["status"] == "failed":
        verdict.wrong.append(f"{where}: failed: {said['notes']}")
        return
    fragments = said["fragments"]
    if [one["id"] for one in fragments] != [version["id"] for version in kept]:
        verdict.wrong.append(f"{where}: versions are missing or in another order")
        return
    repository = home / said["repository"]
    at_commit = trees(repository, [one["commit"] for one in fragments])
    blobs = {blob for tree in at_commit.values() for blob in tree.values()}
    for name, data in contents(repository, blobs):
        if hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest() != name:
            verdict.wrong.append(f"{where}: blob {name} is not what it says")
    before: dict[str, str] = {}
    flawed: dict[str, str] = {}
    for version, fragment in zip(kept, fragments, strict=True):
        tree = at_commit[fragment["commit"]]
        judge_version(where, version, fragment, tree, before, flawed, verdict)
        before = tree
    judge_commits(where, told, kept, fragments, repository, verdict)


def judge_version(
    where: str, version: Any, fragment: Any, tree: dict[str, str], before: dict[str, str],
    flawed: dict[str, str], verdict: Verdict,
) -> None:  # fmt: skip
    """`flawed`: path to why what the previous version's tree holds of it is not known to be whole."""
    listed: dict[str, list[Any]] = {}
    for one in fragment["files"]:
        listed.setdefault(one["path"], []).append(one)
    keys = {one["key"] for one in fragment["files"]}
    for key in version["unsafe"]:
        if key not in keys and key.encode("unicode_escape").decode() not in keys:
            verdict.wrong.append(f"{where} v{version['at']}: unsafe key {key[:60]!r} is not named")
    for path in sorted({*version["files"], *tree}):
        spot = f"{where} v{version['at']} {path}"
        outcomes = {one["outcome"] for one in listed.get(path, [])}
        notes = " ".join(one["note"] or "" for one in listed.get(path, []))
        _judge_file(spot, version["files"].get(path), tree.get(path), outcomes, notes, before.get(path),
                    path, flawed, verdict)  # fmt: skip


def _judge_file(
    spot: str, true: Any, got: str | None, outcomes: set[str], notes: str, before: str | None,
    path: str, flawed: dict[str, str], verdict: Verdict,
) -> None:  # fmt: skip
    counts = verdict.counts
    named = outcomes & NAMED
    for outcome in outcomes or {"plain"}:
        counts[outcome] += 1
    if true and got == true["sha"] and true["kind"] != "placeholder":
        flawed.pop(path, None)
        counts["whole"] += 1
        if named & {"damaged", "binary_cut"}:
            stored = "as agent wrote it" if true["text"] == true["sha"] else "although whole"
            counts[f"false alarm: {sorted(named)} {stored}"] += 1
        return
    if not true:
        # Nothing that was ever there: only a restored version may lack what is carried forward.
        if not named:
            verdict.wrong.append(f"{spot}: an extra file, not named")
        return
    if true["kind"] == "placeholder":
        if (
            "placeholder" not in named
            and not (named and "placeholder" in notes.lower())
            and "refused" not in named
        ):
            verdict.wrong.append(f"{spot}: a placeholder, named {sorted(outcomes)} {notes!r}")
        return
    counts[f"not whole: {sorted(named)}"] += 1
    if got is None and not named:
        if true["text"] is None:
            counts["gone with lost versions"] += 1
        else:
            verdict.wrong.append(f"{spot}: missing, not named; {brief(true)}")
        return
    if named <= {"duplicate"}:
        verdict.wrong.append(f"{spot}: SILENTLY WRONG {sorted(outcomes)} {notes!r}; {brief(true)}")
    elif "repaired" in named:
        known = [
            one
            for one in true.get("proofs", [])
            if one["sha"] == true["sha"] and one["how"] != "failed"
        ]
        from_ = [one for one in true.get("proofs", []) if one["sha"] == got]
        if "different texts prove" in notes:
            counts["repaired to another of several that prove equally"] += 1
        elif true["kind"] == "same":
            counts["repaired, though an agent wrote the cut text anew"] += 1
        elif known or not from_ or all(one["how"] == "failed" for one in from_):
            verdict.wrong.append(
                f"{spot}: REPAIRED WRONGLY {notes!r} from {from_} though {known}; {brief(true)}"
            )
        else:
            counts["repaired wrongly, the truth is nowhere"] += 1
            verdict.missed.append(
                f"{spot}: repaired wrongly, the truth is nowhere {notes!r} from {from_}; {brief(true)}"
            )
    elif "damaged" in named:
        proofs = {
            one["how"]
            for one in true.get("proofs", [])
            if one["sha"] == true["sha"] and one["how"] != "failed"
        }
        if proofs and got == true["text"]:
            verdict.missed.append(
                f"{spot}: damaged though {true['proofs']} {notes!r}; {brief(true)}"
            )
            counts[f"missed repair: {sorted(proofs)}"] += 1
    elif "carried_forward" in named:
        if before != got:
            verdict.wrong.append(f"{spot}: carried forward, but not from the version before")


def brief(true: Any) -> str:
    """The oracle's word on a file, short."""
    return str({key: value for key, value in true.items() if key not in {"proofs"}})


def judge_commits(
    where: str, told: Any, kept: list[Any], fragments: list[Any], repository: Path, verdict: Verdict
) -> None:
    """Dates, trailers and the order of commits."""
    form = "%H%x00%at%x00%ct%x00%(trailers:key=Legacy-Fragment,valueonly)%x00%ae%x00%an%x00%P%x01"
    out = run(repository, "log", f"--format={form}", "main").decode().split("\x01\n")
    found = {line.split("\0")[0].strip(): line.split("\0") for line in out if line.strip()}
    twins = {twin["title"] for twin in told["twins"]}
    parent = ""
    for version, fragment in zip(kept, fragments, strict=True):
        line = found.get(fragment["commit"])
        spot = f"{where} v{version['at']}"
        if line is None:
            verdict.wrong.append(f"{spot}: its commit is not on main")
            continue
        if (
            int(line[1]) != version["createdAt"] // 1000
            or int(line[2]) != version["updatedAt"] // 1000
        ):
            verdict.wrong.append(f"{spot}: dates {line[1:3]}")
        if line[3].strip() != version["id"]:
            verdict.wrong.append(f"{spot}: trailer {line[3]!r} {version['title'][:50]!r}")
        if version["title"] in twins and "@" not in line[4]:
            verdict.wrong.append(f"{spot}: author {line[4:6]}")
        if parent and line[6].strip() != parent:
            verdict.wrong.append(f"{spot}: its parent is not the version before")
        parent = fragment["commit"]
