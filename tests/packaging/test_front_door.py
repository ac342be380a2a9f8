"""`./nightjar` in a small checkout of its own, with an installer that we own."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]

TOLD = """\
import os, signal, sys
print({"run": "NAME", "arguments": sys.argv[1:], "cwd": os.getcwd(), "venv": sys.prefix != sys.base_prefix})
if "--exit" in sys.argv:
    sys.exit(int(sys.argv[-1]))
if "--die" in sys.argv:
    os.kill(os.getpid(), signal.SIGTERM)
"""

# Stands in for uv: notes each call, and waits at a named pipe while it is "downloading".
UV = """\
#!/bin/sh
echo "$@" >> "$UV_CALLS"
[ -p "$UV_GATE" ] && cat "$UV_GATE" > /dev/null
[ -n "$UV_FAILS" ] && { echo "no route to mirror"; exit 1; }
exit 0
"""


@dataclass
class Checkout:
    """A folder with a space in its name that holds the script and programs that tell what they got."""

    folder: Path
    environment: dict[str, str]

    @property
    def calls(self) -> list[str]:
        path = Path(self.environment["UV_CALLS"])
        return path.read_text().splitlines() if path.exists() else []

    def start(
        self, *arguments: str, cwd: Path | None = None, script: Path | None = None
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(script or self.folder / "nightjar"), *arguments],
            env=self.environment,
            cwd=cwd or self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def call(
        self, *arguments: str, cwd: Path | None = None, script: Path | None = None
    ) -> tuple[int, str, str]:
        child = self.start(*arguments, cwd=cwd, script=script)
        out, err = child.communicate(timeout=300)
        return child.returncode, out, err

    def stamp(self) -> str:
        return (self.folder / ".venv" / "nightjar.stamp").read_text()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    folder = tmp_path / "check out"
    for package, module in [
        ("bot", "cli"),
        ("nightmarket", "__main__"),
        ("bench", "__main__"),
        ("pytest", "__main__"),
    ]:
        (folder / package).mkdir(parents=True)
        (folder / package / "__init__.py").touch()
        (folder / package / f"{module}.py").write_text(TOLD.replace("NAME", package))
    (folder / "bench" / "quick.py").write_text('NAME = "quick"\n')
    (folder / "bench" / "peers.py").write_text('NAME = "peers"\nNEEDS_DEV = True\n')
    (folder / "bench" / "reader.py").write_text('NAME = "reader"\nNEEDS_EXTRA = "ocr"\n')
    (folder / "requirements-ocr.lock").write_text("one==1 --hash=sha256:00\nocr==3 --hash=sha256:00\n")
    (folder / "requirements.lock").write_text("one==1 --hash=sha256:00\n")
    (folder / "requirements-dev.lock").write_text("one==1 --hash=sha256:00\ntwo==2 --hash=sha256:00\n")
    shutil.copy(ROOT / "nightjar", folder / "nightjar")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "uv").write_text(UV)
    (tools / "uv").chmod(0o755)
    return Checkout(
        folder,
        {
            "PATH": f"{tools}:/usr/bin:/bin",
            "HOME": "/nonexistent",
            "UV_CALLS": str(tmp_path / "calls"),
            "UV_GATE": str(tmp_path / "gate"),
            "UV_FAILS": "",
        },
    )


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script as a module, for its pure parts."""
    loader = importlib.machinery.SourceFileLoader("front_door", str(ROOT / "nightjar"))
    spec = importlib.util.spec_from_loader("front_door", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_first_use_prepares_and_the_second_only_passes_on(checkout: Checkout) -> None:
    code, out, err = checkout.call("find", "--json", "horn")
    assert code == 0
    assert "'run': 'bot', 'arguments': ['find', '--json', 'horn']" in out
    assert "'venv': True" in out
    assert err.startswith("nightjar: preparing ")
    assert "1 packages from requirements.lock" in err
    assert "--require-hashes" in checkout.calls[0]
    code, out, err = checkout.call("status")
    assert (code, err, len(checkout.calls)) == (0, "", 1)


@pytest.mark.parametrize(
    ("arguments", "told", "lock"),
    [
        (["demo", "--seed", "1"], "'run': 'nightmarket', 'arguments': ['--seed', '1']", "runtime"),
        (
            ["test", "-k", "bot"],
            "'run': 'pytest', 'arguments': ['-n', '2', '--dist', 'worksteal', '-k', 'bot']",
            "dev",
        ),
        (["bench", "quick"], "'run': 'bench', 'arguments': ['quick']", "runtime"),
        (["bench", "peers", "--json"], "'run': 'bench', 'arguments': ['peers', '--json']", "dev"),
        (["bench"], "'run': 'bench', 'arguments': []", "runtime"),
        (["run"], "'run': 'bot', 'arguments': ['run']", "runtime"),
        ([], "'run': 'bot', 'arguments': ['--help']", "runtime"),
    ],
)
def test_each_verb_reaches_its_program_with_the_lock_it_needs(
    checkout: Checkout, arguments: list[str], told: str, lock: str
) -> None:
    code, out, _ = checkout.call(*arguments)
    assert code == 0
    assert told in out
    assert checkout.stamp().startswith(f"{lock} ")


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_asking_what_the_tests_take_installs_nothing(checkout: Checkout, flag: str) -> None:
    code, out, err = checkout.call("test", flag)
    assert (code, err, checkout.calls) == (0, "", [])
    assert "usage: ./nightjar test" in out
    assert not (checkout.folder / ".venv").exists()
    checkout.call("test")
    code, out, _ = checkout.call("test", flag)
    assert (code, "pytest" in out, flag in out) == (0, True, True)


def test_a_changed_lock_is_installed_and_development_holds_the_runtime(checkout: Checkout) -> None:
    checkout.call("test")
    checkout.call("run")
    assert len(checkout.calls) == 1
    with (checkout.folder / "requirements-dev.lock").open("a") as lock:
        lock.write("three==3 --hash=sha256:00\n")
    checkout.call("test")
    assert len(checkout.calls) == 2
    checkout.call("test")
    assert len(checkout.calls) == 2


def test_an_extra_is_installed_once_and_follows_its_lock(checkout: Checkout) -> None:
    code, _, err = checkout.call("extra", "ocr")
    assert (code, "words in pictures are read" in err, len(checkout.calls)) == (0, True, 2)
    assert "requirements-ocr.lock" in checkout.calls[1]
    checkout.call("bench", "reader")
    checkout.call("run")
    assert len(checkout.calls) == 2
    with (checkout.folder / "requirements-ocr.lock").open("a") as lock:
        lock.write("more==1 --hash=sha256:00\n")
    checkout.call("run")
    assert len(checkout.calls) == 3
    code, _, err = checkout.call("extra", "telepathy")
    assert (code, "there is no extra 'telepathy'" in err) == (2, True)


def test_a_bench_that_needs_an_extra_installs_it(checkout: Checkout) -> None:
    code, out, _ = checkout.call("bench", "reader")
    assert (code, "'run': 'bench', 'arguments': ['reader']" in out) == (0, True)
    assert [call.split()[-1].rpartition("/")[2] for call in checkout.calls] == [
        "requirements.lock",
        "requirements-ocr.lock",
    ]


def test_exit_codes_and_signals_are_the_programs_own(checkout: Checkout) -> None:
    assert checkout.call("check", "--exit", "7")[0] == 7
    assert checkout.call("run", "--die")[0] == -signal.SIGTERM


def test_it_works_from_elsewhere_through_a_link_past_a_folder_named_like_ours(
    checkout: Checkout, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "bot").mkdir(parents=True)
    (elsewhere / "bot" / "__init__.py").write_text("raise SystemExit('the wrong bot')")
    (elsewhere / "nj").symlink_to(checkout.folder / "nightjar")
    code, out, _ = checkout.call("status", cwd=elsewhere, script=elsewhere / "nj")
    assert code == 0
    assert f"'cwd': '{elsewhere}'" in out


def test_the_suite_runs_in_the_checkout_with_paths_as_the_user_meant_them(
    checkout: Checkout, tmp_path: Path
) -> None:
    (tmp_path / "test_x.py").touch()
    (tmp_path / "bot").mkdir()
    code, out, _ = checkout.call("test", "test_x.py::test_a", "-k", "bot", cwd=tmp_path)
    assert code == 0
    assert f"['-n', '2', '--dist', 'worksteal', '{tmp_path}/test_x.py::test_a', '-k', 'bot']" in out
    assert f"'cwd': '{checkout.folder}'" in out


def test_two_at_once_install_once(checkout: Checkout) -> None:
    os.mkfifo(checkout.environment["UV_GATE"])
    first = checkout.start("run", "first")
    gate = Path(checkout.environment["UV_GATE"]).open("w")  # noqa: SIM115 - opening waits until uv stands at it
    second = checkout.start("run", "second")
    assert second.stderr is not None
    assert "waiting for it" in second.stderr.readline()
    Path(checkout.environment["UV_GATE"]).unlink()
    gate.close()
    outs = [child.communicate(timeout=300)[0] for child in (first, second)]
    assert ["first" in outs[0], "second" in outs[1]] == [True, True]
    assert len(checkout.calls) == 1


def test_an_install_killed_in_the_middle_starts_over_from_nothing(checkout: Checkout) -> None:
    os.mkfifo(checkout.environment["UV_GATE"])
    child = checkout.start("run")
    with Path(checkout.environment["UV_GATE"]).open("w"):  # waits until uv stands at it
        child.kill()
        child.communicate(timeout=300)
        assert checkout.stamp() == "unfinished"
        half = checkout.folder / ".venv" / "half-written"
        half.touch()
    Path(checkout.environment["UV_GATE"]).unlink()
    code, out, _ = checkout.call("run")
    assert code == 0
    assert "'run': 'bot'" in out
    assert not half.exists()
    assert len(checkout.calls) == 2


def test_when_neither_uv_nor_pip_succeed_the_reason_is_shown_and_no_success_recorded(
    checkout: Checkout,
) -> None:
    checkout.environment["UV_FAILS"] = "1"
    checkout.environment["PIP_NO_INDEX"] = "1"
    code, out, err = checkout.call("run")
    assert (code, out) == (2, "")
    assert "no route to mirror" in err
    assert "uv failed; trying pip" in err
    assert "nightjar: pip failed:" in err
    assert checkout.stamp() == "unfinished"


def test_a_folder_that_is_no_environment_is_never_emptied(checkout: Checkout, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "photo.jpg").write_bytes(b"horn")
    checkout.environment["NIGHTJAR_VENV"] = str(precious)
    code, _, err = checkout.call("run")
    assert code == 2
    assert "not empty and not an environment" in err
    assert (precious / "photo.jpg").read_bytes() == b"horn"


def test_a_checkout_that_cannot_be_written_names_the_way_out(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    checkout.environment["NIGHTJAR_VENV"] = str(tmp_path / "file" / "venv")
    code, _, err = checkout.call("run")
    assert code == 2
    assert "NIGHTJAR_VENV may name another place" in err


def test_an_environment_of_the_users_own_is_filled_not_replaced(checkout: Checkout) -> None:
    own = checkout.folder / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", own], check=True)
    (own / "kept").touch()
    assert checkout.call("run")[0] == 0
    assert (own / "kept").exists()


def test_the_newest_python_on_the_path_is_asked_first(script: ModuleType, tmp_path: Path) -> None:
    for folder, names in {
        "a": ["python3.9", "python3.11", "python3.12-config"],
        "b": ["python3.13", "python3"],
    }.items():
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / name).touch()
    found = script.newer_pythons(f"{tmp_path}/a:{tmp_path}/missing:{tmp_path}/b")
    assert found == [f"{tmp_path}/b/python3.13", f"{tmp_path}/a/python3.11"]


@pytest.mark.parametrize("arguments", [["-n", "0"], ["-n4"], ["--numprocesses=1"], ["--pdb"]])
def test_the_users_own_number_of_processes_wins(script: ModuleType, arguments: list[str]) -> None:
    assert script.pytest_arguments(arguments) == arguments


def test_a_home_that_cannot_be_written_gets_no_cache(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UV_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/self/cache")  # not even root may write there
    assert "--no-cache" in script.uv_command("uv", tmp_path, tmp_path / "lock")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "not" / "yet"))
    assert "--no-cache" not in script.uv_command("uv", tmp_path, tmp_path / "lock")
