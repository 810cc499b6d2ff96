"""The choice of a model, and how a real endpoint's troubles look; the endpoint is a small server of ours."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import uvicorn
from pydantic import SecretStr
from pydantic_ai import Agent
from pydantic_ai.exceptions import ModelAPIError
from pydantic_ai.models.openrouter import OpenRouterModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from tests.support import fake_model

from keelway.agent.models import ModelMisconfigured, chosen, model_name
from keelway.chat.failures import explain
from keelway.settings import Settings


def settings(**more: object) -> Settings:
    return Settings.model_validate({"home": Path("/nowhere"), **more})


def test_without_a_key_the_demo_model_answers() -> None:
    assert model_name(settings()) == "demo"
    assert model_name(settings(), "anything") == "demo"


def test_a_model_is_named_by_the_turn_then_by_the_settings() -> None:
    configured = settings(OPENROUTER_API_KEY=SecretStr("k"), model="one/model")
    assert model_name(configured) == "one/model"
    assert model_name(configured, "other/model") == "other/model"
    assert model_name(settings(OPENROUTER_API_KEY=SecretStr("k"))) == "openrouter/auto"


async def test_openrouter_is_asked_under_its_own_class() -> None:
    async with chosen(settings(OPENROUTER_API_KEY=SecretStr("k"), model="one/model")) as found:
        assert isinstance(found.model, OpenRouterModel)
        assert (found.name, found.provider) == ("one/model", "OpenRouter")


@pytest.mark.parametrize(
    ("base", "word"),
    [
        ("http://models.example.org/v1", "https"),
        ("file:///etc/passwd", "address"),
        ("nonsense", "address"),
    ],
)
async def test_an_endpoint_that_would_leak_the_key_is_refused(base: str, word: str) -> None:
    with pytest.raises(ModelMisconfigured, match=word):
        async with chosen(settings(model_base_url=base, model="m")):
            pass


async def test_an_endpoint_needs_a_models_name() -> None:
    with pytest.raises(ModelMisconfigured, match="KEELWAY_MODEL"):
        async with chosen(settings(model_base_url="http://127.0.0.1:1/v1")):
            pass


async def test_an_openai_compatible_endpoint_answers() -> None:
    with fake_model.running() as fake:
        await serving(fake.url)
        asked = settings(model_base_url=fake.url, model="scripted")
        async with chosen(asked) as found, Agent(found.model).run_stream("hello") as run:
            assert await run.get_output() == "Done."


async def serving(url: str) -> None:
    """The server's thread may still be starting."""
    port = urlsplit(url).port
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return


def piece(text: str) -> str:
    chunk = {
        "id": "1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}],
    }
    return f"data: {json.dumps(chunk)}\n\n"


async def _broken(request: Request) -> Response:
    how = request.path_params["how"]
    if how == "redirect":
        return RedirectResponse("http://127.0.0.1:1/v1/chat/completions", 307)
    if how == "error-in-stream":
        error = 'data: {"error": {"code": 502, "message": "Upstream broke"}}\n\n'
        return StreamingResponse(iter([piece("Hel"), error]), media_type="text/event-stream")
    if how == "garbage":
        return StreamingResponse(iter(["data: {nonsense\n\n"]), media_type="text/event-stream")
    headers = {"retry-after": "7"} if how == "429" else {}
    body = {"error": {"message": "no", "code": int(how)}}
    return JSONResponse(body, int(how), headers=headers)


@pytest.fixture
async def broken() -> AsyncIterator[str]:
    app = Starlette(routes=[Route("/{how}/chat/completions", _broken, methods=["POST"])])
    config = uvicorn.Config(
        app, port=0, log_level="error", lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        server.should_exit = True
        await task


@pytest.mark.parametrize(
    ("how", "code", "wait"),
    [
        ("401", "ModelKeyRefused", None),
        ("402", "ModelQuota", None),
        ("404", "ModelNotFound", None),
        ("429", "ModelBusy", 7.0),
        ("500", "ModelUnavailable", 1.0),
        ("503", "ModelUnavailable", 1.0),
        ("error-in-stream", "ModelUnavailable", 1.0),
        ("redirect", "ModelFailed", 1.0),
    ],
)
async def test_each_trouble_of_an_endpoint_has_a_code_and_a_sentence(
    broken: str, how: str, code: str, wait: float | None
) -> None:
    async with chosen(settings(model_base_url=f"{broken}/{how}", model="m")) as found:
        with pytest.raises(ModelAPIError) as caught:
            async with Agent(found.model).run_stream("hello") as run:
                await run.get_output()
    failure = explain(caught.value, found.provider, 1)
    assert (failure.code, failure.wait) == (code, wait)
    assert failure.message.startswith("127.0.0.1 ")
