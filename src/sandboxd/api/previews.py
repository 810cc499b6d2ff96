"""Preview links, signed ones, and the key that signs file addresses (ENGINE-CONTRACT 3.2, 8)."""

from starlette.responses import Response

from sandboxd.errors import BadRequest, NotFound
from sandboxd.ids import new_token
from sandboxd.wire import Call, Routes, answer, to_int

routes = Routes()


@routes.route("GET", "/sandbox/{s}/ports/{port}/preview-url")
async def preview_url(call: Call) -> Response:
    port, box = _port(call), call.box
    return answer(
        {
            "sandboxId": box.id,
            "url": _site(call, port, box.id),
            "token": box.record.preview_token,
        }
    )


@routes.route("GET", "/sandbox/{s}/ports/{port}/signed-preview-url")
async def signed_url(call: Call) -> Response:
    port, box = _port(call), call.box
    token = call.engine.signed.issue(box.id, port, call.number("expiresInSeconds", 60))
    return answer(
        {"sandboxId": box.id, "port": port, "token": token, "url": _site(call, port, token)}
    )


@routes.route("POST", "/sandbox/{s}/ports/{port}/signed-preview-url/{token}/expire")
async def expire(call: Call) -> Response:
    if not call.engine.signed.expire(call.box.id, _port(call), call.params["token"]):
        raise NotFound("No such signed preview address")
    return answer({})


@routes.route("GET", "/sandbox/{s}/signing-key")
async def signing_key(call: Call) -> Response:
    return answer(call.box.record.signing_key)


@routes.route("POST", "/sandbox/{s}/signing-key/rotate")
async def rotate(call: Call) -> Response:
    await call.engine.change(call.box, signing_key=new_token())
    return await signing_key(call)


def _port(call: Call) -> int:
    port = to_int(call.params["port"], "port")
    if not 1 <= port <= 65535:
        raise BadRequest("port must be between 1 and 65535")
    return port


def _site(call: Call, port: int, label: str) -> str:
    return f"http://{port}-{label}.localhost:{call.engine.settings.port}"
