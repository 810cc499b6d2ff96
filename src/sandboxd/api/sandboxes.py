"""Sandboxes: create, look, command (ENGINE-CONTRACT 3.2)."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr
from pydantic.alias_generators import to_camel
from starlette.responses import Response

from sandboxd import schemas
from sandboxd.box import NewSandbox
from sandboxd.errors import BadRequest, NotSupported
from sandboxd.lifecycle import Command
from sandboxd.wire import Call, Routes, answer, to_number

routes = Routes()

Words = dict[StrictStr, StrictStr]


class _Body(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")


class CreateBody(_Body):
    """The body of `POST /sandbox`; what is not here is accepted and ignored."""

    name: StrictStr | None = None
    snapshot: StrictStr | None = None
    user: StrictStr | None = None
    env: Words | None = None
    labels: Words | None = None
    public: StrictBool | None = None
    target: StrictStr | None = None
    auto_stop_interval: float | None = None
    auto_pause_interval: float | None = None
    auto_archive_interval: float | None = None
    auto_delete_interval: float | None = None
    ttl_minutes: float | None = None
    network_block_all: StrictBool | None = None
    network_allow_list: StrictStr | None = None
    domain_allow_list: StrictStr | None = None
    cpu: int | None = None
    memory: int | None = None
    disk: int | None = None
    gpu: int | None = None
    volumes: list[object] | None = None
    secrets: list[object] | None = None
    build_info: dict[str, object] | None = None
    linked_sandbox: StrictStr | None = None


class LabelsBody(_Body):
    labels: Words = Field(default_factory=dict)


class NameBody(_Body):
    name: StrictStr | None = None


class NetworkBody(_Body):
    network_block_all: StrictBool | None = None
    network_allow_list: StrictStr | None = None
    domain_allow_list: StrictStr | None = None


Positive = Annotated[int, Field(ge=1)]


class ResizeBody(_Body):
    cpu: Positive | None = None
    memory: Positive | None = None
    disk: Positive | None = None


@routes.route("POST", "/sandbox")
async def create(call: Call) -> Response:
    body = await call.model(CreateBody)
    _refuse_unsupported(body)
    box = await call.engine.create(
        NewSandbox(
            name=body.name,
            snapshot=body.snapshot,
            user=body.user,
            target=body.target,
            public=body.public or False,
            env=body.env or {},
            labels=body.labels or {},
            auto_stop=_interval(body.auto_stop_interval),
            auto_archive=_interval(body.auto_archive_interval),
            auto_delete=_interval(body.auto_delete_interval, lowest=-1),
            auto_pause=_interval(body.auto_pause_interval),
            ttl=_interval(body.ttl_minutes),
            block_network=body.network_block_all or False,
            allow_domains=body.domain_allow_list or None,
        )
    )
    return answer(schemas.sandbox(call.engine, box))


def _refuse_unsupported(body: CreateBody) -> None:
    if body.build_info:
        raise NotSupported("Building images is not supported by sandboxd; use a snapshot")
    if body.volumes or body.secrets or body.linked_sandbox or body.gpu:
        raise NotSupported("Volumes, secrets, links and GPUs are not supported by sandboxd")
    if body.network_allow_list:
        raise NotSupported("Allow lists of networks are not supported; use domainAllowList")
    if body.name is not None and not 0 < len(body.name) <= 255:
        raise BadRequest("name must have 1 to 255 characters")


def _interval(value: float | None, *, lowest: float = 0) -> float | None:
    if value is not None and value < lowest:
        raise BadRequest(f"An interval must be at least {lowest}")
    return value


@routes.route("GET", "/sandbox/{s}")
async def get(call: Call) -> Response:
    return answer(schemas.sandbox(call.engine, call.box))


@routes.route("POST", "/sandbox/{s}/start")
async def start(call: Call) -> Response:
    await call.engine.start(call.box)
    return await get(call)


@routes.route("POST", "/sandbox/{s}/recover")
async def recover(call: Call) -> Response:
    await call.engine.start(call.box, Command.RECOVER)
    return await get(call)


@routes.route("POST", "/sandbox/{s}/stop")
async def stop(call: Call) -> Response:
    box = call.box
    await call.engine.stop(box, force=call.flag("force"))
    return answer(schemas.sandbox(call.engine, box))


@routes.route("DELETE", "/sandbox/{s}")
async def delete(call: Call) -> Response:
    box = call.box
    await call.engine.delete(box)
    return answer(schemas.sandbox(call.engine, box))


@routes.route("POST", "/sandbox/{s}/archive")
async def archive(call: Call) -> Response:
    await call.engine.archive(call.box)
    return await get(call)


@routes.route("PUT", "/sandbox/{s}/labels")
async def set_labels(call: Call) -> Response:
    body = await call.model(LabelsBody)
    await call.engine.change(call.box, labels=body.labels)
    return answer({"labels": call.box.record.labels})


def _setter(name: str, field: str, lowest: float) -> None:
    @routes.route("POST", f"/sandbox/{{s}}/{name}/{{minutes}}")
    async def set_interval(call: Call) -> Response:  # pyright: ignore[reportUnusedFunction]
        value = _interval(to_number(call.params["minutes"], name), lowest=lowest)
        await call.engine.change(call.box, **{field: value})
        return await get(call)


_setter("autostop", "auto_stop", 0)
_setter("autoarchive", "auto_archive", 0)
_setter("autodelete", "auto_delete", -1)
_setter("autopause", "auto_pause", 0)


@routes.route("POST", "/sandbox/{s}/ttl/{minutes}")
async def set_ttl(call: Call) -> Response:
    minutes = _interval(to_number(call.params["minutes"], "ttl")) or 0
    moment = call.engine.after(minutes) if minutes else None
    await call.engine.change(call.box, destroy_at=moment)
    return await get(call)


@routes.route("POST", "/sandbox/{s}/public/{value}")
async def set_public(call: Call) -> Response:
    await call.engine.change(call.box, public=call.params["value"].lower() == "true")
    return await get(call)


@routes.route("POST", "/sandbox/{s}/last-activity")
async def last_activity(call: Call) -> Response:
    call.box.touch()
    return answer({}, 201)


@routes.route("GET", "/sandbox/{s}/toolbox-proxy-url")
async def toolbox_url(call: Call) -> Response:
    call.engine.get(call.params["s"])
    return answer({"url": call.engine.settings.toolbox_url})


@routes.route("POST", "/sandbox/{s}/snapshot")
async def take_snapshot(call: Call) -> Response:
    body = await call.model(NameBody)
    await call.engine.snapshot(call.box, body.name or "")
    return await get(call)


@routes.route("POST", "/sandbox/{s}/fork")
async def fork(call: Call) -> Response:
    body = await call.model(NameBody)
    box = await call.engine.fork(call.box, body.name)
    return answer(schemas.sandbox(call.engine, box))


@routes.route("POST", "/sandbox/{s}/resize")
async def resize(call: Call) -> Response:
    body = await call.model(ResizeBody)
    await call.engine.resize(call.box, **body.model_dump(exclude_none=True))
    return await get(call)


@routes.route("POST", "/sandbox/{s}/network-settings")
async def network_settings(call: Call) -> Response:
    body = await call.model(NetworkBody)
    if body.network_allow_list:
        raise NotSupported("Allow lists of networks are not supported; use domainAllowList")
    values: dict[str, object] = {"allow_networks": None}
    if body.network_block_all is not None:
        values["block_network"] = body.network_block_all
    if body.domain_allow_list is not None:
        values["allow_domains"] = body.domain_allow_list or None
    await call.engine.set_network(call.box, **values)
    return await get(call)


@routes.route("POST", "/sandbox/{s}/pause")
async def pause(_: Call) -> Response:
    raise BadRequest("Pause is not supported by sandboxes of class container")
