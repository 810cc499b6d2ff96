"""The old system's tables, whatever they come from: a live database, a dump, or JSON Lines.

Every value is text or None, as PostgreSQL prints it, so that all three give the same rows. Nothing is
held in memory but an index of where each row lies. The source is only ever read, and only parsed.
"""

import contextlib
import hashlib
import json
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from keelway.errors import Invalid
from keelway.legacy.untyped import as_object, parsed

Row = Mapping[str, str | None]

TABLES = (
    "users", "teams", "team_members", "Project", "V2Fragment", "GitFragment", "V2Message",
    "Message", "Fragment", "project_errors", "auto_fix_sessions", "deployments",
)  # fmt: skip
KEPT_TABLES = ("project_errors", "auto_fix_sessions", "deployments")
"""Tables without a counterpart here, whose rows are kept as they are."""
OWNED = {
    "V2Fragment": "projectId", "GitFragment": "projectId", "V2Message": "projectId",
    "Message": "projectId", "Fragment": "messageId", "project_errors": "projectId",
    "auto_fix_sessions": "projectId", "deployments": "projectId",
}  # fmt: skip
"""Tables read piece by piece, and the column that says whose a row is."""
HALF = re.compile("[\ud800-\udfff]")
LONGEST_NAME = 200
"""Characters of an id, beyond which it is told apart by its digest."""
LINE_LIMIT = 64 * 1024 * 1024  # bytes; a longer row is reported, not read (TRUST.md T27)


MOST_PROBLEMS = 1000
"""Different sentences that are kept; a hostile dump has as many as it has rows."""


class Problems(list[str]):
    """Sentences about rows that could not be read: each one once, and not without end."""

    def __init__(self) -> None:
        super().__init__()
        self._times: dict[str, int] = {}
        self._more = 0

    def append(self, text: str, /) -> None:
        if text in self._times:
            self._times[text] += 1
        elif len(self) < MOST_PROBLEMS:
            self._times[text] = 1
            super().append(text)
        else:
            self._more += 1

    def told(self) -> list[str]:
        """What to say of them, with how often it was."""
        often = [f"{text} ({n:,} times)" if (n := self._times[text]) > 1 else text for text in self]
        return [*often, f"{self._more:,} more problems."] if self._more else often


class SourceUnreadable(Invalid):
    """The source cannot be read as the old system's data; the message says why and what to do."""


CUT_MARKS = ("truncated", "omitted", "base64,")
"""One of these words stands in every row that holds something cut (or some picture)."""


class Source(Protocol):
    """What the import reads. `problems` are sentences about rows that could not be read."""

    name: str
    problems: Problems

    def rows(self, table: str) -> Iterator[Row]:
        """All rows of a small table; nothing when the source does not have it."""
        ...

    def of(self, table: str, owner: str) -> Iterator[Row]:
        """A project's (for Fragment: a message's) rows, oldest first: by createdAt, then id."""
        ...

    def counts(self, table: str) -> Mapping[str | None, int]:
        """How many rows each owner has; None: rows that belong to nobody."""
        ...

    def may_be_cut(self, project: str) -> bool:
        """Whether a version of the project may hold a text or a file that was cut."""
        ...

    def close(self) -> None: ...


def open_source(where: str) -> Source:
    """The source at a PostgreSQL URL, a file's or a folder's path. Raises SourceUnreadable."""
    if re.match(r"postgres(ql)?(\+\w+)?://", where):
        from keelway.legacy.live import LiveSource

        return LiveSource(where)
    path = Path(where)
    if path.is_dir():
        return JsonLinesSource(path)
    if path.is_file():
        return DumpSource(path)
    raise SourceUnreadable(f"{where} is neither a PostgreSQL URL, nor a file, nor a folder.")


