"""Everything that may differ between two deployments, read once from the environment.

The Daytona SDK's and OpenRouter's variables keep their own names; the rest is `KEELWAY_…`.
"""

from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


def default_home() -> Path:
    """The XDG data folder's `keelway`."""
    import os

    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "keelway"


class Settings(BaseSettings):
    """Frozen; made in `cli.py` or a test fixture and passed down, never imported as a value."""

    model_config = SettingsConfigDict(env_prefix="KEELWAY_", frozen=True, extra="ignore")

    home: Path = Field(default_factory=default_home)
    """Data folder: database, repositories, keys, sandboxd's own home."""
    host: str = "127.0.0.1"
    port: int = 8420
    """The page's port; previews are served on the next one."""
    public_host: str = "keelway.localhost"
    """The page's canonical host name (TRUST.md, decision 2)."""
    database_url: SecretStr | None = None
    """SQLAlchemy or libpq URL of PostgreSQL; unset: SQLite in `home`."""

    model: str | None = None
    """Model name at the endpoint below, or at OpenRouter."""
    model_base_url: str | None = None
    """Any OpenAI-compatible endpoint."""
    model_api_key: SecretStr | None = None
    openrouter_api_key: Annotated[
        SecretStr | None, Field(validation_alias=AliasChoices("OPENROUTER_API_KEY"))
    ] = None

    daytona_api_url: Annotated[
        str | None, Field(validation_alias=AliasChoices("DAYTONA_API_URL"))
    ] = None
    daytona_api_key: Annotated[
        SecretStr | None, Field(validation_alias=AliasChoices("DAYTONA_API_KEY"))
    ] = None
    """Set: Daytona's cloud. Unset: `keelway up` starts sandboxd and fills both in."""

    turn_requests: int = 100
    """Model requests a turn may make."""
    turn_seconds: float = 1800
    """Wall-clock limit of a turn, seconds."""
    lease_seconds: float = 20
    """How long a lease lives without being renewed, seconds."""
    command_seconds: int = 120
    """Default time limit of a command, seconds; at most 600."""
    file_bytes: int = 5 * 1024 * 1024
    """Largest file a version holds, bytes."""
    idle_minutes: int = 15
    """A sandbox that nobody used for so long is stopped."""

    @property
    def demo(self) -> bool:
        """No model is configured: the scripted demo model answers."""
        return self.openrouter_api_key is None and self.model_base_url is None

    @property
    def repositories(self) -> Path:
        return self.home / "repositories"
