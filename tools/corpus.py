"""Builds the corpus from raw recordings of real servers: scrubs, numbers, and writes the indexes.

    python tools/corpus.py RECORDINGS_FOLDER

The folder holds one folder per server, with ``<case>.txt`` (the raw HTTP reply) and
``<case>.req.txt`` (the raw request). What a strict client must get is worked out here, by reading
the JSON plainly, and never with strictwire's own relay: the corpus judges the relay.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import corpus_items

CORPUS = Path(__file__).resolve().parent.parent / "corpus"
# Folder prefix -> the server's name in the index and in file names.
SERVERS = {"xllamacpp": "llama.cpp", "mlx_lm": "mlx-lm", "transformers": "transformers"}
# Folder of the corpus -> how the names of its cases begin.
CASES = {
    "chat": ("chat-", "tools-", "long-stream-", "content-parts-", "err-"),
    "completions": ("completions-",),
    "responses": ("responses-", "long-responses-"),
    "messages": ("messages-", "long-messages-"),
}
# Counts of tokens, which are no replies of a model.
NO_REPLIES = frozenset(("chat-input-tokens", "messages-count-tokens"))
# The first ``created`` of every recording, so that no file tells when it was recorded.
CREATED = 1_700_000_000
LONG_STRING_CHARACTERS = 400
KEPT_CHARACTERS = 60

_CREATED = re.compile(rb'("(?:created|created_at|completed_at)": ?)(\d{10})')
_KERNEL = re.compile(rb'-Linux-[^"]*"')


def main() -> None:
    for dialect in CASES:
        build(Path(sys.argv[1]), dialect)


def build(recordings: Path, dialect: str) -> None:
    folder = CORPUS / dialect
    folder.mkdir(parents=True, exist_ok=True)
    entries: list[dict[str, Any]] = []
    for package, version, file in replies_in(recordings, dialect):
        case = file.name.removesuffix(".txt")
        number = len(entries) + 1
        name = f"{number:04d}-{SERVERS[package].replace('.', '')}-{case}.http"
        raw = scrub(file.read_bytes())
        (folder / name).write_bytes(raw)
        request = read_request(file.with_name(f"{case}.req.txt").read_bytes(), case)
        entries.append(
            {
                "number": number,
                "file": name,
                "server": SERVERS[package],
                "version": f"{package} {version}",
                "case": case,
                **request,
                **describe(raw),
            }
        )
    index = json.dumps({"recordings": entries}, indent=1, ensure_ascii=False)
    (folder / "index.json").write_text(index + "\n", encoding="utf-8")


def replies_in(recordings: Path, dialect: str) -> Iterator[tuple[str, str, Path]]:
    """Package, version and file of each recorded reply."""
    for folder in sorted(recordings.iterdir()):
        package, _, version = folder.name.partition("-")
        for file in sorted(folder.glob("*.txt")):
            case = file.name.removesuffix(".txt")
            if "." not in case and case not in NO_REPLIES and case.startswith(CASES[dialect]):
                yield package, version, file


# ---- the file ----


def scrub(raw: bytes) -> bytes:
    """The reply without date, time and kernel; its chunks stay where they were."""
    head, body = raw.split(b"\r\n\r\n", 1)
    times = [int(found[1]) for found in _CREATED.findall(body)]
    shift = CREATED - min(times, default=CREATED)
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"date:")]
    if is_chunked(head):
        pieces = [scrub_text(piece, shift) for piece in dechunk(body)]
        framed = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces]
        body = b"".join(framed) + b"0\r\n\r\n"
    else:
        body = scrub_text(body, shift)
        lines = [with_length(line, len(body)) for line in lines]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def scrub_text(text: bytes, shift: int) -> bytes:
    text = _KERNEL.sub(b'-Linux"', text)
    return _CREATED.sub(lambda found: found[1] + b"%d" % (int(found[2]) + shift), text)


def with_length(line: bytes, size: int) -> bytes:
    name, _, _ = line.partition(b":")
    return b"%b: %d" % (name, size) if name.lower() == b"content-length" else line


def is_chunked(head: bytes) -> bool:
    return b"transfer-encoding: chunked" in head.lower()


def dechunk(body: bytes) -> list[bytes]:
    pieces: list[bytes] = []
    while True:
        size_text, body = body.split(b"\r\n", 1)
        size = int(size_text, 16)
        if not size:
            return pieces
        pieces.append(body[:size])
        body = body[size + 2 :]


# ---- the request ----


def read_request(raw: bytes, case: str) -> dict[str, Any]:
    head, body = raw.split(b"\r\n\r\n", 1)
    method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
    told: dict[str, Any] = {"method": method, "path": path}
    declared = re.search(rb"(?i)content-length: (\d+)", head)
    if declared and int(declared[1]) > len(body):
        told["request"] = cut_request(body, case)
    elif body:
        try:
            told["request"] = shorten(json.loads(body))
        except ValueError:
            told["request_text"] = body.decode()
    return told


def cut_request(body: bytes, case: str) -> dict[str, Any]:
    """A request whose recording was cut: what its head and its case's name say."""
    start = body.partition(b'"content": "')[2][:KEPT_CHARACTERS].decode()
    request: dict[str, Any] = {
        "model": "tiny",
        "messages": [{"role": "user", "content": f"{start}… (cut)"}],
        "stream": "nonstream" not in case,
    }
    if case.startswith("long-stream-progress"):
        request["return_progress"] = True
    return request


