"""The old system's live PostgreSQL, read in one read-only, repeatable-read transaction."""

from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
from psycopg import sql

from keelway.legacy.source import CUT_MARKS, OWNED, TABLES, Problems, Row, SourceUnreadable


class LiveSource:
    """Every value is asked for as text, so that it is what a dump would have said."""

    def __init__(self, url: str) -> None:
        self.problems = Problems()
        plain = "postgresql" + url[url.index("://") :]
        try:
            self._connection = psycopg.connect(plain, connect_timeout=10)
        except psycopg.Error as error:
            # Not the driver's own words: they may repeat the address with its password.
            raise SourceUnreadable(
                "The old database does not answer, or does not let you in. Try the address with psql."
            ) from error
        self._connection.read_only = True
        self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        self.name = f"{self._connection.info.dbname} at {self._connection.info.host or 'socket'}"
        self._columns = self._find_columns()
        if not self._columns:
            self.close()
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

    def of(self, table: str, owner: str) -> Iterator[Row]:
        if OWNED[table] not in self._columns.get(table, []):
            return iter(())
        where = sql.SQL(" WHERE {}::text = %s").format(sql.Identifier(OWNED[table]))
        return self._select(table, where, [owner])

    def counts(self, table: str) -> Mapping[str | None, int]:
        if OWNED[table] not in self._columns.get(table, []):
            return {}
        query = sql.SQL("SELECT {0}::text, count(*) FROM {1} GROUP BY {0}").format(
            sql.Identifier(OWNED[table]), sql.Identifier(table)
        )
        return dict(self._connection.execute(query).fetchall())

    def may_be_cut(self, project: str) -> bool:
        return any(
            any(mark in (row.get("files") or "") for mark in CUT_MARKS)
            for row in self.of("V2Fragment", project)
        ) or bool(self._columns.get("Fragment"))

    def _select(self, table: str, where: sql.Composable, values: list[Any]) -> Iterator[Row]:
        columns = self._columns.get(table)
        if columns is None:
            return
        order = [
            rule.format(sql.Identifier(column))
            for column, rule in (
                ("createdAt", sql.SQL("{} NULLS FIRST")),
                ("id", sql.SQL('{}::text COLLATE "C" NULLS FIRST')),
            )
            if column in columns
        ]
        query: sql.Composed = sql.SQL("SELECT {} FROM {}").format(
            sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(c)) for c in columns),
            sql.Identifier(table),
        )
        query += where
        if order:
            query += sql.SQL(" ORDER BY ") + sql.SQL(", ").join(order)
        with self._connection.cursor(name=f"keelway_{table}") as cursor:
            cursor.itersize = 20
            cursor.execute(query, values)
            for row in cursor:
                yield dict(zip(columns, row, strict=True))

    def close(self) -> None:
        self._connection.close()
