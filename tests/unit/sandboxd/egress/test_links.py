import json

import pytest

from sandboxd.egress.links import NPM, PYPI_HTML, PYPI_JSON, Kind, Rewriter


def rewritten(kind: Kind, text: bytes, size: int) -> bytes:
    rewriter = Rewriter(kind, lambda link: f"ours:{link}")
    parts = [rewriter.feed(text[at : at + size]) for at in range(0, len(text), size)]
    return b"".join([*parts, rewriter.finish()])


PACKAGE = json.dumps(
    {
        "versions": {
            "1.0.0": {"dist": {"tarball": "https://a/x-1.tgz", "shasum": "s"}},
            "2.0.0": {"dist": {"tarball": 'https://a/"odd"\\.tgz'}, "description": '"tarball"'},
            "3.0.0": {"tarball": None, "note": "tarball", "bin": {"tarball": ""}},
        }
    }
).encode()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 10_000])
def test_links_are_rewritten_however_the_page_is_cut(size: int) -> None:
    page = json.loads(rewritten(NPM, PACKAGE, size))
    versions = page["versions"]
    assert versions["1.0.0"]["dist"] == {"tarball": "ours:https://a/x-1.tgz", "shasum": "s"}
    assert versions["2.0.0"]["dist"]["tarball"] == 'ours:https://a/"odd"\\.tgz'
    assert versions["2.0.0"]["description"] == '"tarball"'
    assert versions["3.0.0"]["note"] == "tarball"


@pytest.mark.parametrize("size", [1, 5, 10_000])
def test_html_links_keep_their_quotes_and_their_meaning(size: int) -> None:
    html = b"""<a href="../x.whl#sha256=1&amp;y" data-x='1'>x</a><a href='b'>b</a> href"""
    assert rewritten(PYPI_HTML, html, size) == (
        b"""<a href="ours:../x.whl#sha256=1&amp;y" data-x='1'>x</a><a href='ours:b'>b</a> href"""
    )


def test_json_of_the_index() -> None:
    text = b'{"files": [{"filename": "a.whl", "url" : "https:\\/\\/f\\/a.whl"}]}'
    assert json.loads(rewritten(PYPI_JSON, text, 4))["files"][0]["url"] == "ours:https://f/a.whl"


def test_what_is_no_link_passes_and_memory_stays_small() -> None:
    rewriter = Rewriter(NPM, lambda link: link)
    endless = b'"tarball": "' + b"x" * 1_000_000
    passed = sum(len(rewriter.feed(endless[at : at + 4096])) for at in range(0, len(endless), 4096))
    assert passed > len(endless) - 20_000
    broken = b'{"tarball": "\\u12"} \xff "tarball": "\xff"'
    assert rewritten(NPM, broken, 10_000) == broken
