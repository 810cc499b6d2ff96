"""Which paths a version may hold: the one policy.

A path is relative to the project's root, UTF-8, with `/` between segments, kept byte for byte as it
was given. It is not normalised: a command may well create a file whose name is not in NFC, and a
restore must bring back exactly that file (TRUST.md, P2). Refused is what could leave the project or
reach a repository's own files on any system that clones it, and what no terminal can show.
"""

import re
import unicodedata

from keelway.fragments.errors import UnsafePath

SEGMENT_BYTES = 255
PATH_BYTES = 4096

IGNORED_NAMES: frozenset[str] = frozenset(
    {
        # repositories and dependencies: made again from lock files
        *(".git", "node_modules", ".pnpm-store", ".npm", ".yarn", ".venv"),
        # build output and caches
        *("dist", ".vite", ".next", ".nuxt", ".output", ".svelte-kit", ".astro", ".parcel-cache"),
        *(".turbo", ".cache", ".vercel", ".netlify", ".nyc_output", "__pycache__"),
        *(".pytest_cache", ".mypy_cache", ".ruff_cache"),
    }
)
"""Folder names that no version holds, at any depth: what the manifest's `find` prunes."""

IGNORED_AT_ROOT: frozenset[str] = frozenset({"build", "out", "coverage"})
"""Output folders of builds and tests, at the root only: deeper, such a name may be source code."""

_IGNORED_FILES = re.compile(
    r"\.DS_Store|npm-debug\.log.*|yarn-error\.log|.+\.tsbuildinfo", re.IGNORECASE
)
_KEPT_ENV = frozenset({".env.example", ".env.sample", ".env.template"})
"""They name a project's variables and hold no values; without them nobody knows what to set."""

# HFS+ ignores these inside names, so `.g\u200cit` is `.git` on a Mac.
_INVISIBLE_ON_HFS = dict.fromkeys(
    [*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF]
)
# NTFS drops trailing dots and spaces, gives `git~1` as a short name, and `:` starts a stream.
_DOT_GIT = re.compile(r"(\.git|git~1)[. ]*(:.*)?", re.IGNORECASE | re.DOTALL)
_DOT_GITMODULES = re.compile(
    r"(\.gitmodules|gitmod~[1-4]|(?=.{8}([. :]|$))(gi7eba|gi7eb|gi7e|gi7|gi|g)?~[1-9][0-9]*)"
    r"[. ]*(:.*)?",
    re.IGNORECASE | re.DOTALL,
)
_GIT_FILES = re.compile(r"\.(gitattributes|gitignore|mailmap)[. ]*(:.*)?", re.IGNORECASE)


def check_path(path: str) -> str:
    """The path itself, when a version may hold it.

    Raises:
        UnsafePath: With a sentence that says what is wrong, fit for the model and for people.
    """
    problem = _problem(path)
    if problem is not None:
        raise UnsafePath(f"{_shown(path)} {problem}", path=path)
    return path


def check_link(path: str, target: bytes) -> None:
    """A symbolic link may only point at something inside the project.

    `..` is allowed at the beginning of a target only: behind a name it could step out of a folder
    that is itself a link. So by induction no chain of links leaves the project.

    Raises:
        UnsafePath: The target is absolute, leaves the project, or is not text.
    """
    try:
        text = target.decode()
    except UnicodeDecodeError:
        text = ""
    parts = text.split("/")
    ups = 0
    while ups < len(parts) and parts[ups] in {"..", "."}:
        ups += 1
    climbs = parts[:ups].count("..")
    inside = bool(text) and not text.startswith("/") and climbs <= path.count("/")
    plain = not any(part == ".." or _DOT_GIT.fullmatch(part) for part in parts[ups:])
    if not (inside and plain and len(target) <= PATH_BYTES and "\\" not in text):
        raise UnsafePath(f"{_shown(path)} is a link that leads out of the project.", path=path)
    if _GIT_FILES.fullmatch(path.rsplit("/", 1)[-1].translate(_INVISIBLE_ON_HFS)):
        raise UnsafePath(f"{_shown(path)} may not be a link: git refuses it.", path=path)


def ignored(path: str) -> bool:
    """The service's own list: dependencies, build output, caches, repositories, secrets.

    The project's `.gitignore` is written by the agent and therefore has no say.
    """
    segments = path.split("/")
    if segments[0] in IGNORED_AT_ROOT and len(segments) > 1:
        return True
    if any(segment in IGNORED_NAMES for segment in segments):
        return True
    name = segments[-1]
    if any(part.startswith(".env") and part not in _KEPT_ENV for part in segments):
        return True
    return _IGNORED_FILES.fullmatch(name) is not None


def _problem(path: str) -> str | None:
    if not path:
        return "is empty; name a file."
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        return "is not valid Unicode."
    if size > PATH_BYTES:
        return f"is longer than {PATH_BYTES} bytes."
    if path.startswith("/"):
        return "is absolute; paths are relative to the project's root."
    if "\\" in path:
        return "contains a backslash; separate folders by '/'."
    if any(unicodedata.category(char) == "Cc" for char in path):
        return "contains a control character."
    for segment in path.split("/"):
        if (problem := _segment_problem(segment)) is not None:
            return problem
    return None


def _segment_problem(segment: str) -> str | None:
    if segment == "":
        return "has an empty part ('//' or a '/' at the end)."
    if segment in {".", ".."}:
        return f"contains '{segment}'; write the path without it."
    if len(segment.encode()) > SEGMENT_BYTES:
        return f"has a part longer than {SEGMENT_BYTES} bytes."
    visible = segment.translate(_INVISIBLE_ON_HFS)
    if _DOT_GIT.fullmatch(visible):
        return "belongs to git itself and is protected."
    if _DOT_GITMODULES.fullmatch(visible):
        return "would declare submodules, which versions do not hold."
    return None


def _shown(path: str) -> str:
    text = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in path)
    return f"'{text if len(text) <= 200 else text[:200] + '…'}'"
