"""HTTP: a project's history, what differs between two versions, and the files of one."""

from typing import Annotated, Protocol, cast
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Response
from fastapi.requests import HTTPConnection
from pydantic import Field

from keelway.accounts.access import CanView
from keelway.errors import Invalid, NotFound
from keelway.fragments.marks import marked
from keelway.fragments.store import FragmentStore
from keelway.fragments.wire import FragmentOut, Wire, one, shown

router = APIRouter(tags=["fragments"])

PAGE = 50
PICTURES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "ico": "image/x-icon",
}
"""What may be shown as it is; all else is a download, since SVG and HTML run scripts (TRUST.md T12)."""


class FileNotInVersion(NotFound):
    """That version has no such file."""


class BadCursor(Invalid):
    """A cursor is what an earlier page gave as nextCursor."""


class FragmentList(Wire):
    items: list[FragmentOut]
    next_cursor: str | None


class FileChangeOut(Wire):
    path: str
    old_path: str | None
    status: str
    added: int
    removed: int
    binary: bool
    old_size: int | None
    new_size: int | None
    patch: str | None


class DiffOut(Wire):
    from_: Annotated[str | None, Field(alias="from")]
    to: str
    files: list[FileChangeOut]


class MarkOut(Wire):
    """Why a file is not whole: `outcome` damaged, placeholder or binary_cut; `note` for people."""

    outcome: str
    note: str


class FileOut(Wire):
    path: str
    size: int
    mode: int
    mark: MarkOut | None = None


class FileList(Wire):
    items: list[FileOut]


class _Services(Protocol):
    @property
    def store(self) -> FragmentStore: ...


async def _store(connection: HTTPConnection) -> FragmentStore:
    return cast(_Services, connection.app.state.services).store


Store = Annotated[FragmentStore, Depends(_store)]


@router.get("/api/projects/{project_id}/fragments")
async def list_fragments(
    project: CanView,
    store: Store,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = PAGE,
    branch: str | None = None,
) -> FragmentList:
    """Versions, newest first."""
    before = _number(cursor)
    found = await store.page(project.key, branch=branch, before=before, limit=limit + 1)
    more = len(found) > limit
    items = await shown(store, project.key, found[:limit])
    return FragmentList(items=items, next_cursor=str(items[-1].number) if more else None)


@router.get("/api/projects/{project_id}/fragments/{fid}")
async def get_fragment(fid: str, project: CanView, store: Store) -> FragmentOut:
    """One version or step, by id or as `v9`."""
    return await one(store, await store.get(project.key, fid))


@router.get("/api/projects/{project_id}/fragments/{fid}/diff")
async def get_diff(fid: str, project: CanView, store: Store, against: str | None = None) -> DiffOut:
    """What differs from `against`, by default from the version before."""
    fragment = await store.get(project.key, fid)
    if against is not None:
        before = await store.get(project.key, against)
    else:
        before = await store.previous_version(fragment)
    changes = await store.compare(project.key, before.tree if before else None, fragment.tree)
    return DiffOut(
        from_=before.id if before else None,
        to=fragment.id,
        files=[FileChangeOut.model_validate(change, from_attributes=True) for change in changes],
    )


@router.get("/api/projects/{project_id}/fragments/{fid}/files")
async def list_files(fid: str, project: CanView, store: Store) -> FileList:
    """Every file of a version, by path."""
    fragment = await store.get(project.key, fid)
    tree = await store.tree(project.key, fragment.tree)
    known = marked(tree, await store.marks(project.key))
    rows = [
        FileOut(
            path=path,
            size=each.size,
            mode=each.mode,
            mark=MarkOut(outcome=known[path].outcome, note=known[path].note)
            if path in known
            else None,
        )
        for path, each in tree.items()
    ]
    return FileList(items=sorted(rows, key=lambda row: row.path))


@router.get(
    "/api/projects/{project_id}/fragments/{fid}/files/{path:path}",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
async def get_file(fid: str, path: str, project: CanView, store: Store) -> Response:
    """A file's bytes, never as something that a browser would run."""
    fragment = await store.get(project.key, fid)
    entry = (await store.tree(project.key, fragment.tree)).get(path)
    if entry is None:
        raise FileNotInVersion("That version has no such file.", path=path)
    data = (await store.read(project.key, [entry.oid]))[entry.oid]
    name = path.rsplit("/", 1)[-1]
    picture = PICTURES.get(name.rsplit(".", 1)[-1].lower())
    return Response(
        data,
        media_type=picture or "application/octet-stream",
        headers={
            "content-disposition": "inline"
            if picture
            else f"attachment; filename*=UTF-8''{quote(name)}",
            "content-security-policy": "sandbox; default-src 'none'",
            "x-content-type-options": "nosniff",
        },
    )


def _number(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
        raise BadCursor("Use the `nextCursor` of an earlier answer as `cursor`.")
    return int(cursor)