class _Indexed:
    """Rows in files, found again by an index on disk: table, project, time, id, file, offset, length."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems = Problems()
        self._index = sqlite3.connect("")  # a temporary file that SQLite removes by itself
        self._index.execute(
            "CREATE TABLE row (tab TEXT, owner TEXT, created TEXT, id TEXT, file INT, at INT, size INT,"
            " cut INT)"
        )
        self._files: list[Any] = []

    def close(self) -> None:
        self._index.close()
        for file in self._files:
            file.close()

    def _note(self, table: str, row: Row, file: int, at: int, line: bytes) -> None:
        owner = indexed(row.get(OWNED.get(table, "")))
        created = indexed(moment(row.get("createdAt")))
        cut = any(mark.encode() in line for mark in CUT_MARKS)
        values = (table, owner, created, indexed(row.get("id")), file, at, len(line), cut)
        self._index.execute("INSERT INTO row VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)

    def _ready(self) -> None:
        self._index.execute("CREATE INDEX by_project ON row (tab, owner, created, id)")
        self._index.commit()

    def rows(self, table: str) -> Iterator[Row]:
        return self._found(
            "SELECT file, at, size FROM row WHERE tab = ? ORDER BY created, id", table
        )

    def of(self, table: str, owner: str) -> Iterator[Row]:
        query = "SELECT file, at, size FROM row WHERE tab = ? AND owner = ? ORDER BY created, id"
        return self._found(query, table, indexed(owner))

    def counts(self, table: str) -> Mapping[str | None, int]:
        query = "SELECT owner, count(*) FROM row WHERE tab = ? GROUP BY owner"
        return dict(self._index.execute(query, (table,)).fetchall())

    def may_be_cut(self, project: str) -> bool:
        query = "SELECT 1 FROM row WHERE tab = 'V2Fragment' AND owner = ? AND cut LIMIT 1"
        first = "SELECT 1 FROM row WHERE tab = 'Fragment' AND cut LIMIT 1"
        found = self._index.execute(query, (indexed(project),)).fetchone()
        return (found or self._index.execute(first).fetchone()) is not None

    def _found(self, query: str, table: str, *rest: str | None) -> Iterator[Row]:
        for file, at, size in self._index.execute(query, (table, *rest)):
            self._files[file].seek(at)
            row = self._parse(table, self._files[file].read(size))
            if row is not None:
                yield row

    def _parse(self, table: str, line: bytes) -> Row | None:
        raise NotImplementedError


COPY = re.compile(rb'COPY (?:[\w"]+\.)?("?)(\w+)\1 \((.*)\) FROM stdin;\s*$')
INSERT = re.compile(rb'INSERT INTO (?:[\w"]+\.)?"?(\w+)')
COLUMN = re.compile(r'"((?:[^"]|"")+)"|(\w+)')


class DumpSource(_Indexed):
    """A plain `pg_dump` file of any size."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.name)
        self._columns: dict[str, list[str]] = {}
        file = path.open("rb")
        self._files.append(file)
        try:
            self._read(path, file)
        except BaseException:
            self.close()
            raise

    def _read(self, path: Path, file: Any) -> None:
        if file.read(5) == b"PGDMP":
            raise SourceUnreadable(
                f"{path.name} is a custom-format dump; turn it into a plain one with "
                f"`pg_restore --file=plain.sql {path.name}`."
            )
        file.seek(0)
        self._scan(file)
        self._ready()
        if not self._columns:
            raise SourceUnreadable(f"{path.name} holds none of the old system's tables.")

    def _scan(self, file: Any) -> None:
        inserts: set[str] = set()
        while line := file.readline(LINE_LIMIT):
            if start := COPY.match(line):
                self._scan_table(file, start)
            elif (found := INSERT.match(line)) and found[1].decode() in TABLES:
                inserts.add(found[1].decode())
        if inserts:
            self.problems.append(
                f"{', '.join(sorted(inserts))}: written as INSERT; dump again without --inserts."
            )

    def _scan_table(self, file: Any, start: re.Match[bytes]) -> None:
        table = start[2].decode()
        columns = [
            quoted.replace('""', '"') or plain
            for quoted, plain in COLUMN.findall(start[3].decode("utf-8", "replace"))
        ]
        known = table in TABLES
        if known:
            self._columns[table] = columns
        while True:
            at = file.tell()
            line = file.readline(LINE_LIMIT)
            if line in (b"\\.\n", b"\\.\r\n", b"\\."):
                return
            if not line.endswith(b"\n"):
                self._broken(file, table, line)
                if len(line) < LINE_LIMIT:
                    return
                continue
            if known:
                row = self._parse(table, line, indexing=True)
                if row is not None:
                    self._note(table, row, 0, at, line)

    def _broken(self, file: Any, table: str, line: bytes) -> None:
        if len(line) < LINE_LIMIT:
            self.problems.append(f"{table}: the file ends in the middle of this table.")
            return
        self.problems.append(f"{table}: a row is longer than {LINE_LIMIT} bytes and was left out.")
        while (rest := file.readline(LINE_LIMIT)) and not rest.endswith(b"\n"):
            pass

    def _parse(self, table: str, line: bytes, *, indexing: bool = False) -> Row | None:
        columns = self._columns[table]
        if indexing and b"\0" in line:
            self.problems.append(f"{table}: a row holds a zero byte.")
            return None
        fields = line.rstrip(b"\r\n").split(b"\t")
        if len(fields) != len(columns):
            if indexing:
                self.problems.append(
                    f"{table}: a row has {len(fields)} fields instead of {len(columns)}."
                )
            return None
        small = {"id", "projectId", "messageId", "createdAt"}
        try:
            return {
                name: _unescape(field)
                for name, field in zip(columns, fields, strict=True)
                if not indexing or name in small
            }
        except UnicodeDecodeError:
            if indexing:
                self.problems.append(f"{table}: a row is not UTF-8.")
            return None


