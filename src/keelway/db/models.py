"""The whole schema on one page.

`project.key` is internal; public ids are text. Old names that clients of the old system know are kept
(`daytona_sandbox_id`, `git_repository_url`, `current_branch` …); `activeFragmentId` and `gitCommitHash`
are read from the branch row, never stored twice. STORE.md has the exact order of every write.
"""

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

BigKey = BigInteger().with_variant(Integer, "sqlite")
"""SQLite gives ids by itself only to a plain INTEGER primary key."""


class Utc(TypeDecorator[datetime]):
    """An aware UTC datetime on both databases (SQLite hands back naive ones)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: Utc, str: Text}
    metadata = MetaData(
        naming_convention={
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
            "pk": "%(table_name)s_pkey",
        }
    )
    """Names as PostgreSQL gives them, so that migrations can speak of constraints on SQLite too."""


class User(Base):
    __tablename__ = "user"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str | None]
    email: Mapped[str | None] = mapped_column(unique=True)
    role: Mapped[str] = mapped_column(String(16))  # owner admin member viewer
    password_hash: Mapped[str | None]
    daytona_active_sandbox_id: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Session(Base):
    """A browser that has logged in; only the SHA-256 of its cookie is kept."""

    __tablename__ = "session"
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]
    used_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    began_with: Mapped[str] = mapped_column(String(16), default="link", server_default="link")
    """link password; a `link` that has set a password has become a `password`."""


class Credential(Base):
    """Things shown once or kept by the owner: `login` keys, `api` tokens, `ticket` nonces already used."""

    __tablename__ = "credential"
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    user_id: Mapped[str | None] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]


class Project(Base):
    __tablename__ = "project"
    key: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str]
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    template: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    daytona_sandbox_id: Mapped[str | None]
    git_repository_url: Mapped[str | None]
    current_branch: Mapped[str] = mapped_column(default="main", server_default="main")
    last_seq: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    last_number: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    lease: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """Fencing token: grows with every taking of the lease."""
    lease_owner: Mapped[str | None]
    lease_purpose: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    __table_args__ = (
        Index("project_of_user", "user_id", "updated_at"),
        Index("project_by_time", "updated_at", "key"),
        Index("project_of_sandbox", "daytona_sandbox_id"),
        {"sqlite_autoincrement": True},  # a deleted project's key is never given to another
    )


class Branch(Base):
    __tablename__ = "branch"
    project: Mapped[int] = mapped_column(
        ForeignKey("project.key", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(primary_key=True)
    head: Mapped[str] = mapped_column(String(40))


class Fragment(Base):
    __tablename__ = "fragment"
    project: Mapped[int] = mapped_column(
        ForeignKey("project.key", ondelete="CASCADE"), primary_key=True
    )
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(String(64), unique=True)
    branch: Mapped[str]
    sha: Mapped[str] = mapped_column(String(40))
    parent: Mapped[str | None] = mapped_column(String(40))
    parent_fragment_id: Mapped[str | None] = mapped_column(String(64))
    tree: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(16))
    title: Mapped[str]
    message: Mapped[str | None]
    author_name: Mapped[str]
    author_email: Mapped[str]
    number: Mapped[int | None]
    """Versions only; one sequence per project."""
    turn_id: Mapped[str | None] = mapped_column(String(64))
    tool_call_id: Mapped[str | None]
    restored_from: Mapped[str | None] = mapped_column(String(64))
    files_changed: Mapped[int] = mapped_column(default=0)
    lines_added: Mapped[int] = mapped_column(default=0)
    lines_removed: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("project", "branch", "parent"),  # one successor per parent
        UniqueConstraint("project", "number"),
        UniqueConstraint("turn_id", "tool_call_id"),  # a tool run again finds its fragment
        UniqueConstraint("project", "sha"),
        Index("fragment_of_tree", "project", "tree"),
        Index("fragment_of_turn", "turn_id"),
    )


class Pack(Base):
    """Git objects that a range of fragments added, as pack entries without header and trailer."""

    __tablename__ = "pack"
    project: Mapped[int] = mapped_column(
        ForeignKey("project.key", ondelete="CASCADE"), primary_key=True
    )
    last_seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    part: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    first_seq: Mapped[int] = mapped_column(BigInteger)
    level: Mapped[int] = mapped_column(SmallInteger)
    objects: Mapped[int] = mapped_column(Integer)
    body: Mapped[bytes] = mapped_column(LargeBinary)


class Turn(Base):
    """One user message and all that answers it. `owner`/`lease_until`: which server runs it."""

    __tablename__ = "turn"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    project: Mapped[int] = mapped_column(ForeignKey("project.key", ondelete="CASCADE"))
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    status: Mapped[str] = mapped_column(String(16))
    """working stopping stopped completed failed interrupted"""
    prompt: Mapped[str]
    model: Mapped[str | None]
    idempotency_key: Mapped[str | None]
    fence: Mapped[int] = mapped_column(BigInteger, default=0)
    attempt: Mapped[int] = mapped_column(default=0)
    cancel_requested: Mapped[bool] = mapped_column(Boolean, default=False)
    history: Mapped[str | None]
    """Checkpoint: pydantic-ai's messages as JSON."""
    last_event: Mapped[int] = mapped_column(BigInteger, default=0)
    base_tree: Mapped[str | None] = mapped_column(String(40))
    """The tree before the first step; the version's changes are counted against it."""
    version_id: Mapped[str | None] = mapped_column(String(64))
    error_code: Mapped[str | None]
    error: Mapped[str | None]
    cost: Mapped[float | None]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    __table_args__ = (
        Index(
            "one_active_turn",
            "project",
            unique=True,
            sqlite_where=text("status IN ('working', 'stopping')"),
            postgresql_where=text("status IN ('working', 'stopping')"),
        ),
        Index("turn_of_project", "project", "started_at"),
        UniqueConstraint("project", "idempotency_key"),
    )


