"""Secrets come from closed files or the environment, and never show themselves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.secrets import MOST_BYTES, Secret, find, reader
from storage.errors import ConfigError
from tests.config.kinds import HEAD, mistakes, only, write


def closed(path: Path, text: str = "s3cret\n", mode: int = 0o600) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def test_a_secret_is_read_from_a_closed_file_beside_the_configuration(tmp_path: Path) -> None:
    closed(tmp_path / "token")
    assert reader({}, tmp_path)("token", "NAME") == "s3cret"
    assert reader({}, tmp_path)(str(tmp_path / "token"), "") == "s3cret"


def test_a_secret_is_read_from_the_environment_when_no_file_is_named(tmp_path: Path) -> None:
    assert reader({"NAME": " s3cret\n"}, tmp_path)("", "NAME") == "s3cret"


def test_a_credential_of_the_service_manager_comes_first(tmp_path: Path) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    closed(folder / "token", "from systemd", 0o440)
    closed(tmp_path / "token", "from beside")
    environment = {"CREDENTIALS_DIRECTORY": str(folder)}
    assert reader(environment, tmp_path)("token", "") == "from systemd"
    assert reader(environment, tmp_path)(str(folder / "token"), "") == "from systemd"
    assert reader({}, tmp_path)("token", "") == "from beside"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o666, 0o620, 0o601])
def test_a_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    closed(tmp_path / "token", mode=mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        reader({}, tmp_path)("token", "")


def test_a_pipe_a_folder_and_a_missing_file_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir(0o700)
    for name in ("pipe", "folder", "none", "a\0b"):
        with pytest.raises(ConfigError):
            reader({}, tmp_path)(name, "")


@pytest.mark.parametrize("text", ["", " \n", "two\nlines", "bell\a", "x" * (MOST_BYTES + 1)])
def test_what_cannot_be_a_secret_is_refused(tmp_path: Path, text: str) -> None:
    closed(tmp_path / "token", text)
    with pytest.raises(ConfigError) as error:
        reader({}, tmp_path)("token", "")
    assert "lines" not in str(error.value)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "token").chmod(0o600)
    with pytest.raises(ConfigError, match="UTF-8"):
        reader({}, tmp_path)("token", "")


def test_neither_a_file_nor_a_variable_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="NAME"):
        find("", "NAME", environment={"NAME": " "}, folder=tmp_path)
    with pytest.raises(ConfigError, match="neither"):
        find("", "", environment={}, folder=tmp_path)


def test_a_secret_does_not_show_itself() -> None:
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret!r} {secret} {secret:>20} {[secret]} {vars if 0 else ''}"
    assert secret.reveal() == "hunter2"


TELEGRAM = '[[channel]]\nkind = "telegram"\nchat_id = 1\n'


def test_check_looks_at_the_secrets_of_channels(tmp_path: Path) -> None:
    assert only(write(tmp_path, HEAD + TELEGRAM)).key == "token_env"
    assert not mistakes(write(tmp_path, HEAD + TELEGRAM), {"NIGHTJAR_TELEGRAM_TOKEN": "1:x"})
    named = write(tmp_path, HEAD + TELEGRAM + 'token_file = "token"\n')
    assert only(named).key == "token_file"
    closed(tmp_path / "token", mode=0o644)
    assert "chmod" in only(named).why
    closed(tmp_path / "token")
    assert not mistakes(named)


def test_a_webhook_may_go_without_a_secret(tmp_path: Path) -> None:
    assert not mistakes(
        write(tmp_path, HEAD + '[[channel]]\nkind = "webhook"\nurl = "https://h.example.org/"\n')
    )
