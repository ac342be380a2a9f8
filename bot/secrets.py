"""Secrets: from a file that only its owner can read, or from the environment; never shown.

A bare file name is looked for in systemd's credentials folder first (LoadCredential=),
then beside config.toml. Source: https://systemd.io/CREDENTIALS/
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from storage.errors import ConfigError

MOST_BYTES = 65_536
CREDENTIALS = "CREDENTIALS_DIRECTORY"


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that does not show itself in logs, tracebacks or f-strings. `reveal()` gives it."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        """The value itself, for the one line that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"


def reader(environment: Mapping[str, str], folder: Path) -> Callable[[str, str], str]:
    """The `secret` of `bot.channel.Setting`: (file, environment name) -> value."""

    def secret(file: str, name: str) -> str:
        return find(file, name, environment=environment, folder=folder).reveal()

    return secret


def find(file: str, name: str, *, environment: Mapping[str, str], folder: Path) -> Secret:
    """The secret in `file`, or when that is "" in the environment variable `name`.

    folder: where relative files are. Raises ConfigError, which names file or variable
    and never the value.
    """
    if file:
        return Secret(_one_line(_read(_located(file, environment, folder)), str(file)))
    if not name:
        raise ConfigError("neither a file nor an environment variable is named for this secret")
    if not environment.get(name, "").strip():
        raise ConfigError(f"no secret: environment variable {name} is not set, and no file is named")
    return Secret(_one_line(environment[name], name))


def _located(file: str, environment: Mapping[str, str], folder: Path) -> tuple[Path, bool]:
    """The file, and whether it is a credential of systemd."""
    credentials = environment.get(CREDENTIALS, "")
    if credentials and "/" not in file and (Path(credentials) / file).exists():
        return Path(credentials) / file, True
    path = folder / Path(file).expanduser()
    return path, bool(credentials) and path.is_relative_to(credentials)


def _read(located: tuple[Path, bool]) -> str:
    path, is_credential = located
    try:
        # Not blocking: a pipe in its place must not hang the daemon.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", "") or "not a file name"
        raise ConfigError(f"secret file {path} cannot be read: {why}") from None
    try:
        _check_mode(path, os.fstat(handle), is_credential=is_credential)
        with os.fdopen(handle, "rb", closefd=False) as file:
            data = file.read(MOST_BYTES + 1)
    finally:
        os.close(handle)
    if len(data) > MOST_BYTES:
        raise ConfigError(f"secret file {path} is larger than {MOST_BYTES} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"secret file {path} is not UTF-8 text") from None


def _check_mode(path: Path, found: os.stat_result, *, is_credential: bool) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError(f"secret file {path} is no regular file")
    # systemd gives a service user its credential by an access list, whose mask shows as
    # the group's bits; the folder itself is closed to everybody else.
    others = stat.S_IRWXO if is_credential else stat.S_IRWXO | stat.S_IRWXG
    if found.st_mode & others:
        mode = stat.S_IMODE(found.st_mode)
        raise ConfigError(f"secret file {path} can be read by others (mode {mode:04o}): chmod 600 it")
    if os.geteuid() and found.st_uid not in (0, os.geteuid()):
        raise ConfigError(f"secret file {path} belongs to another user")


def _one_line(text: str, source: str) -> str:
    value = text.strip()
    if not value:
        raise ConfigError(f"secret in {source} is empty")
    if not value.isprintable():
        raise ConfigError(f"secret in {source} must be one line of printable text")
    return value
