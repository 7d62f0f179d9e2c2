"""The header of a GGUF file: the shipped models, made-up ones, and what is none."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from child_stand import SLOW_MODEL

from strictwire.engine import DEMO_MODEL
from strictwire.engine.gguf_header import Header, read_header


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def field(name: str, kind: int, value: bytes) -> bytes:
    return text(name) + struct.pack("<I", kind) + value


def number(name: str, value: int) -> bytes:
    return field(name, 4, struct.pack("<I", value))


def strings(name: str, *values: str) -> bytes:
    return field(name, 9, struct.pack("<IQ", 8, len(values)) + b"".join(map(text, values)))


def header(*fields: bytes, version: int = 3, count: int | None = None) -> bytes:
    keys = len(fields) if count is None else count
    return struct.pack("<4sIQQ", b"GGUF", version, 0, keys) + b"".join(fields)


LLAMA = field("general.architecture", 8, text("llama"))
LONG = number("llama.context_length", 4096)


def written(folder: Path, data: bytes) -> Path:
    path = folder / "model.gguf"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("model", [DEMO_MODEL, SLOW_MODEL])
def test_a_real_model(model: Path) -> None:
    assert read_header(model) == Header(32768, model.stat().st_size)


def test_keys_may_stand_behind_the_vocabulary(tmp_path: Path) -> None:
    data = header(
        LLAMA,
        strings("tokenizer.ggml.tokens", "a", "", "é" * 100),
        field("tokenizer.ggml.scores", 9, struct.pack("<IQ3f", 6, 3, 0.0, 1.0, 2.0)),
        field("general.is_odd", 7, b"\x01"),
        field("general.share", 12, struct.pack("<d", 0.5)),
        LONG,
    )
    assert read_header(written(tmp_path, data)) == Header(4096, len(data))


@pytest.mark.parametrize(("pooling", "is_embedder"), [(0, False), (1, True), (3, True), (4, False)])
def test_a_model_for_embeddings_says_how_it_pools(
    tmp_path: Path, pooling: int, is_embedder: bool
) -> None:
    data = header(LLAMA, LONG, number("llama.pooling_type", pooling))
    assert read_header(written(tmp_path, data)) == Header(4096, len(data), is_embedder)


ARRAYS = {
    "array of arrays": field("x", 9, struct.pack("<IQ", 9, 1)),
    "array of more strings than there are": field("x", 9, struct.pack("<IQ", 8, 7_000_000)),
    "array of a number of strings that is none": field("x", 9, struct.pack("<IQ", 8, 2**63)),
    "array whose string is endless": field("x", 9, struct.pack("<IQQ", 8, 2, 2**64 - 1)),
    "array that ends behind the file": field("x", 9, struct.pack("<IQ", 10, 2**40)),
}


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS.keys())
def test_arrays_that_cannot_be_followed(tmp_path: Path, array: bytes) -> None:
    assert read_header(written(tmp_path, header(LLAMA, array, LONG))) is None


BAD = {
    "nothing": b"",
    "text": b"hello, this is no model at all",
    "half a start": b"GGUF\x03\x00",
    "version of tomorrow": header(LLAMA, LONG, version=4),
    "more keys than there are": header(LLAMA, LONG, count=3),
    "keys without number": header(LLAMA, LONG, count=2**60),
    "no architecture": header(LONG),
    "no length": header(LLAMA),
    "length of nothing": header(LLAMA, number("llama.context_length", 0)),
    "length in words": header(LLAMA, field("llama.context_length", 8, text("long"))),
    "a kind that is none": header(LLAMA, field("x", 99, b""), LONG),
    "a name that does not end": struct.pack("<4sIQQQ", b"GGUF", 3, 0, 1, 2**62),
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD.keys())
def test_what_is_no_header(tmp_path: Path, data: bytes) -> None:
    assert read_header(written(tmp_path, data)) is None


def test_a_real_model_cut_anywhere_is_read_or_not_and_never_more(tmp_path: Path) -> None:
    whole = SLOW_MODEL.read_bytes()[:20_000]
    for length in range(0, len(whole), 97):
        found = read_header(written(tmp_path, whole[:length]))
        assert found is None or found.trained_context == 32768


def test_what_is_no_file(tmp_path: Path) -> None:
    assert read_header(tmp_path) is None
    assert read_header(tmp_path / "missing.gguf") is None
