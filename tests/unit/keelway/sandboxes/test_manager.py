"""What tells one installation from another."""

from pathlib import Path

from pydantic import SecretStr

from keelway.sandboxes.manager import home_label, is_local
from keelway.settings import Settings


def test_an_engine_on_this_machine_is_known_as_such() -> None:
    assert is_local("http://127.0.0.1:4000/api")
    assert is_local("http://localhost/api")
    assert not is_local("https://app.daytona.io/api")
    assert not is_local(None)


def test_a_home_keeps_its_name_when_it_moves(tmp_path: Path) -> None:
    first = Settings(home=tmp_path / "one")
    label = home_label(first)
    assert home_label(first) == label
    (tmp_path / "one").rename(tmp_path / "two")
    assert home_label(Settings(home=tmp_path / "two")) == label
    assert home_label(Settings(home=tmp_path / "three")) != label
    assert "one" not in label


def test_all_servers_of_one_database_are_one_installation(tmp_path: Path) -> None:
    def label(home: str, password: str) -> str:
        url = SecretStr(f"postgresql://keelway:{password}@db.internal/keelway")
        return home_label(Settings(home=tmp_path / home, database_url=url))

    assert label("a", "old") == label("b", "new")
    assert "db.internal" not in label("a", "old")
