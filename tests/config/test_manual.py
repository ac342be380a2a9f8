"""The manual and the example say what the code does, key by key."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bot import channel
from bot.config import Config, ConfigErrors, read
from bot.settings import keys
from tests.config.manual import MANUAL, blocks, shapes, written
from tests.fakes import tsa
from watchers import feed

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "config.example.toml"
_OFF = re.compile(r"^#(?=\[|[a-z_]+ = )", re.MULTILINE)
"""A setting of the example that is switched off; explanations begin with "# "."""


def loaded(path: Path) -> Config:
    return read(
        path,
        feeds=lambda kind: feed.load(kind).Settings,
        feed_kinds=feed.kinds(),
        today=date(2026, 11, 24),
        environment={},
    )


def test_every_key_of_every_table_is_in_the_manual() -> None:
    text = MANUAL.read_text(encoding="utf-8")
    assert blocks(text) == set(shapes())
    assert text == written(text), "run: python -m tests.config.manual"
    for shape in shapes().values():
        assert all(f"| `{f.name}` |" in text for f in fields(shape))


def test_every_toml_block_of_the_manual_is_right(tmp_path: Path) -> None:
    found = re.findall(r"```toml\n(.*?)```", MANUAL.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    for number, text in enumerate(found):
        path = tmp_path / f"{number}.toml"
        path.write_text(text, encoding="utf-8")
        assert loaded(path).targets


def test_the_example_is_right_as_it_stands() -> None:
    config = loaded(EXAMPLE)
    assert [target.name for target in config.targets] == ["market"]
    assert [one.name for one in config.channels] == ["screen", "file"]


def everything_on(folder: Path) -> Path:
    """The example with every switched-off setting switched on, and what it names in place."""
    path = folder / "config.toml"
    path.write_text(_OFF.sub("", EXAMPLE.read_text(encoding="utf-8")), encoding="utf-8")
    (folder / "gallery").mkdir()
    for name in ("stamps-a", "stamps-b"):
        tsa.make(folder / "made", name)
        (folder / "made" / "right-root.pem").rename(folder / f"{name}.pem")
    (folder / "animals.onnx").write_bytes(b"a model")
    (folder / "animals.txt").write_text("elephant tusk\npot\n", encoding="utf-8")
    (folder / "terms.tsv").write_text("", encoding="utf-8")
    for name in ("telegram-token", "webhook-secret", "ntfy-token", "room-webhook"):
        (folder / name).write_text("1", encoding="utf-8")
        (folder / name).chmod(0o600)
    return path


def test_every_setting_that_the_example_offers_is_right(tmp_path: Path) -> None:
    try:
        loaded(everything_on(tmp_path))
    except ConfigErrors as errors:
        pytest.fail(str(errors))


def test_every_key_is_explained_in_the_example() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    wanted: list[Any] = [keys.NightjarKeys, keys.HostKeys, keys.TargetKeys, keys.WindowKeys, keys.ChannelKeys]
    wanted += [keys.AuthorityKeys, keys.HintKeys]
    wanted += [channel.load(kind).Settings for kind in channel.kinds()]
    for shape in wanted:
        for f in fields(shape):
            assert re.search(rf"\b{f.name}( = |\])", text), f"{shape.__module__}: {f.name}"


def test_every_kind_is_named_in_the_example() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert all(f'kind = "{kind}"' in text for kind in channel.kinds())
    assert all(kind in text for kind in feed.kinds())


def test_the_values_that_the_example_calls_defaults_are_the_defaults(tmp_path: Path) -> None:
    config = loaded(everything_on(tmp_path))
    plain = loaded(EXAMPLE)
    for name in ("data_dir", "metrics", "picture_workers", "log_level"):
        changed = getattr(config, name), getattr(plain, name)
        assert name == "data_dir" or changed[0] == changed[1]
    assert [one.every_s for one in config.authorities] == [300.0, 300.0]
    on, off = config.targets[0], plain.targets[0]
    assert {target.kind for target in config.targets} == set(feed.kinds())
    for name in ("timeout_s", "max_body_bytes", "max_pictures", "vigil_sample"):
        assert getattr(on, name) == getattr(off, name)
