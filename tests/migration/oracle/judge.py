"""An import held against the truth: every file of every version is whole, or named with an honest outcome."""

import hashlib
import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NAMED = {
    "repaired", "carried_forward", "damaged", "placeholder", "binary_cut", "refused", "duplicate",
}  # fmt: skip
EMPTY = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


@dataclass
class Verdict:
    """`wrong`: findings that break the promise; `counts`: what happened how often.

    `missed`: left damaged though the truth is there and proves; `hopeless`: repaired with a text that
    proves, where nothing that is left says that it is another.
    """

    wrong: list[str] = field(default_factory=list[str])
    missed: list[str] = field(default_factory=list[str])
    hopeless: list[str] = field(default_factory=list[str])
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
    below = base_of(repository, fragments[0]["commit"])
    if bool(below) != ("assumed" in said["base"]):
        verdict.wrong.append(f"{where}: the base is {said['base']}, but git has {len(below)} files")
    blobs = {blob for tree in at_commit.values() for blob in tree.values()}
    for name, data in contents(repository, blobs):
        if hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest() != name:
            verdict.wrong.append(f"{where}: blob {name} is not what it says")
    before = below
    flawed: dict[str, str] = {}
    refused: set[str] = set()
    cased: set[str] = set()
    for version, fragment in zip(kept, fragments, strict=True):
        tree = at_commit[fragment["commit"]]
        for path, name in below.items():
            if path not in version["files"]:
                version["files"][path] = {
                    "sha": name,
                    "kind": "base",
                    "text": None,
                    "seen": True,
                    "gaps": False,
                }
        judge_version(where, version, fragment, tree, before, flawed, refused, cased, verdict)
        before = tree
    judge_commits(where, told, kept, fragments, repository, verdict)
    judge_active(told, kept, said, verdict)


def base_of(repository: Path, first: str) -> dict[str, str]:
    """The files of what was laid under the first version."""
    line = run(repository, "rev-list", "--parents", "-n1", first).decode().split()
    return trees(repository, line[1:])[line[1]] if line[1:] else {}


def judge_active(told: Any, kept: list[Any], said: Any, verdict: Verdict) -> None:
    """The active version is the row's; where that dangles, the newest twin's, then the newest."""
    got = said["active_fragment"]
    ids = [version["id"] for version in kept]
    if told["active"] in ids:
        right_ones = [told["active"]]
    elif told["active"] is None:
        right_ones = [ids[-1]]
    else:
        newest = max((twin["createdAt"] for twin in told["twins"]), default=None)
        titles = {twin["title"] for twin in told["twins"] if twin["createdAt"] == newest}
        right_ones = [version["id"] for version in kept if version["title"] in titles]
        right_ones = right_ones or [ids[-1]]
        if told["active"] not in " ".join(said["notes"]):
            verdict.wrong.append(f"{told['id']}: nothing is said of the active version")
    if got not in right_ones:
        verdict.wrong.append(f"{told['id']}: active is {got}, not {right_ones}")


def judge_version(
    where: str, version: Any, fragment: Any, tree: dict[str, str], before: dict[str, str],
    flawed: dict[str, str], refused: set[str], cased: set[str], verdict: Verdict,
) -> None:  # fmt: skip
    """`flawed`: path to the blob that an earlier version's report called damaged or cut."""
    listed: dict[str, list[Any]] = {}
    for one in fragment["files"]:
        listed.setdefault(one["path"], []).append(one)
    keys = {one["key"] for one in fragment["files"]}
    for key in version["unsafe"]:
        shown = {key[:200], key.encode("unicode_escape").decode()[:200]}
        if not any(one[:200] in shown for one in keys):
            verdict.wrong.append(f"{where} v{version['at']}: unsafe key {key[:60]!r} is not named")
    said = {
        path
        for one in fragment["files"]
        for path in [one["path"]]
        if "only in case" in (one["note"] or "")
    }
    cased.update(path.casefold() for path in said)
    folded = Counter(path.casefold() for path in tree)
    for path in sorted({path for path, count in folded.items() if count > 1} - cased):
        cased.add(path)
        verdict.wrong.append(f"{where} v{version['at']}: nothing is said of {path}'s case")
    for path in sorted({*version["files"], *tree}):
        named = {one["outcome"] for one in listed.get(path, [])}
        notes = " ".join(one["note"] or "" for one in listed.get(path, []))
        spot = f"{where} v{version['at']} {path[:60]}: {sorted(named)} {notes!r}"
        true, got = version["files"].get(path), tree.get(path)
        if true:
            true["at"] = version["at"]
        if "carried_forward" in named:
            if before.get(path) != got:
                verdict.wrong.append(f"{spot}: not from the version before")
            if got is not None and flawed.get(path) == got and "Still" not in notes:
                verdict.wrong.append(f"{spot}: does not say that it is damaged")
        if named & {"damaged", "binary_cut"} and got is not None:
            flawed[path] = got
        elif "repaired" in named:
            flawed.pop(path, None)
        if "refused" in named or (path in refused and (true or {}).get("sha") != got):
            # A file took a folder's place, or the other way round: named when it happened.
            refused.add(path)
            named |= {"refused"}
        else:
            refused.discard(path)
        judge_file(spot, true, got, named & NAMED, notes, verdict)


