"""What the fuzzer begins with: recorded and scripted replies, and the words of the wire."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from fuzz.pairs import PAIRS, head_of
from strictwire.lab.replay import Recording
from strictwire.lab.scenarios import SCENARIOS_OF
from strictwire.model.request import Dialect

ROOT = Path(__file__).resolve().parent.parent

DIALECTS = tuple(dict.fromkeys(upstream for _, upstream in PAIRS))
WORDS = (
    b"data: ", b"data:", b"event: ", b"id: ", b": ", b"[DONE]", b"\n\n", b"\r\n", b"\xef\xbb\xbf",
    b'"choices":[', b'"delta":{', b'"index":', b'"content":"', b'"finish_reason":"stop"',
    b'"finish_reason":null', b'"finish_reason":""', b'"role":"assistant"', b'"tool_calls":[{',
    b'"function":{"name":"f"', b'"arguments":"', b'"usage":{', b'"prompt_tokens":1',
    b'"reasoning_content":"', b'"logprobs":{"content":[', b'"message":{', b'"error":{"message":"',
    b'"prompt_progress":{"total":9', b'"x_groq":{', b'"text":"', b"<think>", b"</think>",
    b"\\ud83d", b"\\ude00", b"null", b"true", b"-1", b"1e999", b"NaN", b"{}", b"[]",
    b'"type":"response.created"', b'"type":"response.in_progress"', b'"type":"response.failed"',
    b'"type":"response.completed"', b'"type":"response.incomplete"', b'"type":"response.queued"',
    b'"type":"response.output_item.added"', b'"type":"response.output_item.done"',
    b'"type":"response.content_part.added"', b'"type":"response.content_part.done"',
    b'"type":"response.output_text.delta"', b'"type":"response.output_text.done"',
    b'"type":"response.output_text.annotation.added"', b'"type":"response.refusal.delta"',
    b'"type":"response.reasoning_summary_part.added"', b'"type":"response.refusal.done"',
    b'"type":"response.reasoning_summary_text.delta"', b'"type":"response.reasoning_text.delta"',
    b'"type":"response.function_call_arguments.delta"',
    b'"type":"response.function_call_arguments.done"',
    b'"type":"response.custom_tool_call_input.delta"',
    b'"type":"response.web_search_call.searching"', b'"sequence_number":', b'"output_index":',
    b'"content_index":', b'"summary_index":', b'"item_id":"', b'"item":{', b'"part":{',
    b'"response":{', b'"output":[', b'"status":"completed"', b'"type":"message"',
    b'"type":"reasoning"', b'"type":"function_call"', b'"type":"custom_tool_call"',
    b'"type":"web_search_call"', b'"type":"output_text"', b'"summary":[', b'"call_id":"',
    b'"encrypted_content":"', b'"annotations":[', b'"annotation":{', b'"type":"url_citation"',
    b'"type":"message_start"', b'"type":"message_delta"', b'"type":"message_stop"',
    b'"type":"content_block_start"', b'"type":"content_block_delta"', b'"type":"ping"',
    b'"type":"content_block_stop"', b'"content_block":{', b'"type":"text_delta"',
    b'"type":"thinking_delta"', b'"type":"signature_delta"', b'"type":"input_json_delta"',
    b'"type":"citations_delta"', b'"type":"tool_use"', b'"type":"thinking"',
    b'"type":"redacted_thinking"', b'"partial_json":"', b'"signature":"', b'"thinking":"',
    b'"input":{', b'"stop_reason":"end_turn"', b'"stop_reason":"tool_use"',
    b'"output_tokens":1', b'"input_tokens":1', b'"type":"error"', b'"citation":{', b'"data":"',
)  # fmt: skip


def write_seeds(folder: Path, most: int, max_bytes: int) -> None:
    """As many as are wanted, taken evenly from those that are short enough, or from all of them
    where that is none."""
    folder.mkdir(parents=True)
    inputs = _all_inputs()
    short = [one for one in inputs if len(one) <= max_bytes] or inputs
    for number, one in enumerate(short[:: -(-len(short) // most)]):
        (folder / f"seed{number:04}").write_bytes(one)


@cache
def _all_inputs() -> list[bytes]:
    """Made once for all targets: it takes seconds."""
    return list(_inputs())


def write_words(path: Path) -> None:
    """A libFuzzer dictionary."""
    path.write_text("".join(f'"{_escaped(word)}"\n' for word in WORDS), encoding="ascii")


def _escaped(word: bytes) -> str:
    return "".join(
        chr(byte) if 0x20 <= byte < 0x7F and byte not in b'"\\' else f"\\x{byte:02x}"
        for byte in word
    )


def _inputs() -> Iterator[bytes]:
    """Each reply for a client of its own dialect, and each for one of another, by turns."""
    for dialect, bodies in (*_recorded().items(), *_scripted().items()):
        clients = [client for client, upstream in PAIRS if upstream == dialect]
        for number, body in enumerate(dict.fromkeys(bodies)):
            yield head_of(dialect, dialect) + body
            yield head_of(clients[number % len(clients)], dialect) + body


def _recorded() -> dict[Dialect, list[bytes]]:
    return {
        dialect: [
            Recording.parse(file.read_bytes()).body
            for file in sorted((ROOT / "corpus" / dialect).glob("*.http"))
        ]
        for dialect in DIALECTS
    }


def _scripted() -> dict[Dialect, list[bytes]]:
    """A reply that begins with another status is an error's body; as a 200 it is one too."""
    return {
        dialect: [
            b"".join(row.reply(replace(row.ask_in(dialect), is_stream=is_stream)).frames)
            for row in SCENARIOS_OF[dialect].values()
            for is_stream in (True, False)
        ]
        for dialect in DIALECTS
    }
