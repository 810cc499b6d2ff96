"""A scripted model behind a real OpenAI-compatible endpoint, as a process of its own would be.

A prompt `SCRIPT [["write_file", {...}], ...]` makes it call those tools, one per request, then say
"Done.". It keeps no state: which call is next is read from the conversation, so it goes on correctly
after the server that asks it was killed.
"""

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Generator
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse

MARK = "SCRIPT "


@dataclass
class FakeModel:
    """`url` is the endpoint's base; `requests` is what it was asked, oldest first."""

    url: str
    requests: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    delay: float = 0.0
    """Seconds to wait before each answer."""


def script(*calls: tuple[str, dict[str, Any]]) -> str:
    """The prompt that makes the model call these tools in this order."""
    return MARK + json.dumps(calls)


def next_call(messages: list[dict[str, Any]]) -> tuple[int, str, dict[str, Any]] | None:
    """Which call the conversation has come to, or None when the script is at its end."""
    asked = max(
        (index for index, message in enumerate(messages) if message["role"] == "user"), default=-1
    )
    text = _text(messages[asked].get("content")) if asked >= 0 else ""
    if MARK not in text:
        return None
    calls, _ = json.JSONDecoder().raw_decode(text[text.index(MARK) + len(MARK) :])
    done = sum(message["role"] == "tool" for message in messages[asked:])
    if done >= len(calls):
        return None
    name, arguments = calls[done]
    return done, name, arguments


def _text(content: "str | list[dict[str, str]] | None") -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content or [])


async def _answer(model: FakeModel, body: dict[str, Any]) -> AsyncIterator[str]:
    await asyncio.sleep(model.delay)
    call = next_call(body["messages"])
    if call is None:
        for word in ("Done", "."):
            yield _chunk({"role": "assistant", "content": word})
        yield _chunk({}, "stop")
    else:
        done, name, arguments = call
        function = {"name": name, "arguments": ""}
        number = f"call_{len(body['messages'])}_{done}"
        yield _chunk({"role": "assistant", "tool_calls": [_call(number, function)]})
        text = json.dumps(arguments)
        for start in range(0, len(text), 400):
            part = {"arguments": text[start : start + 400]}
            yield _chunk({"tool_calls": [{"index": 0, "function": part}]})
        yield _chunk({}, "tool_calls")
    yield "data: [DONE]\n\n"


def _call(number: str, function: dict[str, str]) -> dict[str, Any]:
    return {"index": 0, "id": number, "type": "function", "function": function}


def _chunk(delta: dict[str, Any], finish: str | None = None) -> str:
    chunk: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "scripted",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    if finish:
        chunk["usage"] = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    return f"data: {json.dumps(chunk)}\n\n"


def _app(model: FakeModel) -> FastAPI:
    app = FastAPI()

    async def complete(request: Request) -> StreamingResponse:
        body = await request.json()
        model.requests.append(body)
        return StreamingResponse(_answer(model, body), media_type="text/event-stream")

    async def models() -> JSONResponse:
        return JSONResponse({"object": "list", "data": [{"id": "scripted", "object": "model"}]})

    app.add_api_route("/v1/chat/completions", complete, methods=["POST"], response_model=None)
    app.add_api_route("/v1/models", models, methods=["GET"], response_model=None)
    return app


@contextlib.contextmanager
def running() -> Generator[FakeModel]:
    """The model on a free loopback port, in a thread of its own."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        model = FakeModel(f"http://127.0.0.1:{listener.getsockname()[1]}/v1")
        server = uvicorn.Server(uvicorn.Config(_app(model), log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield model
        finally:
            server.should_exit = True
            thread.join(10)
