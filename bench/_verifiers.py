"""Other people's checkers: installed once, outside the checkout, never imported.

`environment` is a Python of its own with what requirements-verifiers.lock names (warcio,
fastwarc, wacz, pywb, bagit, case-utils, pymerkle, rfc8785). `debian` is a program of the
distribution: the one on PATH, else its package, unpacked without root and without
installing anything. Both lie in a cache folder that NIGHTJAR_CACHE names, else XDG_CACHE_HOME.
What cannot be had is one error with the reason; tests skip with it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench._daemon import ROOT
from bench.figures import WrongUseError

LOCK = ROOT / "requirements-verifiers.lock"
PACKAGES = {"minisign": "minisign", "signify-openbsd": "signify-openbsd", "age": "age", "age-keygen": "age"}
"""Program of the distribution -> the package that has it."""
INSTALL_S = 900
FETCH_S = 120
_WHOLE = "whole"
_refused: dict[str, str] = {}


class VerifierMissingError(WrongUseError):
    """A checker of others cannot be had here. Attributes: what, why."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what} cannot be had here: {why}")
        self.what, self.why = what, why


def cache() -> Path:
    """The folder in which checkers are kept between runs."""
    named = os.environ.get("NIGHTJAR_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "nightjar"


def environment() -> Path:
    """The Python of the environment with the locked checkers; its programs lie beside it.

    Made at the first call, by uv where there is one, else by pip; others wait meanwhile.
    Raises VerifierMissingError.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    made_of = hashlib.sha256(LOCK.read_bytes() + version.encode()).hexdigest()[:16]
    folder = cache() / f"verifiers-{made_of}"
    python = folder / "bin" / "python"
    with _once("the checkers' environment", folder) as fresh:
        if fresh:
            _install(folder, python)
    return python


def debian(program: str) -> Path:
    """A program of the distribution, by name. Raises VerifierMissingError."""
    if found := shutil.which(program):
        return Path(found)
    if program not in PACKAGES:
        raise VerifierMissingError(program, "it is not on PATH and no package is known to have it")
    package = PACKAGES[program]
    folder = cache() / f"debian-{package}"
    with _once(program, folder) as fresh:
        if fresh:
            _unpack(package, folder)
    return _wrapped(program, folder)


def clean_environment() -> dict[str, str]:
    """The variables for another's program: none of ours that would lead its Python astray."""
    ours = {"PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH", "VIRTUAL_ENV"}
    return {name: value for name, value in os.environ.items() if name not in ours}


@contextmanager
def _once(what: str, folder: Path) -> Iterator[bool]:
    """Whether `folder` is yet to be filled; whole when the block ends without an error.

    One process at a time. What was left unfinished is thrown away. A refusal is remembered for
    the length of this process, so that a hundred tests do not ask a dead network a hundred times.
    """
    if why := _refused.get(what):
        raise VerifierMissingError(what, why)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folder.with_name(f"{folder.name}.lock").open("a") as door:
            fcntl.flock(door, fcntl.LOCK_EX)
            fresh = not (folder / _WHOLE).exists()
            if fresh:
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
            yield fresh
            (folder / _WHOLE).touch()
    except OSError as error:
        _refused[what] = f"the cache folder: {error.strerror}"
        raise VerifierMissingError(what, _refused[what]) from error
    except VerifierMissingError as error:
        _refused[what] = error.why
        raise VerifierMissingError(what, error.why) from error


def _install(folder: Path, python: Path) -> None:
    """As uv reads other settings than pip (mirrors, certificates), pip has a try when it fails."""
    print("installing other people's checkers, once, about a minute", file=sys.stderr)
    base = getattr(sys, "_base_executable", "") or sys.executable
    what = "the checkers' environment"
    _do(what, base, "-m", "venv", "--without-pip", str(folder), within_s=FETCH_S)
    options = ("--require-hashes", "--no-deps", "-r", str(LOCK))
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv:
        try:
            _do(what, uv, "pip", "install", "--quiet", "--python", str(python), *options, within_s=INSTALL_S)
        except VerifierMissingError as trouble:
            print(f"{trouble}; trying pip", file=sys.stderr)
        else:
            return
    pip = (sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-input")
    _do(what, *pip, "--disable-pip-version-check", *options, within_s=INSTALL_S)


def _unpack(package: str, folder: Path) -> None:
    """The package and the libraries it names, fetched and unpacked under `folder`."""
    try:
        _fetch([package, *_libraries(package)], folder)
    except VerifierMissingError:
        # Without package lists apt knows no package; it may keep lists of its own for us.
        _do(package, "apt-get", *_own_lists(folder), "update", within_s=FETCH_S)
        _fetch([package, *_libraries(package, folder)], folder, *_own_lists(folder))
    for archive in sorted(folder.glob("*.deb")):
        _do(package, "dpkg-deb", "-x", str(archive), str(folder / "root"), within_s=FETCH_S)


def _fetch(packages: list[str], folder: Path, *options: str) -> None:
    _do(packages[0], "apt-get", *options, "download", *packages, within_s=FETCH_S, where=folder)


def _own_lists(folder: Path) -> tuple[str, ...]:
    for name in ("lists/partial", "archives/partial"):
        (folder / "apt" / name).mkdir(parents=True, exist_ok=True)
    places = {"Dir::State::lists": "lists", "Dir::Cache": "", "Dir::Cache::archives": "archives"}
    return tuple(f"-o{key}={folder / 'apt' / place}" for key, place in places.items())


def _libraries(package: str, folder: Path | None = None) -> list[str]:
    """Packages it depends on, but for the C library, which every system has."""
    options = () if folder is None else _own_lists(folder)
    told = _do(package, "apt-cache", *options, "depends", "--recurse", "--no-recommends", "--no-suggests",
               "--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances", package,
               within_s=FETCH_S)  # fmt: skip
    names = set(re.findall(r"^\s+Depends: (lib[a-z0-9.+-]+)$", told, re.MULTILINE))
    return sorted(name for name in names if not re.fullmatch(r"libc6|libgcc.*|libcrypt1", name))


def _wrapped(program: str, folder: Path) -> Path:
    """The unpacked program, started through a script that shows it the libraries beside it."""
    found = next((folder / "root").glob(f"**/*bin/{program}"), None)
    if found is None:
        raise VerifierMissingError(program, "its package does not have it")
    libraries = sorted((folder / "root").glob("**/*-linux-*"))
    script = folder / program
    paths = ":".join(str(path) for path in libraries)
    text = f'#!/bin/sh\nLD_LIBRARY_PATH="{paths}" exec "{found}" "$@"\n'
    if not script.exists() or script.read_text() != text:
        fresh = script.with_name(f"{program}.{os.getpid()}")
        fresh.write_text(text)
        fresh.chmod(0o755)
        fresh.replace(script)
    return script


def _do(what: str, *words: str, within_s: float, where: Path | None = None) -> str:
    """Run one step; what it printed. Raises VerifierMissingError with the last line of its trouble."""
    try:
        done = subprocess.run(
            words,
            cwd=where,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=within_s,
            check=False,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        raise VerifierMissingError(what, f"there is no {words[0]}") from None
    except subprocess.TimeoutExpired:
        raise VerifierMissingError(what, f"{words[0]} gave nothing within {within_s:.0f} s") from None
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise VerifierMissingError(what, f"{words[0]}: {lines[-1] if lines else 'failed without a reason'}")
    return done.stdout
