"""The one policy of what a version may hold."""

import pytest

from keelway.fragments.errors import UnsafePath
from keelway.fragments.paths import check_link, check_path, ignored

UNSAFE = [
    *("", "/etc/passwd", "..", "a/../b", "./a", "a//b", "a/", "a\\b", "a\nb", "a\x1b[0m", "a\x7f"),
    *(
        ".git",
        ".GIT/config",
        "a/.git/hooks/x",
        "git~1",
        ".git ",
        ".git.",
        ".git::$INDEX_ALLOCATION",
    ),
    *(
        ".g\u200cit",
        "\ufeff.git",
        ".gitmodules",
        ".GITMODULES",
        "gitmod~1",
        "GI7EBA~1",
        ".gitmodules ",
    ),
    *("x" * 256, "é" * 128, "/".join(["x" * 200] * 21), "a\udcffb"),
]
SAFE = [
    *(
        "a",
        "src/App.tsx",
        ".gitignore",
        ".github/x.yml",
        "-x",
        "é.txt",
        "e\u0301.txt",
        "日本/語.md",
    ),
    *("git", "a.git", "..a", "a b", "x" * 255, "gi7eba~x", "con", "[id].tsx", "$a", "'q'.txt"),
]


@pytest.mark.parametrize("path", UNSAFE)
def test_what_could_leave_the_project_or_reach_git_is_refused_with_a_sentence(path: str) -> None:
    with pytest.raises(UnsafePath) as refused:
        check_path(path)
    assert refused.value.message.endswith((".", ").")) or "'" in refused.value.message
    assert refused.value.message.isprintable()


@pytest.mark.parametrize("path", SAFE)
def test_ordinary_and_odd_names_are_kept_as_they_are(path: str) -> None:
    assert check_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        *(
            "node_modules/x",
            "a/node_modules/b/c",
            "dist/index.js",
            "build/x",
            ".vite/deps",
            ".git/x",
        ),
        *(".env", ".env.local", "app/.env.production", ".next/x", "coverage/lcov", ".cache/x"),
    ],
)
def test_dependencies_output_caches_and_secrets_are_left_out(path: str) -> None:
    assert ignored(path)


@pytest.mark.parametrize(
    "path", ["src/build/x.ts", "build", ".env.example", "environment.ts", "src/dist.ts", "a/out/b"]
)
def test_sources_that_only_look_like_output_are_kept(path: str) -> None:
    assert not ignored(path)


@pytest.mark.parametrize(
    ("path", "target"),
    [
        *(("l", b"/etc/passwd"), ("l", b".."), ("l", b"../x"), ("a/l", b"../../x"), ("l", b"")),
        *(("l", b"d/../.."), ("a/l", b"d/.."), ("l", b".git/config"), ("l", b"\xff")),
        *((".gitattributes", b"x"), ("l", b"a\\b")),
    ],
)
def test_a_link_that_leads_out_is_refused(path: str, target: bytes) -> None:
    with pytest.raises(UnsafePath):
        check_link(path, target)


@pytest.mark.parametrize(
    ("path", "target"), [("l", b"x"), ("a/l", b"../x"), ("a/b/l", b"../../x/y"), ("l", b"./x")]
)
def test_a_link_that_stays_inside_is_kept(path: str, target: bytes) -> None:
    check_link(path, target)