ESCAPE = re.compile(rb"\\(x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|.)", re.DOTALL)
LETTERS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


def _unescape(field: bytes) -> str | None:
    """A field of COPY's text format (PostgreSQL manual, COPY, File Formats)."""
    if field == b"\\N":
        return None
    halved = field.replace(b"\\\\", b"\0")  # rows with a zero byte were left out
    if b"\\" in halved:
        return ESCAPE.sub(_escaped, field).decode()
    return halved.replace(b"\0", b"\\").decode()


def _escaped(found: re.Match[bytes]) -> bytes:
    text = found[1]
    if text[:1] == b"x" and len(text) > 1:
        return bytes([int(text[1:], 16)])
    if text.isdigit():
        return bytes([int(text, 8) & 255])
    return LETTERS.get(text, text)


class JsonLinesSource(_Indexed):
    """A folder with a file per table, `<table>.jsonl`; one JSON object a line."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder.name)
        found: Sequence[str] = [t for t in TABLES if (folder / f"{t}.jsonl").is_file()]
        if not found:
            self.close()
            raise SourceUnreadable(
                f"{folder.name} holds no <table>.jsonl file of the old system, such as Project.jsonl."
            )
        try:
            self._read(folder, found)
        except BaseException:
            self.close()
            raise

    def _read(self, folder: Path, tables: Sequence[str]) -> None:
        for table in tables:
            file = (folder / f"{table}.jsonl").open("rb")
            self._files.append(file)
            self._scan(table, file)
        self._ready()

    def _scan(self, table: str, file: Any) -> None:
        while True:
            at = file.tell()
            line = file.readline(LINE_LIMIT)
            if not line:
                return
            if len(line) == LINE_LIMIT and not line.endswith(b"\n"):
                self.problems.append(f"{table}: a row is longer than {LINE_LIMIT} bytes.")
                while (rest := file.readline(LINE_LIMIT)) and not rest.endswith(b"\n"):
                    pass
                continue
            if line.strip():
                row = self._parse(table, line)
                if row is None:
                    self.problems.append(f"{table}: the row at byte {at} is not a JSON object.")
                else:
                    self._note(table, row, len(self._files) - 1, at, line)

    def _parse(self, table: str, line: bytes) -> Row | None:  # noqa: ARG002
        with contextlib.suppress(ValueError, RecursionError):
            if (items := as_object(parsed(line.decode()))) is not None:
                return {name: _as_text(item) for name, item in items.items()}
        return None


def indexed(name: str | None) -> str | None:
    """A name as the index keeps it: short, and without half characters, which SQLite does not take."""
    if name is None or (len(name) <= LONGEST_NAME and not HALF.search(name)):
        return name
    raw = name.encode("utf-8", "surrogatepass")
    return f"{HALF.sub('', name[:LONGEST_NAME])} sha256:{hashlib.sha256(raw).hexdigest()}"


def moment(text: str | None) -> str | None:
    """A time as PostgreSQL prints it, from that or from JSON's form: fit for comparing as text."""
    if text is None:
        return None
    return text.replace("T", " ").removesuffix("Z").removesuffix("+00:00").removesuffix("+00")


def _as_text(value: Any) -> str | None:
    match value:
        case None | str():
            return value
        case bool():
            return "t" if value else "f"
        case int() | float():
            return str(value)
        case _:
            return json.dumps(value, ensure_ascii=False)
