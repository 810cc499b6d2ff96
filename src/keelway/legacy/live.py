"""The old system's live PostgreSQL, read in one read-only, repeatable-read transaction."""

from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql

from keelway.legacy.source import OF_PROJECT, TABLES, Row, SourceUnreadable


class LiveSource:
    """Every value is asked for as text, so that it is what a dump would have said."""

    def __init__(self, url: str) -> None:
        self.problems: list[str] = []
        plain = "postgresql" + url[url.index("://") :]
        try:
            self._connection = psycopg.connect(plain, connect_timeout=10)
        except psycopg.Error as error:
            raise SourceUnreadable(f"The old database does not answer: {error}") from error
        self._connection.read_only = True
        self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        self.name = f"{self._connection.info.dbname} at {self._connection.info.host or 'socket'}"
        self._columns = self._find_columns()
        if not self._columns:
            raise SourceUnreadable("That database holds none of the old system's tables.")

    def _find_columns(self) -> dict[str, list[str]]:
        rows = self._connection.execute(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND table_name = ANY(%s)"
            " ORDER BY ordinal_position",
            [list(TABLES)],
        ).fetchall()
        columns: dict[str, list[str]] = {}
        for table, column in rows:
            columns.setdefault(table, []).append(column)
        return columns

    def rows(self, table: str) -> Iterator[Row]:
        return self._select(table, sql.SQL(""), [])

    def of_project(self, table: str, project: str) -> Iterator[Row]:
        assert table in OF_PROJECT
        if "projectId" not in self._columns.get(table, []):
            return iter(())
        return self._select(table, sql.SQL(' WHERE "projectId"::text = %s'), [project])

    def _select(self, table: str, where: sql.SQL, values: list[Any]) -> Iterator[Row]:
        columns = self._columns.get(table)
        if columns is None:
            return
        order = [c for c in ("createdAt", "id") if c in columns]
        query = sql.SQL("SELECT {} FROM {}").format(
            sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(c)) for c in columns),
            sql.Identifier(table),
        )
        query += where
        if order:
            query += sql.SQL(" ORDER BY ") + sql.SQL(", ").join(map(sql.Identifier, order))
        with self._connection.cursor(name=f"keelway_{table}") as cursor:
            cursor.itersize = 20
            cursor.execute(query, values)
            for row in cursor:
                yield dict(zip(columns, row, strict=True))

    def close(self) -> None:
        self._connection.close()
