from pathlib import Path

from sandboxd.settings import Settings


def test_everything_about_the_address_comes_from_the_url() -> None:
    settings = Settings(Path("/nowhere"), "key", url="http://127.0.0.1:8421/api")
    assert settings.toolbox_url == "http://127.0.0.1:8421/api/toolbox"
    assert settings.netloc == "127.0.0.1:8421"
    assert settings.port == 8421
    assert settings.prefix == ("api",)
