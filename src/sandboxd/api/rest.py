"""The rest of the control plane: configuration, and the known calls that are not had here."""

from starlette.responses import Response

from sandboxd.settings import DEFAULT_SNAPSHOT, VERSION
from sandboxd.wire import Call, Routes, answer, not_supported

routes = Routes()


@routes.route("GET", "/config")
async def config(call: Call) -> Response:
    settings = call.engine.settings
    return answer(
        {
            "version": VERSION,
            "oidc": {"issuer": "", "clientId": "", "audience": "", "provider": ""},
            "linkedAccountsEnabled": False,
            "announcements": {},
            "proxyTemplateUrl": f"http://{{{{PORT}}}}-{{{{sandboxId}}}}.localhost:{settings.port}",
            "proxyToolboxUrl": settings.toolbox_url,
            "defaultSnapshot": DEFAULT_SNAPSHOT,
            "dashboardUrl": settings.url,
            "maxAutoArchiveInterval": 43200,
            "maintananceMode": False,
            "environment": "local",
        }
    )


@routes.route("GET", "/health")
async def health(_: Call) -> Response:
    return answer({"status": "ok", "version": VERSION})


@routes.route("GET", "/volumes")
@routes.route("GET", "/warm-pools")
async def empty_list(_: Call) -> Response:
    return answer([])


@routes.route("GET", "/secret/paginated")
async def empty_page(_: Call) -> Response:
    return answer({"items": [], "total": 0, "nextCursor": None})


@routes.route("GET", "/sandbox/{s}/telemetry/metrics")
async def no_series(call: Call) -> Response:
    call.engine.get(call.params["s"])
    return answer({"series": []})


for _method, _path in (
    ("POST", "/volumes"),
    ("GET", "/volumes/by-name/{name}"),
    ("GET", "/volumes/{id}"),
    ("DELETE", "/volumes/{id}"),
    ("POST", "/secret"),
    ("GET", "/secret/{id}"),
    ("PATCH", "/secret/{id}"),
    ("DELETE", "/secret/{id}"),
    ("PUT", "/sandbox/{s}/secrets"),
    ("POST", "/warm-pools"),
    ("PATCH", "/warm-pools/{id}"),
    ("DELETE", "/warm-pools/{id}"),
    ("GET", "/object-storage/push-access"),
    ("GET", "/sandbox/{s}/build-logs-url"),
    ("POST", "/sandbox/{s}/ssh-access"),
    ("DELETE", "/sandbox/{s}/ssh-access"),
    ("GET", "/sandbox/ssh-access/validate"),
):
    routes.add(_method, _path, not_supported)
