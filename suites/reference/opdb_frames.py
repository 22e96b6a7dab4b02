# Owns the wire form of op_db's calls: how Python values become JSON, tensors become bytes, and both become frames.
# It must not call an operator that is under test.
"""A frame is a 4-byte little-endian length, that many bytes of JSON, and the bytes that the JSON's `bytes` counts.

Values in JSON: numbers, strings, booleans, null and lists stand for themselves (Python ints only up to 2^53); everything else is an
object with one key: {"float": 1.0 | "nan" | "inf" | "-inf"}, {"int": "digits"}, {"complex": [re, im]}, {"tuple": [...]},
{"dict": {...}}, {"slice": [start, stop, step]}, {"ellipsis": true}, {"dtype": "float32"}, {"device": "cpu"}, {"layout": "strided"},
{"memoryFormat": "channels_last"}, {"generator": seed}, {"t": k} for input tensor k, {"r": [call, path...]} for a part of a call's
result, {"o": k} for output tensor k, {"callable": program} with {"o": k} for its k-th argument, {"unknown": repr}.
"""

from __future__ import annotations

import dataclasses
import json
import math
import struct

import numpy as np
import torch

SAFE = 2**53


def dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def encode_float(value: float):
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return value


def encode(value, tensor):
    """A Python value as JSON; `tensor` says what a tensor is written as."""
    if isinstance(value, torch.Tensor):
        return tensor(value)
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (np.bool_, np.integer, np.floating, np.complexfloating)):
        return encode(value.item(), tensor)
    if isinstance(value, int):
        return value if abs(value) <= SAFE else {"int": str(value)}
    if isinstance(value, float):
        return {"float": encode_float(value)}
    if isinstance(value, complex):
        return {"complex": [encode_float(value.real), encode_float(value.imag)]}
    if isinstance(value, list):
        return [encode(one, tensor) for one in value]
    if isinstance(value, tuple):
        return {"tuple": [encode(one, tensor) for one in value]}
    if isinstance(value, dict):
        return {"dict": {str(key): encode(one, tensor) for key, one in value.items()}}
    return encode_constant(value, tensor)


def encode_constant(value, tensor):
    if isinstance(value, slice):
        return {"slice": [encode(one, tensor) for one in (value.start, value.stop, value.step)]}
    if value is Ellipsis:
        return {"ellipsis": True}
    if isinstance(value, torch.dtype):
        return {"dtype": dtype_name(value)}
    if isinstance(value, torch.device):
        return {"device": str(value)}
    if isinstance(value, torch.layout):
        return {"layout": str(value).removeprefix("torch.")}
    if isinstance(value, torch.memory_format):
        return {"memoryFormat": str(value).removeprefix("torch.")}
    if isinstance(value, torch.Generator):
        return {"generator": value.initial_seed()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return encode({field.name: getattr(value, field.name) for field in dataclasses.fields(value)}, tensor)
    if getattr(value, "program", None) is not None:
        return {"callable": value.program}
    return {"unknown": repr(value)[:200]}


def tensors_in(value) -> list[torch.Tensor]:
    """Every tensor in a nested value, in depth-first order; one that stands there twice is listed twice."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, slice):
        value = [value.start, value.stop, value.step]
    if isinstance(value, (list, tuple)):
        return [tensor for one in value for tensor in tensors_in(one)]
    return []


def replaced(value, tensor):
    """The same nested value with `tensor(t)` for every tensor t."""
    if isinstance(value, torch.Tensor):
        return tensor(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(replaced(one, tensor) for one in value))
    if isinstance(value, (list, tuple)):
        return type(value)(replaced(one, tensor) for one in value)
    if isinstance(value, dict):
        return {key: replaced(one, tensor) for key, one in value.items()}
    if isinstance(value, slice):
        return slice(*(replaced(one, tensor) for one in (value.start, value.stop, value.step)))
    return value


def logical_bytes(tensor: torch.Tensor) -> bytes:
    """A tensor's values in row-major order."""
    plain = tensor.detach().resolve_conj().resolve_neg()
    if plain.layout != torch.strided:
        plain = plain.to_dense()
    flat = torch.empty(plain.numel(), dtype=plain.dtype)
    flat.view(plain.shape).copy_(plain)
    return flat.view(torch.uint8).numpy(force=True).tobytes()


def storage_bytes(storage: torch.UntypedStorage) -> bytes:
    return torch.empty(0, dtype=torch.uint8).set_(storage, 0, (storage.nbytes(),), (1,)).numpy().tobytes()


class Frame:
    """One frame in the making: a JSON object and the bytes that it refers to."""

    def __init__(self, **header) -> None:
        self.header = header
        self.parts: list[bytes] = []
        self.size = 0

    def blob(self, data: bytes) -> list[int]:
        """Appends bytes; returns [offset, length]. Offsets are multiples of 16, so that any element type can be viewed in place."""
        self.parts.append(data + b"\0" * (-len(data) % 16))
        at, self.size = self.size, self.size + len(self.parts[-1])
        return [at, len(data)]

    def write(self, out) -> None:
        header = json.dumps({**self.header, "bytes": self.size}, separators=(",", ":"), allow_nan=False).encode()
        out.write(struct.pack("<I", len(header)) + header)
        for part in self.parts:
            out.write(part)
