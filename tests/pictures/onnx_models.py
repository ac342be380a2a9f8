"""Tiny ONNX models, written byte by byte: the suite has no library that makes them.

The format is protocol buffers; numbers of fields are those of onnx.proto3 (IR version 8, operator set 13).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

Shape = Sequence[int | str]
_FLOAT, _INT64, _BOOL = 1, 7, 9


def _varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes | str) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _ints(name: str, values: Sequence[int]) -> bytes:
    return _bytes(5, _bytes(1, name) + b"".join(_number(8, v) for v in values) + _number(20, 7))


def _int(name: str, value: int) -> bytes:
    return _bytes(5, _bytes(1, name) + _number(3, value) + _number(20, 2))


def _node(kind: str, takes: Sequence[str], gives: str, *attributes: bytes) -> bytes:
    names = b"".join(_bytes(1, one) for one in takes)
    return _bytes(1, names + _bytes(2, gives) + _bytes(4, kind) + b"".join(attributes))


def _constant(name: str, kind: int, dims: Sequence[int], data: bytes) -> bytes:
    sizes = b"".join(_number(1, one) for one in dims)
    return _bytes(5, sizes + _number(2, kind) + _bytes(8, name) + _bytes(9, data))


def _value(field: int, name: str, shape: Shape, kind: int = _FLOAT) -> bytes:
    dims = b"".join(_bytes(1, _number(1, d) if isinstance(d, int) else _bytes(2, d)) for d in shape)
    return _bytes(field, _bytes(1, name) + _bytes(2, _bytes(1, _number(1, kind) + _bytes(2, dims))))


def _model(nodes: bytes, takes: bytes, gives: bytes) -> bytes:
    graph = nodes + _bytes(2, "g") + takes + gives
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _bytes(1, "") + _number(2, 13))


def _mean(shape: Shape) -> bytes:
    axes = [2, 3] if shape[1] == 3 else [1, 2]
    return _node("ReduceMean", ["x"], "mean", _ints("axes", axes), _int("keepdims", 0))


def reddest(shape: Shape = (1, 3, 16, 16), *, certain: float = 8.0, softmax: bool = True) -> bytes:
    """Tells red, green and blue pictures apart: the mean of each colour, made certain."""
    nodes = _mean(shape) + _constant("c", _FLOAT, [1], struct.pack("<f", certain))
    nodes += _node("Mul", ["mean", "c"], "scores" if softmax else "y")
    if softmax:
        nodes += _node("Softmax", ["scores"], "y", _int("axis", 1))
    return _model(nodes, _value(11, "x", shape), _value(12, "y", (1, 3)))


def of_two_inputs() -> bytes:
    """Takes a second picture."""
    shape = (1, 3, 16, 16)
    nodes = _node("Add", ["x", "z"], "both") + _mean(shape) + _node("Identity", ["mean"], "y")
    takes = _value(11, "x", shape) + _value(11, "z", shape)
    return _model(nodes, takes, _value(12, "y", (1, 3)))


def hungry() -> bytes:
    """Wants 9.6 GB for any picture: no constant, so that it is not found out when it is loaded."""
    shape = (1, 3, 16, 16)
    nodes = _mean(shape) + _constant("to", _INT64, [2], struct.pack("<2q", 800_000_000, 3))
    nodes += _node("Expand", ["mean", "to"], "large")
    nodes += _node("ReduceMax", ["large"], "y", _ints("axes", [0]), _int("keepdims", 1))
    return _model(nodes, _value(11, "x", shape), _value(12, "y", (1, 3)))


def endless() -> bytes:
    """Goes round 2**62 times for any picture."""
    shape = (1, 3, 16, 16)
    inner = _node("Add", ["was", "was"], "now") + _node("Identity", ["go"], "on") + _bytes(2, "b")
    inner += _value(11, "at", (), _INT64) + _value(11, "go", (), _BOOL) + _value(11, "was", (1, 3))
    inner += _value(12, "on", (), _BOOL) + _value(12, "now", (1, 3))
    nodes = _mean(shape) + _constant("most", _INT64, [], struct.pack("<q", 1 << 62))
    nodes += _constant("true", _BOOL, [], b"\x01")
    body = _bytes(5, _bytes(1, "body") + _bytes(6, inner) + _number(20, 5))
    nodes += _node("Loop", ["most", "true", "mean"], "y", body)
    return _model(nodes, _value(11, "x", shape), _value(12, "y", (1, 3)))
