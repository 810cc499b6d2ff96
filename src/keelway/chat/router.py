"""HTTP: say something, follow the answer, stop it, read what was said."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, Any, Protocol, cast

from fastapi import APIRouter, Depends, Header, Response
from fastapi.requests import HTTPConnection
from pydantic import BaseModel, Field
from starlette.responses import StreamingResponse

from keelway.accounts.access import CanEdit, CanView, CurrentUser, WhileViewing
from keelway.accounts.accounts import User
from keelway.accounts.watch import Still, WatchedStream
from keelway.chat import rows
from keelway.chat.errors import NothingSaid
from keelway.chat.turn import Turn
from keelway.db.session import Database
from keelway.ids import TurnId
from keelway.projects.projects import Project

router = APIRouter(tags=["chat"])

HEADERS = {
    "x-vercel-ai-ui-message-stream": "v1",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
}


class _Turns(Protocol):
    async def start(
        self,
        project: Project,
        user: User,
        text: str,
        *,
        model: str | None = None,
        idempotency_key: str | None = None,
    ) -> Turn: ...
    async def stop(self, project: Project) -> bool: ...
    async def running(self, project: Project) -> Turn | None: ...
    def follow(self, project: Project, turn_id: TurnId) -> AsyncGenerator[str]: ...


class _Services(Protocol):
    @property
    def turns(self) -> _Turns: ...
    @property
    def database(self) -> Database: ...


async def _services(connection: HTTPConnection) -> _Services:
    return cast(_Services, connection.app.state.services)


Wanted = Annotated[_Services, Depends(_services)]


class SaidPart(BaseModel):
    """A part of a message; only text is looked at."""

    type: str
    text: str | None = None


class SaidMessage(BaseModel):
    role: str
    parts: Annotated[list[SaidPart], Field(max_length=100)]


class Said(BaseModel):
    """The AI SDK's request: the last message is what the person said; the rest is not looked at."""

    id: str | None = None
    messages: Annotated[list[SaidMessage], Field(max_length=1000)]
    model: Annotated[str, Field(max_length=200)] | None = None

    def text(self) -> str:
        """Raises NothingSaid."""
        if not self.messages or self.messages[-1].role != "user":
            raise NothingSaid("The last message must be the person's.")
        parts = self.messages[-1].parts
        said = "\n".join(part.text for part in parts if part.type == "text" and part.text)
        return said.replace("\0", "")  # which PostgreSQL cannot store


class TurnOut(BaseModel):
    id: str
    status: str


class UIMessageOut(BaseModel):
    """As the AI SDK defines it."""

    id: str
    role: str
    parts: list[dict[str, Any]]
    metadata: dict[str, Any] | None


class Messages(BaseModel):
    items: list[UIMessageOut]
    turn: TurnOut | None


@router.post("/api/projects/{project_id}/chat", response_class=StreamingResponse)
async def post_chat(
    said: Said,
    project: CanEdit,
    user: CurrentUser,
    still: WhileViewing,
    services: Wanted,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> StreamingResponse:
    """Start a turn and follow it. Closing the stream changes nothing: the turn goes on."""
    turn = await services.turns.start(
        project, user, said.text(), model=said.model, idempotency_key=idempotency_key
    )
    return _stream(services.turns.follow(project, turn.id), still)


@router.get("/api/projects/{project_id}/chat/stream", response_model=None)
async def follow_chat(project: CanView, still: WhileViewing, services: Wanted) -> Response:
    """The running turn's stream from its first chunk; 204 when nothing runs."""
    turn = await services.turns.running(project)
    if turn is None:
        return Response(status_code=204)
    return _stream(services.turns.follow(project, turn.id), still)


@router.delete("/api/projects/{project_id}/chat", status_code=202)
async def stop_chat(project: CanEdit, services: Wanted) -> Response:
    """Stop the running turn; what it did is kept. Nothing happens when none runs."""
    await services.turns.stop(project)
    return Response(status_code=202)


@router.get("/api/projects/{project_id}/messages")
async def list_messages(project: CanView, services: Wanted) -> Messages:
    """What was shown, oldest first. A running turn's answer comes by its stream."""
    turn = await services.turns.running(project)
    items = await rows.messages(services.database, project.key)
    return Messages(
        items=[UIMessageOut.model_validate(item) for item in items],
        turn=TurnOut(id=turn.id, status=turn.status) if turn else None,
    )


def _stream(lines: AsyncIterator[str], still: Still) -> WatchedStream:
    return WatchedStream(lines, still, headers=HEADERS)
