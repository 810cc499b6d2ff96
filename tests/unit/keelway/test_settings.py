from pathlib import Path

import pytest
from pydantic import ValidationError

from keelway.settings import Settings, default_home


def test_the_home_follows_the_xdg_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert default_home() == Path("/data/keelway")
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", "/home/maya")
    assert default_home() == Path("/home/maya/.local/share/keelway")


def test_settings_come_from_the_environment_under_their_own_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KEELWAY_PORT", "9000")
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-secret")
    monkeypatch.setenv("DAYTONA_API_KEY", "dtn-secret")
    settings = Settings()
    assert settings.port == 9000
    assert settings.daytona_api_key is not None
    assert settings.daytona_api_key.get_secret_value() == "dtn-secret"
    assert not settings.demo
    assert "secret" not in repr(settings)


def test_without_a_model_the_demo_answers(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)
    assert Settings(home=home).demo
    assert not Settings(home=home, model_base_url="http://127.0.0.1:11434/v1").demo


def test_settings_are_fixed(home: Path) -> None:
    with pytest.raises(ValidationError):
        Settings(home=home).port = 1  # pyright: ignore[reportAttributeAccessIssue]
