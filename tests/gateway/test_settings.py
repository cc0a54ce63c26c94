"""Settings: from the environment, secrets from files."""

import os
import stat
from pathlib import Path

import pytest
from sqlalchemy import make_url

from gateway.settings import Settings, read_secret, secret_key

URL = "postgresql+asyncpg://sluis@db.example.org:5432/sluis"


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("SLUIS_"):
            monkeypatch.delenv(name)


def test_without_a_url_the_database_is_sqlite_in_the_data_folder(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert settings.is_sqlite
    assert settings.database == f"sqlite+aiosqlite:///{tmp_path}/sluis.db"


def test_one_setting_makes_it_postgresql(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUIS_DATABASE_URL", URL)
    assert not Settings().is_sqlite
    assert Settings().database == URL


@pytest.mark.parametrize("password", ["simple", "p@ss:w/rd?#%20 é"])
def test_the_password_comes_from_its_file_whatever_characters_it_has(tmp_path: Path, password: str) -> None:
    file = tmp_path / "password"
    file.write_text(f"{password}\n", encoding="utf-8")
    made = make_url(Settings(database_url=URL, database_password_file=file).database)
    assert made.password == password
    assert (made.username, made.host, made.port, made.database) == ("sluis", "db.example.org", 5432, "sluis")


def test_the_password_is_not_among_the_settings_that_children_inherit(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("hunter2-invented", encoding="utf-8")
    settings = Settings(database_url=URL, database_password_file=file)
    assert "hunter2-invented" in settings.database
    assert "hunter2-invented" not in str(settings.model_dump()) + repr(settings)


def test_without_a_url_the_password_file_is_not_asked_for(tmp_path: Path) -> None:
    assert Settings(data_dir=tmp_path, database_password_file=tmp_path / "missing").database.startswith("sqlite")


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_secret_is_refused_by_the_name_of_its_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "secret"
    file.write_text(text)
    with pytest.raises(ValueError, match="secret is empty"):
        read_secret(file)


def test_a_key_of_our_own_is_made_once_and_for_our_own_user(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "x.key"
    assert secret_key(path) == secret_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["x.key"]
