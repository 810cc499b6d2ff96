"""Git over HTTP (ENGINE-CONTRACT 4.6)."""

from typing import Literal

from pydantic import BaseModel, StrictBool, StrictInt, StrictStr
from starlette.responses import Response

from sandboxd.errors import BadRequest
from sandboxd.toolbox.git_command import git
from sandboxd.toolbox.git_status import parse_status
from sandboxd.toolbox.inside import Inside, inside
from sandboxd.wire import Call, M, Routes, answer, not_supported, nothing

routes = Routes()


class Repository(BaseModel):
    path: StrictStr


class Remote(Repository):
    username: StrictStr | None = None
    password: StrictStr | None = None
    branch: StrictStr | None = None
    remote: StrictStr | None = None
    set_upstream: StrictBool | None = None


class Clone(Remote):
    url: StrictStr
    commit_id: StrictStr | None = None
    insecure_skip_tls: StrictBool | None = None
    depth: StrictInt | None = None


class Named(Repository):
    name: StrictStr


class Checkout(Repository):
    branch: StrictStr


class Add(Repository):
    files: list[StrictStr]


class Commit(Repository):
    message: StrictStr
    author: StrictStr
    email: StrictStr
    allow_empty: StrictBool | None = None


class Init(Repository):
    bare: StrictBool | None = None
    initial_branch: StrictStr | None = None


class Reset(Repository):
    mode: Literal["soft", "mixed", "hard", "merge", "keep"] | None = None
    target: StrictStr | None = None
    files: list[StrictStr] | None = None


class Restore(Repository):
    files: list[StrictStr]
    staged: StrictBool | None = None
    worktree: StrictBool | None = None
    source: StrictStr | None = None


class NewRemote(Named):
    url: StrictStr
    fetch: StrictBool | None = None
    overwrite: StrictBool | None = None


Scope = Literal["global", "local", "system"]


class Config(BaseModel):
    key: StrictStr
    value: StrictStr
    scope: Scope | None = None
    path: StrictStr | None = None


class User(BaseModel):
    name: StrictStr
    email: StrictStr
    scope: Scope | None = None
    path: StrictStr | None = None


async def _asked(call: Call, model: type[M]) -> tuple[Inside, M]:
    return inside(call), await call.model(model)


def word(text: str, what: str) -> str:
    """A name that git cannot take for an option. Raises `BadRequest`."""
    if not text or text.startswith("-") or any(ord(sign) < 32 for sign in text):
        raise BadRequest(f"{what} is not a valid name: {text!r}")
    return text


@routes.route("POST", "/git/clone")
async def clone(call: Call) -> Response:
    within, body = await _asked(call, Clone)
    options = ["-c", "http.sslVerify=false"] if body.insecure_skip_tls else []
    words = ["clone"]
    if body.branch:
        words += ["--branch", word(body.branch, "branch")]
    if body.depth:
        words += ["--depth", str(body.depth)]
    target = within.path(body.path)
    credentials = {"username": body.username, "password": body.password}
    with call.box.activity():
        await git(within, "/", *words, "--", body.url, target, options=options, **credentials)  # type: ignore[arg-type]
        if body.commit_id:
            await git(within, target, "checkout", word(body.commit_id, "commit_id"), "--")
    return nothing()


@routes.route("GET", "/git/status")
async def status(call: Call) -> Response:
    within = inside(call)
    words = ["status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all"]
    _, output = await git(within, within.path(call.need("path")), *words)
    return answer(parse_status(output))


@routes.route("GET", "/git/branches")
async def branches(call: Call) -> Response:
    within = inside(call)
    path = within.path(call.need("path"))
    _, names = await git(within, path, "branch", "--format=%(refname:short)", "--list")
    code, current = await git(within, path, "symbolic-ref", "--short", "-q", "HEAD", allowed=(0, 1))
    found = [name for name in names.splitlines() if name and not name.startswith("(")]
    shown: dict[str, object] = {"branches": found}
    if code == 0:
        shown["current"] = current.strip()
    return answer(shown)


@routes.route("POST", "/git/branches")
async def create_branch(call: Call) -> Response:
    within, body = await _asked(call, Named)
    await git(within, within.path(body.path), "branch", "--", word(body.name, "name"))
    return nothing(201)


@routes.route("DELETE", "/git/branches")
async def delete_branch(call: Call) -> Response:
    within, body = await _asked(call, Named)
    await git(within, within.path(body.path), "branch", "-D", "--", word(body.name, "name"))
    return nothing(204)


@routes.route("POST", "/git/checkout")
async def checkout(call: Call) -> Response:
    within, body = await _asked(call, Checkout)
    await git(within, within.path(body.path), "checkout", word(body.branch, "branch"), "--")
    return nothing()


@routes.route("POST", "/git/add")
async def add(call: Call) -> Response:
    within, body = await _asked(call, Add)
    await git(within, within.path(body.path), "add", "--", *(body.files or ["."]))
    return nothing()


