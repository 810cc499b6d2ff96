"""Snapshots over HTTP (ENGINE-CONTRACT 3.3)."""

import math

from starlette.responses import Response

from sandboxd import schemas
from sandboxd.errors import BadRequest, NotSupported
from sandboxd.wire import Call, Routes, answer, not_supported, to_int

routes = Routes()


@routes.route("GET", "/snapshots")
async def list_snapshots(call: Call) -> Response:
    page = to_int(call.query.get("page", "1"), "page")
    limit = to_int(call.query.get("limit", "100"), "limit")
    if page < 1 or not 1 <= limit <= 200:
        raise BadRequest("page must be at least 1 and limit between 1 and 200")
    found = call.engine.snapshots.all()
    if name := call.query.get("name"):
        found = [record for record in found if name.lower() in record.name.lower()]
    if source := call.query.get("sourceSandboxId"):
        found = [record for record in found if record.source == source]
    if call.query.get("order", "asc").lower() == "desc":
        found.reverse()
    return answer(
        {
            "items": [schemas.snapshot(each) for each in found[(page - 1) * limit : page * limit]],
            "total": len(found),
            "page": page,
            "totalPages": math.ceil(len(found) / limit),
        }
    )


@routes.route("GET", "/snapshots/{s}")
async def get(call: Call) -> Response:
    return answer(schemas.snapshot(call.engine.snapshots.get(call.params["s"])))


@routes.route("DELETE", "/snapshots/{s}")
async def delete(call: Call) -> Response:
    await call.engine.delete_snapshot(call.params["s"])
    return answer({})


@routes.route("POST", "/snapshots/{s}/activate")
async def activate(call: Call) -> Response:
    return await get(call)


@routes.route("POST", "/snapshots")
async def create(_: Call) -> Response:
    raise NotSupported("Building images is not supported by sandboxd; snapshot a sandbox instead")


routes.add("GET", "/snapshots/{s}/build-logs-url", not_supported)