class TurnEvent(Base):
    """The append-only log of a turn: one chunk of the UI message stream, as JSON."""

    __tablename__ = "turn_event"
    turn_id: Mapped[str] = mapped_column(
        ForeignKey("turn.id", ondelete="CASCADE"), primary_key=True
    )
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    payload: Mapped[str]


class Message(Base):
    """What was shown: one UI message, as the AI SDK's JSON parts."""

    __tablename__ = "message"
    project: Mapped[int] = mapped_column(
        ForeignKey("project.key", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(String(64), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    parts: Mapped[str]
    metadata_json: Mapped[str | None]
    turn_id: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime]


class Team(Base):
    """A team of the old system; what its people may do is `accounts.access`'s business."""

    __tablename__ = "team"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str]
    slug: Mapped[str | None]
    personal: Mapped[bool] = mapped_column(Boolean)


class TeamMember(Base):
    __tablename__ = "team_member"
    team_id: Mapped[str] = mapped_column(
        ForeignKey("team.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[str] = mapped_column(
        ForeignKey("user.id", ondelete="CASCADE"), primary_key=True
    )
    role: Mapped[str] = mapped_column(String(16))  # owner admin member viewer
    __table_args__ = (Index("team_member_of_user", "user_id", "team_id"),)


class TeamProject(Base):
    """Which team a project belonged to."""

    __tablename__ = "team_project"
    project: Mapped[int] = mapped_column(
        ForeignKey("project.key", ondelete="CASCADE"), primary_key=True
    )
    team_id: Mapped[str] = mapped_column(ForeignKey("team.id", ondelete="CASCADE"))
    __table_args__ = (Index("team_project_of_team", "team_id", "project"),)


class LegacyImport(Base):
    """A project that was brought over, and what it was then: only an untouched one is replaced."""

    __tablename__ = "legacy_import"
    project: Mapped[int] = mapped_column(
        ForeignKey("project.key", ondelete="CASCADE"), primary_key=True
    )
    head: Mapped[str] = mapped_column(String(40))
    last_seq: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of its messages, aliases, marks and kept rows."""
    base: Mapped[str]
    imported_at: Mapped[datetime]


class LegacyAlias(Base):
    """Another name under which an old client may ask for a fragment."""

    __tablename__ = "legacy_alias"
    project: Mapped[int] = mapped_column(
        ForeignKey("project.key", ondelete="CASCADE"), primary_key=True
    )
    alias: Mapped[str] = mapped_column(primary_key=True)
    fragment_id: Mapped[str] = mapped_column(String(64))


class LegacyRow(Base):
    """A row of the old database that has no table here, exactly as it was: JSON, name to text."""

    __tablename__ = "legacy_row"
    project: Mapped[int] = mapped_column(
        ForeignKey("project.key", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    table_name: Mapped[str] = mapped_column(String(64))
    id: Mapped[str | None]
    fragment_id: Mapped[str | None] = mapped_column(String(64))
    body: Mapped[str]


class Mark(Base):
    """A file's content that is known not to be whole; it marks every version that holds it there."""

    __tablename__ = "mark"
    project: Mapped[int] = mapped_column(
        ForeignKey("project.key", ondelete="CASCADE"), primary_key=True
    )
    path: Mapped[str] = mapped_column(primary_key=True)
    oid: Mapped[str] = mapped_column(String(40), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(16))  # damaged placeholder binary_cut
    note: Mapped[str]
