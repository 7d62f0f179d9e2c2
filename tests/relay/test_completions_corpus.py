"""Every recorded text completion, streamed and whole: what a strict client must get of it.

The index was worked out by reading the JSON plainly, without the relay that it judges here.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from relay.completions_judge import judge_object, judge_stream
from relay.judge import Told
from relay.playing import PROMISE, play
from strictwire.lab.replay import Recording
from strictwire.relay import sniff

CORPUS = Path(__file__).resolve().parents[2] / "corpus" / "completions"
INDEX: list[dict[str, Any]] = json.loads((CORPUS / "index.json").read_text("utf-8"))["recordings"]
ASKED = replace(PROMISE, dialect="completions", choices=1)
EACH = pytest.mark.parametrize("entry", INDEX, ids=lambda entry: Path(entry["file"]).stem)


def reply_of(entry: dict[str, Any]) -> list[bytes]:
    return list(Recording.parse((CORPUS / entry["file"]).read_bytes()).reply.frames)


def as_indexed(told: Told) -> list[dict[str, Any]]:
    choices = [told.choices[index] for index in sorted(told.choices)]
    return [{"text": choice.text, "finish_reason": choice.finish} for choice in choices]


def counts(told: Told) -> list[int] | None:
    usage = told.usage
    return usage and [usage["prompt_tokens"], usage["completion_tokens"]]


def test_all_are_answers() -> None:
    assert len(INDEX) == 9
    assert all(entry["status"] == 200 and "choices" in entry["expect"] for entry in INDEX)


@EACH
def test_the_first_bytes_say_what_it_is(entry: dict[str, Any]) -> None:
    body = b"".join(reply_of(entry))
    assert sniff(body, is_whole=True) == ("stream" if entry["kind"] == "stream" else "object")


@pytest.mark.parametrize("includes_usage", [True, False], ids=["usage", "plain"])
@EACH
def test_it_streams_strictly(entry: dict[str, Any], includes_usage: bool) -> None:
    asked = replace(ASKED, includes_usage=includes_usage)
    played = play(reply_of(entry), asked)
    told = judge_stream(played.out, includes_usage=includes_usage)
    assert told.faults == []
    assert as_indexed(told) == entry["expect"]["choices"]
    if includes_usage:
        assert counts(told) == entry["expect"]["usage"]
    # Once is enough.
    again = play(played.out, asked)
    assert (again.out, again.repairs) == (played.out, frozenset())


@EACH
def test_it_is_collected_strictly(entry: dict[str, Any]) -> None:
    asked = replace(ASKED, is_stream=False)
    played = play(reply_of(entry), asked)
    told = judge_object(played.out)
    assert told.faults == []
    assert as_indexed(told) == entry["expect"]["choices"]
    assert counts(told) == (entry["expect"]["usage"] or [0, 0])
    again = play(played.out, asked)
    assert (again.out, again.repairs) == (played.out, frozenset())


@EACH
def test_every_cut_gives_the_same(entry: dict[str, Any]) -> None:
    body = b"".join(reply_of(entry))
    asked = replace(ASKED, includes_usage=True)
    whole = play(body, asked)
    for size in (1, 7, 100):
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        assert play(pieces, asked, is_object=entry["kind"] == "whole") == whole