@routes.route("POST", "/git/commit")
async def commit(call: Call) -> Response:
    within, body = await _asked(call, Commit)
    path = within.path(body.path)
    options = ["-c", f"user.name={body.author}", "-c", f"user.email={body.email}"]
    words = ["commit", "--quiet", f"--message={body.message}"]
    if body.allow_empty:
        words.append("--allow-empty")
    await git(within, path, *words, options=options)
    _, name = await git(within, path, "rev-parse", "HEAD")
    return answer({"hash": name.strip()})


@routes.route("POST", "/git/init")
async def init(call: Call) -> Response:
    within, body = await _asked(call, Init)
    words = ["init", "--quiet"]
    if body.bare:
        words.append("--bare")
    if body.initial_branch:
        words.append(f"--initial-branch={word(body.initial_branch, 'initial_branch')}")
    await git(within, "/", *words, "--", within.path(body.path))
    return nothing(201)


@routes.route("POST", "/git/push")
async def push(call: Call) -> Response:
    within, body = await _asked(call, Remote)
    words = ["push"]
    if body.set_upstream:
        words.append("--set-upstream")
    return await _exchange(call, within, body, words)


@routes.route("POST", "/git/pull")
async def pull(call: Call) -> Response:
    within, body = await _asked(call, Remote)
    return await _exchange(call, within, body, ["pull", "--no-rebase"])


async def _exchange(call: Call, within: Inside, body: Remote, words: list[str]) -> Response:
    if body.remote or body.branch or body.set_upstream:
        words.append(word(body.remote or "origin", "remote"))
        words.append(word(body.branch or "HEAD", "branch"))
    with call.box.activity():
        path = within.path(body.path)
        await git(within, path, *words, username=body.username, password=body.password)
    return nothing()


@routes.route("POST", "/git/reset")
async def reset(call: Call) -> Response:
    within, body = await _asked(call, Reset)
    words = ["reset", "--quiet"]
    if body.mode:
        words.append(f"--{body.mode}")
    if body.target:
        words.append(word(body.target, "target"))
    await git(within, within.path(body.path), *words, "--", *(body.files or []))
    return nothing()


@routes.route("POST", "/git/restore")
async def restore(call: Call) -> Response:
    within, body = await _asked(call, Restore)
    words = ["restore"]
    if body.staged:
        words.append("--staged")
    if body.worktree:
        words.append("--worktree")
    if body.source:
        words.append(f"--source={word(body.source, 'source')}")
    await git(within, within.path(body.path), *words, "--", *body.files)
    return nothing()


@routes.route("GET", "/git/remotes")
async def remotes(call: Call) -> Response:
    within = inside(call)
    path = within.path(call.need("path"))
    _, names = await git(within, path, "remote")
    found: list[dict[str, str]] = []
    for name in names.split():
        _, url = await git(within, path, "remote", "get-url", "--", name)
        found.append({"name": name, "url": url.strip()})
    return answer({"remotes": found})


@routes.route("POST", "/git/remotes")
async def add_remote(call: Call) -> Response:
    within, body = await _asked(call, NewRemote)
    path, name = within.path(body.path), word(body.name, "name")
    if body.overwrite:
        await git(within, path, "remote", "remove", name, allowed=(0, 2))
    await git(within, path, "remote", "add", name, word(body.url, "url"))
    if body.fetch:
        await git(within, path, "fetch", name)
    return nothing(201)


@routes.route("GET", "/git/config")
async def get_config(call: Call) -> Response:
    within = inside(call)
    words, path = _scope(within, call.query.get("scope"), call.query.get("path"))
    key = word(call.need("key"), "key")
    code, value = await git(within, path, *words, "--get", key, allowed=(0, 1))
    return answer({"value": value.rstrip("\n") if code == 0 else None})


@routes.route("POST", "/git/config")
async def set_config(call: Call) -> Response:
    within, body = await _asked(call, Config)
    words, path = _scope(within, body.scope, body.path, writing=True)
    await git(within, path, *words, word(body.key, "key"), body.value)
    return nothing()


@routes.route("POST", "/git/config/user")
async def set_user(call: Call) -> Response:
    within, body = await _asked(call, User)
    words, path = _scope(within, body.scope, body.path, writing=True)
    await git(within, path, *words, "user.name", body.name)
    await git(within, path, *words, "user.email", body.email)
    return nothing()


def _scope(
    within: Inside, scope: str | None, path: str | None, *, writing: bool = False
) -> tuple[list[str], str]:
    """`git config` for a scope, and where to run it; without one, local in a repository."""
    if scope not in {None, "", "global", "local", "system"}:
        raise BadRequest("scope must be global, local or system")
    if not scope and writing:
        scope = "local" if path else "global"
    return ["config", *([f"--{scope}"] if scope else [])], within.path(path)


@routes.route("GET", "/git/history")
async def history(call: Call) -> Response:
    within = inside(call)
    words = ["log", "-z", "--max-count=200", "--format=%H%n%an%n%ae%n%aI%n%B"]
    _, output = await git(within, within.path(call.need("path")), *words)
    return answer([_commit(entry) for entry in output.split("\0") if entry])


def _commit(entry: str) -> dict[str, str]:
    name, author, email, moment, message = entry.split("\n", 4)
    return {
        "hash": name,
        "author": author,
        "email": email,
        "timestamp": moment,
        "message": message.strip(),
    }


routes.add("POST", "/git/credentials", not_supported)
