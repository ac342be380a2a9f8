"""Whatever stands in a file, reading it ends in a configuration or in mistakes, never otherwise."""

from __future__ import annotations

import json
import tempfile
import tomllib
from datetime import date, time
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channel import kinds as channel_kinds
from bot.channel import load as load_channel
from bot.config import Config, ConfigErrors
from bot.mistakes import Mistake
from bot.settings.gather import keys_of
from bot.settings.keys import (
    AuthorityKeys,
    ChannelKeys,
    ChatKeys,
    DeskKeys,
    HostKeys,
    NightjarKeys,
    OfficerKeys,
    RotaKeys,
    TargetKeys,
    WindowKeys,
)
from bot.settings.shapes import dotted, read_table
from tests.config.kinds import Plain, Rich, load

TEXT = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(
        ["", "30s", "8MB", "UTC", "a@b.cc", "rich", "plain", "telegram", "console", "*", "21:00"]
    ),
    st.sampled_from(
        ["http://[", "https://a.example/", "https://a:b@c/", "http://a:99999999999", "../..", "~x"]
    ),
)
SCALAR = st.one_of(
    TEXT,
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.booleans(),
    st.dates(),
    st.datetimes(),
    st.times(),
)
VALUE = st.recursive(
    SCALAR,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(TEXT, st.sampled_from(["css", "start", "end"])), inner, max_size=3),
    ),
    max_leaves=6,
)


def table_of(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    """Tables with some of these keys, and others, holding anything."""
    return st.dictionaries(st.one_of(st.sampled_from(names), TEXT), VALUE, max_size=6)


RULES = table_of(*keys_of(Rich))
CHANNELS = [key for kind in channel_kinds() for key in keys_of(load_channel(kind).Settings)]
DOCUMENT = st.fixed_dictionaries(
    {},
    optional={
        "nightjar": st.one_of(table_of(*keys_of(NightjarKeys)), VALUE),
        "hosts": st.one_of(st.dictionaries(TEXT, table_of(*keys_of(HostKeys)), max_size=2), VALUE),
        "channel": st.one_of(st.lists(table_of(*keys_of(ChannelKeys), *CHANNELS), max_size=2), VALUE),
        "authority": st.one_of(st.lists(table_of(*keys_of(AuthorityKeys)), max_size=2), VALUE),
        "officer": st.one_of(st.lists(table_of(*keys_of(OfficerKeys)), max_size=2), VALUE),
        "desk": st.one_of(table_of(*keys_of(DeskKeys)), VALUE),
        "chat": st.one_of(st.lists(table_of(*keys_of(ChatKeys)), max_size=2), VALUE),
        "rota": st.one_of(table_of(*keys_of(RotaKeys)), VALUE),
        "target": st.one_of(
            st.lists(
                st.tuples(
                    table_of(*keys_of(TargetKeys)),
                    st.fixed_dictionaries({}, optional={"rules": RULES, "kind": st.just("rich")}),
                ).map(lambda pair: pair[0] | pair[1]),
                max_size=2,
            ),
            VALUE,
        ),
    },
)


def toml(value: object) -> str:
    """A value in TOML; the one writer this test needs."""
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date | time) else str(value)


def quoted(text: str) -> str:
    """A basic string with everything unusual escaped."""
    return '"' + "".join(c if c.isalnum() and c.isascii() else f"\\U{ord(c):08x}" for c in text) + '"'


@settings(deadline=None, max_examples=50)
@given(VALUE)
def test_the_writer_of_these_tests_writes_toml(value: object) -> None:
    (read,) = tomllib.loads(f"a = {toml(value)}").values()
    assert repr(read) == repr(value) or "datetime" in repr(value)


def outcome(data: bytes) -> Config | tuple[Mistake, ...]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.toml"
        path.write_bytes(data)
        try:
            return load(path)
        except ConfigErrors as errors:
            return errors.mistakes


def judged(found: Config | tuple[Mistake, ...]) -> None:
    """Either a configuration, or at least one mistake that says where and why on one line."""
    if isinstance(found, Config):
        return
    assert found
    for mistake in found:
        assert mistake.file
        assert mistake.why
        assert str(mistake).isprintable(), repr(str(mistake))
        json.dumps(mistake.facts()).encode()


@settings(deadline=None, max_examples=150)
@given(DOCUMENT)
def test_any_value_in_any_key_ends_in_a_configuration_or_in_mistakes(document: dict[str, Any]) -> None:
    judged(outcome("\n".join(f"{key} = {toml(value)}" for key, value in document.items()).encode()))


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=300))
def test_any_bytes_end_in_mistakes(data: bytes) -> None:
    judged(outcome(data))


@settings(deadline=None, max_examples=100)
@given(st.sampled_from([Rich, Plain, NightjarKeys, TargetKeys, HostKeys, WindowKeys, ChannelKeys]), VALUE)
def test_any_table_is_read_or_faulted(shape: type, value: object) -> None:
    table = value if isinstance(value, dict) else dict.fromkeys(keys_of(shape), value)
    reading = read_table(table, shape)
    assert (reading.value is None) == bool(reading.faults)
    for fault in reading.faults:
        assert isinstance(dotted(fault.path), str)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_one_wrong_key_in_a_right_target_is_told_at_that_key(data: st.DataObject) -> None:
    from tests.config.kinds import HEAD, target

    key = data.draw(
        st.sampled_from([k for k in keys_of(TargetKeys) if k not in ("rules", "window", "headers")])
    )
    wrong = data.draw(st.one_of(st.just([[]]), st.just({"x": []})))
    text = target().replace(f"\n{key} = ", f"\n{key} = {toml(wrong)} # ", 1)
    if text == target():
        text = target(extra=f"{key} = {toml(wrong)}")
    found = outcome((HEAD + text).encode())
    assert not isinstance(found, Config)
    assert {mistake.key.split("[")[0].split(".")[0] for mistake in found} == {key}
