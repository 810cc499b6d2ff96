"""The old system's databases in the small: rows, and the three forms in which an import takes them."""

import json
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from pydantic import SecretStr

from keelway.cli.importing import Wish, bring_over
from keelway.fragments.folders import folder
from keelway.settings import Settings

SAMPLE = Path(__file__).parent / "legacy-sample.sql"

Rows = Sequence[Mapping[str, Any]]
Tables = dict[str, Rows]

COLUMNS: dict[str, dict[str, str]] = {
    "users": {
        "id": "text PRIMARY KEY", "name": "text", "email": "text", "role": "text",
        "createdAt": "timestamp(3)", "updatedAt": "timestamp(3)", "password": "text",
    },
    "teams": {"id": "text PRIMARY KEY", "name": "text", "slug": "text", "isPersonal": "boolean"},
    "team_members": {"userId": "text", "teamId": "text", "role": "text"},
    "Project": {
        "id": "text PRIMARY KEY", "name": "text", "createdAt": "timestamp(3)",
        "updatedAt": "timestamp(3)", "userId": "text", "teamId": "text",
        "activeFragmentId": "text", "gitRepositoryUrl": "text",
    },
    "V2Fragment": {
        "id": "text PRIMARY KEY", "createdAt": "timestamp(3)", "updatedAt": "timestamp(3)",
        "title": "text", "files": "jsonb", "projectId": "text",
    },
    "GitFragment": {
        "id": "text PRIMARY KEY", "createdAt": "timestamp(3)", "title": "text", "commitHash": "text",
        "authorEmail": "text", "authorName": "text", "projectId": "text",
    },
    "V2Message": {
        "id": "text PRIMARY KEY", "projectId": "text", "role": "text", "createdAt": "timestamp(3)",
        "updatedAt": "timestamp(3)", "content": "text",
    },
    "Message": {
        "id": "text PRIMARY KEY", "content": "text", "role": "text", "type": "text",
        "projectId": "text", "createdAt": "timestamp(3)",
    },
    "Fragment": {
        "id": "text PRIMARY KEY", "messageId": "text", "title": "text", "files": "jsonb",
        "createdAt": "timestamp(3)",
    },
    "project_errors": {
        "id": "text PRIMARY KEY", "projectId": "text", "errorType": "text", "fragmentId": "text",
    },
}  # fmt: skip


def project(name: str = "p1", **more: Any) -> dict[str, Any]:
    at = "2025-08-24 09:11:50"
    return {"id": name, "name": f"Project {name}", "createdAt": at, "updatedAt": at, **more}


def version(
    number: int, files: Mapping[str, Any], project: str = "p1", **more: Any
) -> dict[str, Any]:
    at = f"2025-09-{1 + number // 1440:02}T{number // 60 % 24:02}:{number % 60:02}:00.5"
    at = at.replace("T", " ")
    return {
        "id": f"{project}-f{number}", "createdAt": at, "updatedAt": at, "title": f"Step {number}",
        "files": dict(files), "projectId": project, **more,
    }  # fmt: skip


def jsonb(files: Mapping[str, Any]) -> str:
    """As PostgreSQL keeps and prints it: keys by length in bytes, then by bytes."""
    ordered = dict(sorted(files.items(), key=lambda one: (len(one[0].encode()), one[0].encode())))
    return json.dumps(ordered, ensure_ascii=False)


def _field(value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    text = jsonb(value) if isinstance(value, dict) else str(value)  # pyright: ignore[reportUnknownArgumentType]
    for char, escape in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(char, escape)
    return text


def write_dump(path: Path, tables: Tables) -> Path:
    """A plain dump, as pg_dump writes it."""
    with path.open("w", encoding="utf-8", newline="") as out:
        out.write("--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\n")
        for table, rows in tables.items():
            names = ", ".join(f'"{name}"' for name in COLUMNS[table])
            out.write(f'COPY public."{table}" ({names}) FROM stdin;\n')
            for row in rows:
                out.write("\t".join(_field(row.get(name)) for name in COLUMNS[table]) + "\n")
            out.write("\\.\n\n\n")
        out.write("--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict abc\n")
    return path


def write_json_lines(folder: Path, tables: Tables) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for table, rows in tables.items():
        with (folder / f"{table}.jsonl").open("w", encoding="utf-8") as out:
            for row in rows:
                out.write(json.dumps({name: row.get(name) for name in COLUMNS[table]}) + "\n")
    return folder


def fill(address: str, tables: Tables) -> None:
    """Create the tables in a real PostgreSQL, and put the rows in."""
    with psycopg.connect(address) as connection:
        for table, columns in COLUMNS.items():
            defined = sql.SQL(", ").join(
                sql.Identifier(name) + sql.SQL(" " + kind)  # pyright: ignore[reportArgumentType]
                for name, kind in columns.items()
            )
            connection.execute(
                sql.SQL("CREATE TABLE {} ({})").format(sql.Identifier(table), defined)
            )
            for row in tables.get(table, []):
                values = [
                    json.dumps(value) if isinstance(value, dict) else value
                    for value in (row.get(name) for name in columns)
                ]
                marks = sql.SQL(", ").join([sql.Placeholder()] * len(values))
                connection.execute(
                    sql.SQL("INSERT INTO {} VALUES ({})").format(sql.Identifier(table), marks),
                    values,
                )


async def import_from(source: Path | str, home: Path, **more: Any) -> tuple[int, dict[str, Any]]:
    """Run the command's own way; its exit status and the report."""
    home.mkdir(parents=True, exist_ok=True)
    url: str | None = more.pop("database_url", None)
    path = home / "report.json"
    wish = Wish(str(source), path, more.pop("projects", ()), more.pop("base", "none"),
                more.pop("owner", None), **more)  # fmt: skip
    status = await bring_over(
        Settings(home=home, database_url=SecretStr(url) if url else None), wish
    )
    return status, json.loads(path.read_text())


def repository(home: Path, key: int = 1) -> Path:
    """The bare repository of the project with this key, where the architecture says it is."""
    with closing(sqlite3.connect(home / "keelway.db")) as rows:
        found = rows.execute("SELECT id FROM project WHERE key = ?", [key]).fetchone()
    return home / "repositories" / folder(found[0])


def git(home: Path, *args: str, key: int = 1) -> str:
    """What plain git says of a project's repository."""
    return subprocess.run(
        ["git", f"--git-dir={repository(home, key)}", *args],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip


def files_at(home: Path, commit: str, key: int = 1) -> dict[str, bytes]:
    """Every file of a commit, read by plain git."""
    names = git(home, "ls-tree", "-r", "-z", "--name-only", commit, key=key).split("\0")
    return {
        name: subprocess.run(
            ["git", f"--git-dir={repository(home, key)}", "show", f"{commit}:{name}"],
            check=True, capture_output=True,
        ).stdout
        for name in names if name
    }  # fmt: skip