def shorten(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shorten(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shorten(one) for one in value]
    if isinstance(value, str) and len(value) > LONG_STRING_CHARACTERS:
        return f"{value[:KEPT_CHARACTERS]}… (cut, {len(value)} characters)"
    return value


# ---- what a strict client must get ----


def describe(raw: bytes) -> dict[str, Any]:
    """Status, framing, kind and expectation of a recorded reply."""
    head, body = raw.split(b"\r\n\r\n", 1)
    status = int(head.split(b" ", 2)[1])
    framing = "chunked" if is_chunked(head) else "length"
    if head.startswith(b"HTTP/1.0"):
        framing = "http1.0"
    if framing == "chunked":
        body = b"".join(dechunk(body))
    is_stream = b"text/event-stream" in head
    kind = "stream" if is_stream else "whole"
    if status != 200:
        expect: dict[str, Any] = {"error": {"status": status, "is_early": True}}
    else:
        expect = of_stream(body) if is_stream else of_whole(json.loads(body))
    return {"status": status, "framing": framing, "kind": kind, "expect": expect}


def of_whole(value: dict[str, Any]) -> dict[str, Any]:
    if value.get("object") == "response":
        return corpus_items.of_response(value)
    if value.get("type") == "message":
        return corpus_items.of_message(value)
    choices = [whole_choice(choice) for choice in value["choices"]]
    return {"choices": choices, "usage": counts(value.get("usage"))}


def whole_choice(choice: dict[str, Any]) -> dict[str, Any]:
    if "text" in choice:
        return {"text": choice["text"], "finish_reason": choice["finish_reason"]}
    message = choice["message"]
    return {
        "text": message.get("content") or "",
        "reasoning": reasoning_in(message),
        "tool_calls": [named(call) for call in message.get("tool_calls") or []],
        "finish_reason": choice["finish_reason"],
    }


def of_stream(body: bytes) -> dict[str, Any]:
    """Adds up the deltas of a recorded stream; knows only what these three servers do."""
    if b'"type":"response.' in body:
        return corpus_items.of_response_stream(body)
    if b'"type":"message_start"' in body:
        return corpus_items.of_message_stream(body)
    choices: dict[int, dict[str, Any]] = {}
    usage = None
    is_done = False
    for block in body.decode().split("\n\n"):
        if not block.startswith("data: "):
            continue
        if block == "data: [DONE]":
            is_done = True
            continue
        chunk = json.loads(block.removeprefix("data: "))
        if "error" in chunk:
            return {"error": {"status": 502, "is_early": not any(map(says, choices.values()))}}
        usage = counts(chunk.get("usage")) or usage
        for choice in chunk["choices"]:
            add(choices.setdefault(choice["index"], nothing(choice)), choice)
    told = [choices[index] for index in sorted(choices)]
    is_finished = bool(told) and all(choice["finish_reason"] for choice in told)
    if not is_done and not is_finished:
        return {"error": {"status": 502, "is_early": not any(map(says, told))}}
    return {"choices": told, "usage": usage}


def nothing(choice: dict[str, Any]) -> dict[str, Any]:
    if "text" in choice:
        return {"text": "", "finish_reason": None}
    return {"text": "", "reasoning": "", "tool_calls": [], "finish_reason": None}


def says(choice: dict[str, Any]) -> bool:
    return any(choice[name] for name in choice if name != "finish_reason")


def add(told: dict[str, Any], choice: dict[str, Any]) -> None:
    told["finish_reason"] = choice.get("finish_reason") or told["finish_reason"]
    if "text" in choice:
        told["text"] += choice["text"]
    else:
        add_delta(told, choice["delta"])


def add_delta(told: dict[str, Any], delta: dict[str, Any]) -> None:
    told["text"] += delta.get("content") or ""
    told["reasoning"] += reasoning_in(delta)
    for piece in delta.get("tool_calls") or []:
        calls = told["tool_calls"]
        if piece["index"] == len(calls):
            calls.append({"name": "", "arguments": ""})
        function = piece["function"]
        calls[piece["index"]]["name"] += function.get("name") or ""
        calls[piece["index"]]["arguments"] += function.get("arguments") or ""


def reasoning_in(value: dict[str, Any]) -> str:
    return value.get("reasoning_content") or value.get("reasoning") or ""


def named(call: dict[str, Any]) -> dict[str, str]:
    return {key: call["function"][key] for key in ("name", "arguments")}


def counts(usage: dict[str, Any] | None) -> list[int] | None:
    return [usage["prompt_tokens"], usage["completion_tokens"]] if usage else None


if __name__ == "__main__":
    main()