def judge_file(
    spot: str, true: Any, got: str | None, named: set[str], notes: str, verdict: Verdict
) -> None:
    """One file of one version."""
    counts = verdict.counts
    for outcome in named or {"plain"}:
        counts[outcome] += 1
    if not true:
        # Only a version made from an older one may lack what is carried forward.
        if not named:
            verdict.wrong.append(f"{spot}: an extra file")
    elif true["kind"] == "placeholder" and got == true["sha"]:
        if "placeholder" not in f"{named} {notes}".lower():
            verdict.wrong.append(f"{spot}: a placeholder passed off as whole")
    elif got == true["sha"]:
        counts["whole"] += 1
        cut = true["text"] != true["sha"] and true["kind"] == "text"
        if "repaired" in named and cut and not right(true):
            verdict.wrong.append(f"{spot}: right, but from where? {true}")
        if named & {"damaged", "binary_cut"}:
            counts[f"whole, yet called {sorted(named)}"] += 1
    elif not named - {"duplicate"} and not known(true):
        counts["gone with versions that are lost"] += 1
    elif named <= {"duplicate"} and got == EMPTY:
        # A read that had failed looks like an empty file; only its first version may tell.
        verdict.counts[f"empty by a failed read, {'said so' if notes else 'without a word'}"] += 1
    elif named <= {"duplicate"}:
        verdict.wrong.append(f"{spot}: SILENTLY WRONG; {brief(true)}")
    elif "repaired" in named:
        judge_repair(spot, true, got, notes, verdict)
    else:
        counts[f"not whole: {sorted(named)}"] += 1
        if "damaged" in named and true["text"] and got != true["text"]:
            verdict.wrong.append(f"{spot}: not as it was stored; {brief(true)}")
        if named & {"damaged", "binary_cut"} and (proofs := right(true)):
            late = " (later)" if all(one["version"] > true["at"] for one in proofs) else ""
            counts[f"missed repair{late}: {sorted({one['how'] for one in proofs})}"] += 1
            if not late:
                verdict.missed.append(
                    f"{spot}: not repaired though {true['proofs']}; {brief(true)}"
                )


def known(true: Any) -> bool:
    """Whether a reader of the rows that are left could know of the truth at all."""
    beaten = true["text"] is None or true["stored"] != true["key"]
    return true["text"] == true["sha"] or (true["seen"] and not (beaten and true["gaps"]))


def allowed(true: Any) -> list[Any]:
    """The proofs that a repair may use, the nearest last; what failed was never in the project.

    Later ones count where nothing shows that the file was written anew in between.
    """
    found = [one for one in true.get("proofs", []) if one["how"] != "failed"]
    later = [one for one in found if one["version"] > true["at"] and not one["rewritten"]]
    return [*reversed(later), *(one for one in found if one["version"] <= true["at"])]


def right(true: Any) -> list[Any]:
    """Where the truth is still to be found, with a cut that proves."""
    return [one for one in allowed(true) if one["sha"] == true["sha"]]


def judge_repair(spot: str, true: Any, got: str | None, notes: str, verdict: Verdict) -> None:
    """A repair that is not the truth: only where several texts prove, and the report says so."""
    may = allowed(true)
    used = [one for one in true.get("proofs", []) if one["sha"] == got]
    if true["text"] == true["sha"]:
        verdict.counts["repaired, though an agent wrote the cut text anew"] += 1
    elif all(one not in may for one in used):
        verdict.wrong.append(f"{spot}: NOT ALLOWED: from {used} though {may}; {brief(true)}")
    elif may[-1]["sha"] == true["sha"] and not ("is the same file" in notes and true["gaps"]):
        verdict.wrong.append(f"{spot}: NOT THE NEAREST: from {used} though {may}; {brief(true)}")
    elif right(true) and "different texts prove" not in notes:
        verdict.wrong.append(f"{spot}: SAYS NOTHING: from {used} though {may}; {brief(true)}")
    elif right(true):
        verdict.counts["repaired with another of several that prove, and said so"] += 1
    else:
        verdict.counts["repaired wrongly, where the truth is nowhere"] += 1
        verdict.hopeless.append(f"{spot}: the truth is nowhere; from {used}; {brief(true)}")


def brief(true: Any) -> str:
    """The oracle's word on a file, short."""
    return str({key: value for key, value in true.items() if key != "proofs"})


def visible(title: str) -> str:
    """What of a title is to be read on one line, whether its control characters are escaped or left out."""
    return "".join(filter(str.isalnum, re.sub(r"\\x[0-9a-f]{2}|\\[nrt]", "", title)))


def judge_commits(
    where: str, told: Any, kept: list[Any], fragments: list[Any], repository: Path, verdict: Verdict
) -> None:
    """Dates, trailers and the order of commits."""
    form = "%H%x00%at%x00%ct%x00%(trailers:key=Legacy-Fragment,valueonly)%x00%ae%x00%an%x00%P"
    form += "%x00%s%x00%(trailers:key=Legacy-Title,valueonly,unfold)%x01"
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
        said = {visible(line[at])[:150] for at in (7, 8)}
        if visible(version["title"])[:150] not in said:
            verdict.wrong.append(f"{spot}: title {version['title'][:200]!r} is {said}"[:400])
        if parent and line[6].strip() != parent:
            verdict.wrong.append(f"{spot}: its parent is not the version before")
        parent = fragment["commit"]
