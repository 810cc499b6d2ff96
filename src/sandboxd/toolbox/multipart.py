"""`multipart/form-data`, streamed: bodies are files of any size."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from python_multipart.multipart import MultipartParser, parse_options_header

from sandboxd.errors import BadRequest

_MAX_HEADERS = 16 * 1024


@dataclass(slots=True)
class Part:
    """One part: its field name, and its bytes, to be read before the next part is asked for."""

    name: str
    chunks: AsyncIterator[bytes]


@dataclass(slots=True)
class _Begin:
    headers: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])


class _End:
    pass


_Event = _Begin | bytes | _End


class _Events:
    """Collects what the parser calls back with."""

    def __init__(self, boundary: bytes) -> None:
        self.found: list[_Event] = []
        self._part = _Begin()
        self._name = b""
        self._value = b""
        self.complete = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._field,
                "on_header_value": self._text,
                "on_header_end": self._header,
                "on_headers_finished": self._headers,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._finish,
            },
        )

    def feed(self, data: bytes) -> list[_Event]:
        try:
            self._parser.write(data)
        except ValueError as error:
            raise BadRequest(f"Malformed multipart body: {error}") from error
        found, self.found = self.found, []
        return found

    def _begin(self) -> None:
        self._part = _Begin()

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]
        self._limit()

    def _text(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._limit()

    def _limit(self) -> None:
        if len(self._name) + len(self._value) > _MAX_HEADERS:
            raise BadRequest("A header of the multipart body is too long")

    def _header(self) -> None:
        self._part.headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _headers(self) -> None:
        self.found.append(self._part)

    def _data(self, data: bytes, start: int, end: int) -> None:
        self.found.append(data[start:end])

    def _end(self) -> None:
        self.found.append(_End())

    def _finish(self) -> None:
        self.complete = True


async def parts(content_type: str, body: AsyncIterator[bytes]) -> AsyncIterator[Part]:
    """The parts of a body one after the other. Raises `BadRequest` for a malformed or cut one."""
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or b"boundary" not in options:
        raise BadRequest("The body must be multipart/form-data with a boundary")
    events = _stream(_Events(options[b"boundary"]), body)
    async for event in events:
        if isinstance(event, _Begin):
            part = Part(_field_name(event), _chunks(events))
            yield part
            async for _ in part.chunks:  # whatever the reader left
                pass


async def _stream(events: _Events, body: AsyncIterator[bytes]) -> AsyncIterator[_Event]:
    async for data in body:
        for event in events.feed(data):
            yield event
    if not events.complete:
        raise BadRequest("The multipart body ended too early")


async def _chunks(events: AsyncIterator[_Event]) -> AsyncIterator[bytes]:
    async for event in events:
        if isinstance(event, _End):
            return
        if isinstance(event, bytes):
            yield event


def _field_name(part: _Begin) -> str:
    _, options = parse_options_header(part.headers.get(b"content-disposition", b""))
    return options.get(b"name", b"").decode(errors="replace")
