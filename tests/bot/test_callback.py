"""Laws of what a button carries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.callback import LONGEST_BYTES, Callback, alert_in, read, write

IDS = st.text("0123456789abcdef", min_size=32, max_size=32)
ACTIONS = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=11)
VERSIONS = st.integers(0, 9_999)
KEYS = st.binary(min_size=16, max_size=64)


@given(IDS, ACTIONS, VERSIONS, KEYS)
def test_what_was_written_is_read_back_and_fits(alert_id: str, action: str, version: int, key: bytes) -> None:
    callback = Callback(alert_id=alert_id, action=action, version=version)
    data = write(callback, key)
    assert len(data.encode()) <= LONGEST_BYTES
    assert read(data, key) == callback
    assert alert_in(data) == alert_id


@given(st.data(), KEYS, st.integers(0, 63), st.characters(codec="ascii"))
def test_any_changed_character_is_noticed(drawn: st.DataObject, key: bytes, place: int, char: str) -> None:
    callback = Callback(alert_id=drawn.draw(IDS), action=drawn.draw(ACTIONS), version=drawn.draw(VERSIONS))
    data = write(callback, key)
    place %= len(data)
    changed = data[:place] + char + data[place + 1 :]
    assert (read(changed, key) is None) == (changed != data)


@given(st.text(max_size=80), KEYS)
def test_whatever_comes_is_read_or_refused_without_an_error(data: str, key: bytes) -> None:
    assert read(data, key) is None


@given(IDS, KEYS, KEYS)
def test_another_house_s_button_is_not_ours(alert_id: str, key: bytes, other: bytes) -> None:
    data = write(Callback(alert_id=alert_id, action="ack"), key)
    assert (read(data, other) is None) == (other.ljust(64, b"\0") != key.ljust(64, b"\0"))


@pytest.mark.parametrize(
    "callback",
    [
        Callback(alert_id="x" * 32, action="ack"),
        Callback(alert_id="0" * 31, action="ack"),
        Callback(alert_id="0" * 32, action=""),
        Callback(alert_id="0" * 32, action="a:b"),
        Callback(alert_id="0" * 32, action="a" * 12),
        Callback(alert_id="0" * 32, action="ack", version=-1),
        Callback(alert_id="0" * 32, action="ack", version=10_000),
    ],
)
def test_parts_that_have_no_place_are_refused(callback: Callback) -> None:
    with pytest.raises(ValueError, match="not an alert"):
        write(callback, b"k" * 32)
