"""The daemon does not load what libraries import for a screen."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCREENS = {"rich", "pygments", "click"}


def loaded_after(code: str, *, whole: bool = False) -> set[str]:
    """Packages, or modules by their whole names, that a fresh interpreter has loaded after this."""
    told = f"{code}\nimport json, sys\nprint(json.dumps([n for n, m in sys.modules.items() if m]))"
    answer = subprocess.run(
        [sys.executable, "-c", told], cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=120
    )
    names = json.loads(answer.stdout.splitlines()[-1])
    return {name if whole else name.split(".")[0] for name in names}


def test_the_part_that_tells_loads_nothing_for_a_screen() -> None:
    lean = "from bot.lean import without_a_screen\nwithout_a_screen()\n"
    loaded = loaded_after(lean + "import bot.app, telegram.request")
    assert not SCREENS & loaded
    assert {"structlog", "httpx"} <= loaded


def test_lanes_and_channel_load_no_list_of_what_is_installed() -> None:
    loaded = loaded_after("import bot.dispatch, bot.channels.telegram", whole=True)
    assert {"bot.lanes.chat", "storage.collection"} <= loaded
    assert "importlib.metadata" not in loaded


def test_the_run_command_begins_without_a_screen(tmp_path: Path) -> None:
    config = str(tmp_path / "none.toml")  # is not there, which is said once all is imported
    loaded = loaded_after(f"from bot import cli\ncli.main(['run', '--config', {config!r}])")
    assert "structlog" in loaded
    assert "pygments" not in loaded  # rich itself paints the word of what is wrong


def test_rich_is_there_for_whoever_wants_it_afterwards() -> None:
    code = "from bot.lean import without_a_screen\nwithout_a_screen()\nfrom rich.console import Console"
    assert "rich" in loaded_after(code)


def test_what_was_loaded_before_stays() -> None:
    code = "import rich\nfrom bot.lean import without_a_screen\nwithout_a_screen()"
    assert "rich" in loaded_after(code)
