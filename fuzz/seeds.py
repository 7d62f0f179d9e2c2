"""What the fuzzer begins with: recorded and scripted replies, and the words of the wire."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from strictwire.lab.replay import Recording
from strictwire.lab.scenarios import SCENARIOS
from strictwire.lab.scenarios.scenario import PLAIN_ASK

ROOT = Path(__file__).resolve().parent.parent
# The first bytes of an input: a plain chat promise.
HEAD = b"\x00\x00"

WORDS = (
    b"data: ", b"data:", b"event: ", b"id: ", b": ", b"[DONE]", b"\n\n", b"\r\n", b"\xef\xbb\xbf",
    b'"choices":[', b'"delta":{', b'"index":', b'"content":"', b'"finish_reason":"stop"',
    b'"finish_reason":null', b'"finish_reason":""', b'"role":"assistant"', b'"tool_calls":[{',
    b'"function":{"name":"f"', b'"arguments":"', b'"usage":{', b'"prompt_tokens":1',
    b'"reasoning_content":"', b'"logprobs":{"content":[', b'"message":{', b'"error":{"message":"',
    b'"prompt_progress":{"total":9', b'"x_groq":{', b'"text":"', b"<think>", b"</think>",
    b"\\ud83d", b"\\ude00", b"null", b"true", b"-1", b"1e999", b"NaN", b"{}", b"[]",
)  # fmt: skip


def write_seeds(folder: Path, most: int, max_bytes: int) -> None:
    """As many as are wanted, taken evenly from those that are short enough, or from all of them
    where that is none."""
    folder.mkdir(parents=True)
    bodies = list(_bodies())
    short = [body for body in bodies if len(HEAD + body) <= max_bytes] or bodies
    for number, body in enumerate(short[:: -(-len(short) // most)]):
        (folder / f"seed{number:04}").write_bytes(HEAD + body)


def write_words(path: Path) -> None:
    """A libFuzzer dictionary."""
    path.write_text("".join(f'"{_escaped(word)}"\n' for word in WORDS), encoding="ascii")


def _escaped(word: bytes) -> str:
    return "".join(
        chr(byte) if 0x20 <= byte < 0x7F and byte not in b'"\\' else f"\\x{byte:02x}"
        for byte in word
    )


def _bodies() -> Iterator[bytes]:
    for file in sorted((ROOT / "corpus").rglob("*.http")):
        yield Recording.parse(file.read_bytes()).body
    for row in SCENARIOS.values():
        for is_stream in (True, False):
            ask = replace(PLAIN_ASK, is_stream=is_stream)
            yield b"".join(row.reply(ask).frames)
