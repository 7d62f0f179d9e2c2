"""The safetensors format with numpy alone: tensors of 32-bit floats to a file and back.

A file is eight bytes of length, little endian, a JSON header with the place of each tensor, and the
tensors' bytes (https://huggingface.co/docs/safetensors).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tensors = dict[str, NDArray[Any]]
_LENGTH_BYTES = 8
_FLOATS = "F32"


def read_tensors(path: Path) -> Tensors:
    data = path.read_bytes()
    start = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES], "little")
    header: dict[str, Any] = json.loads(data[_LENGTH_BYTES:start])
    header.pop("__metadata__", None)
    tensors = {}
    for name, told in header.items():
        if told["dtype"] != _FLOATS:
            raise ValueError(f"{name} is of {told['dtype']}, and only {_FLOATS} is read here")
        first, last = told["data_offsets"]
        floats = np.frombuffer(data[start + first : start + last], np.dtype("<f4"))
        tensors[name] = floats.reshape(told["shape"])
    return tensors


def write_tensors(path: Path, tensors: Tensors) -> None:
    # Readers ask which library wrote the file, and some take no file that does not say.
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    parts = []
    offset = 0
    for name, tensor in tensors.items():
        part = np.ascontiguousarray(tensor, np.dtype("<f4")).tobytes()
        places = [offset, offset + len(part)]
        header[name] = {"dtype": _FLOATS, "shape": tensor.shape, "data_offsets": places}
        parts.append(part)
        offset += len(part)
    told = json.dumps(header, separators=(",", ":")).encode()
    told += b" " * (-len(told) % _LENGTH_BYTES)  # the tensors must begin aligned
    path.write_bytes(b"".join((len(told).to_bytes(_LENGTH_BYTES, "little"), told, *parts)))
