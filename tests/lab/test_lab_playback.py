"""Playback options: what may be said, and what is refused with a clear word."""

from __future__ import annotations

import pytest

from strictwire.lab.playback import Fault, Playback, split_model
from strictwire.model.errors import CallerError

DATA = "café 日本語 🦜 ".encode() * 40


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Playback()),
        ("pace=20ms", Playback(pace_s=0.02)),
        ("pace=0.5s", Playback(pace_s=0.5)),
        ("pace=0s", Playback()),
        ("cut=7", Playback(cut_bytes=7)),
        ("cut=random:3", Playback(cut_seed=3)),
        ("cut=random:3,cut=7", Playback(cut_bytes=7)),
        ("body=http1.0", Playback(body="http1.0")),
        ("pace=1ms,cut=7,body=close", Playback(pace_s=0.001, cut_bytes=7, body="close")),
        ("fault=cut:300", Playback(fault=Fault("cut", 300))),
        ("fault=half-close:0", Playback(fault=Fault("half-close", 0))),
        ("fault=reset:head", Playback(fault=Fault("reset", None))),
        ("encoding=gzip", Playback(encoding="gzip")),
        ("type=text/plain", Playback(content_type="text/plain")),
        ("type=text/plain; charset=utf-8", Playback(content_type="text/plain; charset=utf-8")),
        ("type=none", Playback(content_type="none")),
    ],
)
def test_what_is_said_is_played(text: str, expected: Playback) -> None:
    assert Playback.parse(text) == expected


def test_a_models_options_go_over_the_servers() -> None:
    base = Playback(pace_s=1.0, body="close")
    assert split_model("healthy-text@pace=2s", base) == (
        "healthy-text",
        Playback(pace_s=2.0, body="close"),
    )
    assert split_model("healthy-text", base) == ("healthy-text", base)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("speed=1", "pace, cut, body, fault"),
        ("pace", "pace must"),
        ("pace=20", "pace must"),
        ("pace=-1s", "pace must"),
        ("pace=nans", "pace must"),
        ("pace=infs", "pace must"),
        ("pace=61s", "pace must"),
        ("cut=0", "cut must"),
        ("cut=-1", "cut must"),
        ("cut=x", "cut must"),
        ("cut=²", "cut must"),
        ("cut=random:", "cut must"),
        ("cut=" + "9" * 5000, "cut must"),
        ("body=gzip", "body must"),
        ("fault=cut", "fault must"),
        ("fault=cut:", "fault must"),
        ("fault=cut:-1", "fault must"),
        ("fault=cut:9999999999999999", "fault must"),
        ("fault=burn:300", "fault must"),
        ("encoding=br", "encoding must"),
        ("type=text", "type must"),
        ("type=text/plain\r\nx: y", "type must"),
        ("type=" + "a" * 100 + "/b", "type must"),
    ],
)
def test_nonsense_is_a_clear_400(text: str, named: str) -> None:
    with pytest.raises(CallerError, match=named) as caught:
        Playback.parse(text)
    assert caught.value.status == 400


@pytest.mark.parametrize("playback", [Playback(), Playback(cut_bytes=1), Playback(cut_seed=5)])
def test_pieces_add_up(playback: Playback) -> None:
    assert b"".join(playback.pieces(DATA)) == DATA


def test_pieces_have_the_size_asked_for() -> None:
    assert [len(piece) for piece in Playback(cut_bytes=7).pieces(b"x" * 16)] == [7, 7, 2]


def test_a_seed_always_cuts_alike() -> None:
    first, again = (list(Playback(cut_seed=9).pieces(DATA)) for _ in range(2))
    assert first == again
    assert first != list(Playback(cut_seed=10).pieces(DATA))
