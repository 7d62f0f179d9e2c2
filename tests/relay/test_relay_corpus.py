"""Every recorded reply of the corpus, streamed and whole: what a strict client must get of it.

The index was worked out by reading the JSON plainly, without the relay that it judges here.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from relay.judge import Choice, Told, judge_object, judge_stream
from relay.playing import PROMISE, play
from strictwire.lab.replay import Recording
from strictwire.relay import sniff

CORPUS = Path(__file__).resolve().parents[2] / "corpus" / "chat"
INDEX: list[dict[str, Any]] = json.loads((CORPUS / "index.json").read_text("utf-8"))["recordings"]
REPLIES = [entry for entry in INDEX if entry["status"] == 200]
ANSWERS = [entry for entry in REPLIES if "error" not in entry["expect"]]
FAILURES = [entry for entry in REPLIES if "error" in entry["expect"]]


def named(entry: dict[str, Any]) -> str:
    return Path(entry["file"]).stem


def reply_of(entry: dict[str, Any]) -> list[bytes]:
    return list(Recording.parse((CORPUS / entry["file"]).read_bytes()).reply.frames)


def as_indexed(choice: Choice) -> dict[str, Any]:
    return {
        "text": choice.text,
        "reasoning": choice.reasoning,
        "tool_calls": [{"name": call.name, "arguments": call.arguments} for call in choice.calls],
        "finish_reason": choice.finish,
    }


def counts(told: Told) -> list[int] | None:
    usage = told.usage
    return usage and [usage["prompt_tokens"], usage["completion_tokens"]]


def test_the_index_and_the_folder_agree() -> None:
    assert {entry["file"] for entry in INDEX} == {path.name for path in CORPUS.glob("*.http")}
    assert len(ANSWERS) + len(FAILURES) == len(REPLIES) > 60
    assert all(entry["expect"]["error"]["status"] >= 400 for entry in INDEX if entry not in REPLIES)


@pytest.mark.parametrize("entry", REPLIES, ids=named)
def test_the_first_bytes_say_what_it_is(entry: dict[str, Any]) -> None:
    body = b"".join(reply_of(entry))
    assert sniff(body, is_whole=True) == ("stream" if entry["kind"] == "stream" else "object")


@pytest.mark.parametrize("entry", ANSWERS, ids=named)
def test_it_streams_strictly(entry: dict[str, Any]) -> None:
    for includes_usage in (True, False):
        played = play(reply_of(entry), replace(PROMISE, includes_usage=includes_usage))
        told = judge_stream(played.out, includes_usage=includes_usage)
        assert told.faults == []
        choices = [as_indexed(told.choices[index]) for index in sorted(told.choices)]
        assert choices == entry["expect"]["choices"]
        if includes_usage:
            assert counts(told) == entry["expect"]["usage"]
        # Once is enough.
        again = play(played.out, replace(PROMISE, includes_usage=includes_usage))
        assert (again.out, again.repairs) == (played.out, frozenset())


@pytest.mark.parametrize("entry", ANSWERS, ids=named)
def test_it_is_collected_strictly(entry: dict[str, Any]) -> None:
    played = play(reply_of(entry), replace(PROMISE, is_stream=False))
    told = judge_object(played.out)
    assert told.faults == []
    choices = [as_indexed(told.choices[index]) for index in sorted(told.choices)]
    assert choices == entry["expect"]["choices"]
    assert counts(told) == (entry["expect"]["usage"] or [0, 0])


@pytest.mark.parametrize("entry", ANSWERS, ids=named)
def test_streamed_and_whole_say_the_same(entry: dict[str, Any]) -> None:
    streamed = judge_stream(play(reply_of(entry), PROMISE).out)
    collected = judge_object(play(reply_of(entry), replace(PROMISE, is_stream=False)).out)
    for index, choice in collected.choices.items():
        assert choice.tokens == streamed.choices[index].tokens
        assert choice.calls == streamed.choices[index].calls


@pytest.mark.parametrize("entry", FAILURES, ids=named)
def test_a_failure_is_none_the_less_one(entry: dict[str, Any]) -> None:
    for is_stream in (True, False):
        played = play(reply_of(entry), replace(PROMISE, is_stream=is_stream))
        assert played.failure is not None
        assert played.is_early == (entry["expect"]["error"]["is_early"] or not is_stream)
        assert played.failure.status == entry["expect"]["error"]["status"]
