"""Features travel between processes as bytes, and nothing else passes for them."""

from __future__ import annotations

import contextlib

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from watchers.picture_features import BYTES, Features, packed, unpacked


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_bytes_that_are_no_features_are_refused(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert packed(unpacked(data)) == data


def test_features_come_back_as_they_were() -> None:
    features = Features(
        np.ones((3, 2), np.float32), np.full((3, BYTES), 7, np.uint8), np.full((9, 16), 5, np.uint8)
    )
    again = unpacked(packed(features))
    assert (again.points == features.points).all()
    assert (again.descriptors == features.descriptors).all()
