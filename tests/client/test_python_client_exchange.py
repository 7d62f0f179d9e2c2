"""The exchange, driven by hand: what it asks for, when it asks again, and when it gives up.

The clock stands still but for what the script says, so every time here is exact.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from strictwire.client import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ClientError,
    ClientTimeoutError,
    ContextLengthError,
    Event,
    Finish,
    MalformedReplyError,
    NotFoundError,
    OverloadedError,
    RateLimitError,
    ReplyTooLargeError,
    Retries,
    ServerError,
    Started,
    StreamClosed,
    Text,
    Timeouts,
    UnreachableError,
)
from strictwire.client.exchange import Learned, Settings, Surroundings, converse
from strictwire.client.question import Address, Question
from strictwire.client.steps import HangUp, Head, Lost, Outcome, Quiet, Receive, Send, Sleep, Step
from strictwire.config.secret import Secret
from strictwire.model.request import Promise

KEY = "sk-dummy-of-the-client"
TIMEOUTS = Timeouts(idle_s=10.0, event_s=60.0, linger_s=1.0)
NEVER_AGAIN = Retries(count=0)
QUESTION = Question(model="m", fields={"messages": [{"role": "user", "content": "Hi"}]})


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    value = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return b"data: " + json.dumps({**value, "choices": [choice]}).encode() + b"\n\n"


def error_event(**error: Any) -> bytes:
    return b"data: " + json.dumps({"error": error}).encode() + b"\n\n"


def error_body(**error: Any) -> bytes:
    return json.dumps({"error": error}).encode()


HELLO = chunk({"content": "Hello"})
GOOD = HELLO + chunk({}, "stop") + b"data: [DONE]\n\n"
ANSWERED = [Started("c", "m"), Text("Hello"), Finish("stop")]


@dataclass(frozen=True)
class After:
    """``outcome`` comes so many seconds later."""

    seconds: float
    outcome: Outcome


@dataclass
class Told:
    """What came of a script: events, the error, and the steps that were asked for."""

    events: list[Event] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    error: ClientError | None = None

    @property
    def waits(self) -> list[float]:
        return [step.seconds for step in self.steps if isinstance(step, Sleep)]

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(step.body) for step in self.steps if isinstance(step, Send)]

    @property
    def receives(self) -> list[float | None]:
        return [step.within_s for step in self.steps if isinstance(step, Receive)]


def play(
    script: Iterable[Outcome | After],
    *,
    question: Question = QUESTION,
    retries: Retries = NEVER_AGAIN,
    timeouts: Timeouts = TIMEOUTS,
    learned: Learned | None = None,
    max_reply_bytes: int = 1 << 20,
) -> Told:
    """Answers each ``Send`` and ``Receive`` with the next outcome of the script; a body that the
    script has no more of has ended."""
    now_s = 0.0
    settings = Settings(
        address=Address(base_url="http://lab/v1", key=Secret(KEY)),
        promise=Promise(id="c", created=0, model="", max_reply_bytes=max_reply_bytes),
        timeouts=timeouts,
        retries=retries,
    )
    around = Surroundings(lambda: now_s, lambda: 1_700_000_000.0, lambda: 0.0, lambda: "made-up")
    talk = converse(question, settings, around, learned or Learned())
    outcomes = iter(script)
    told = Told()
    outcome: Outcome = None
    try:
        while True:
            said = talk.send(outcome)
            outcome = None
            if not isinstance(said, Step):
                told.events.append(said)
                continue
            told.steps.append(said)
            if isinstance(said, Sleep):
                now_s += said.seconds
            elif isinstance(said, (Send, Receive)):
                scripted = next(outcomes, b"")
                if isinstance(scripted, After):
                    now_s += scripted.seconds
                    scripted = scripted.outcome
                outcome = scripted
    except StopIteration:
        return told
    except ClientError as error:
        told.error = error
        return told


OK = Head(200)


def refused(status: int, body: bytes = b"", **headers: str) -> list[Outcome]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return [Head(status, named), *([body] if body else []), b""]


def test_a_good_reply() -> None:
    told = play([OK, GOOD, b""])
    assert told.error is None
    assert told.events == ANSWERED
    assert isinstance(told.steps[-1], HangUp)


# ---- asking again ----

LOST = Lost(UnreachableError("gone"))
BUSY = refused(503, error_body(message="Busy."))


@pytest.mark.parametrize(
    "failing",
    [
        [LOST],
        BUSY,
        [OK, b""],
        [OK, b": keepalive\n\n", b""],
        [OK, error_event(message="Overloaded", code="server_is_overloaded")],
        [OK, chunk({"role": "assistant"}), Lost(StreamClosed("broke"))],
        refused(500, b"<html><title>Oops</title></html>"),
        refused(429, error_body(message="Slow down.")),
        refused(408),
    ],
    ids=lambda script: "",
)
def test_it_asks_again_while_nothing_was_told(failing: list[Outcome]) -> None:
    told = play([*failing, OK, GOOD], retries=Retries(count=1, backoff_s=2.0))
    assert told.error is None
    assert told.events == ANSWERED
    assert told.waits == [2.0]


@pytest.mark.parametrize(
    "end",
    [
        b"",
        Lost(StreamClosed("broke")),
        error_event(message="Overloaded", code="server_is_overloaded"),
    ],
)
def test_after_text_it_never_asks_again(end: Outcome) -> None:
    told = play([OK, HELLO, end, OK, GOOD], retries=Retries(count=5))
    assert told.error is not None
    assert told.error.is_retryable  # by its caller, who can throw the text away
    assert told.events == [Started("c", "m"), Text("Hello")]
    assert told.waits == []


@pytest.mark.parametrize(
    ("failing", "waits"),
    [
        (refused(429, error_body(message="No."), retry_after="7"), [7.0]),
        (refused(429, error_body(message="No."), retry_after_ms="1500", retry_after="9"), [1.5]),
        (refused(429, error_body(message="Please try again in 1.5s.")), [1.5]),
        (refused(503, b"", retry_after="Tue, 14 Nov 2023 22:13:23 GMT"), [3.0]),
        ([OK, error_event(message="Please try again in 4s", code="rate_limit_exceeded")], [4.0]),
    ],
)
def test_it_waits_as_long_as_the_server_says(failing: list[Outcome], waits: list[float]) -> None:
    told = play([*failing, OK, GOOD], retries=Retries(count=1))
    assert told.error is None
    assert told.waits == waits


def test_a_hint_that_is_too_long_goes_to_the_caller() -> None:
    told = play(refused(429, b"", retry_after="3600"), retries=Retries(count=5, max_wait_s=60))
    assert isinstance(told.error, RateLimitError)
    assert told.error.retry_after_s == 3600.0
    assert told.waits == []


def test_it_gives_up_after_so_many_tries() -> None:
    told = play([*BUSY, *BUSY, *BUSY, *BUSY], retries=Retries(count=2, backoff_s=1.0))
    assert isinstance(told.error, OverloadedError)
    assert told.waits == [1.0, 2.0]


@pytest.mark.parametrize(("should", "waits"), [("true", [0.5]), ("false", [])])
def test_the_server_s_word_on_asking_again_counts(should: str, waits: list[float]) -> None:
    status = 400 if should == "true" else 500
    script = [*refused(status, b"{}", x_should_retry=should), OK, GOOD]
    assert play(script, retries=Retries(count=1)).waits == waits


# ---- errors ----


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, {"message": "bad", "param": "top_p"}, BadRequestError),
        (400, {"message": "long", "code": "context_length_exceeded"}, ContextLengthError),
        (400, {"message": "long", "type": "exceed_context_size_error"}, ContextLengthError),
        (401, {"message": "who?"}, AuthenticationError),
        (403, {"message": "no"}, AuthenticationError),
        (404, {"message": "no such model"}, NotFoundError),
        (422, {"message": "bad"}, BadRequestError),
        (429, {"message": "quota", "code": "insufficient_quota"}, RateLimitError),
        (500, {"message": "oops"}, ServerError),
        (502, {"message": "oops"}, ServerError),
        (529, {"message": "busy", "type": "overloaded_error"}, OverloadedError),
    ],
)
def test_a_status_has_its_error(status: int, error: dict[str, str], kind: type[ApiError]) -> None:
    told = play(refused(status, error_body(**error), x_request_id="req-1"))
    assert type(told.error) is kind
    assert isinstance(told.error, ApiError)
    assert (told.error.status, told.error.message) == (status, error["message"])
    assert (told.error.code, told.error.param) == (error.get("code"), error.get("param"))
    assert told.error.request_id == "req-1"
    assert not told.error.is_in_band


def test_a_quota_that_is_used_up_is_no_matter_of_waiting() -> None:
    body = error_body(message="No money.", code="insufficient_quota")
    told = play(refused(429, body, retry_after="1"), retries=Retries(count=5))
    assert isinstance(told.error, RateLimitError)
    assert not told.error.is_retryable
    assert told.waits == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "without a body"),
        (b"<html><title>Bad gateway</title>", "(Bad gateway)"),
        (b'{"detail":"Not here"}', "Not here"),
        (b'{"detail":[{"loc":["body","top_p"],"msg":"is wrong"}]}', "body.top_p: is wrong"),
        (b'"plain"', "plain"),
        (b"words", "words"),
        (b'{"type":"error","error":{"type":"api_error","message":"Sorry"}}', "Sorry"),
    ],
)
def test_a_refusal_in_any_shape_becomes_a_message(body: bytes, words: str) -> None:
    told = play(refused(500, body))
    assert told.error is not None
    assert words in told.error.message


def test_a_refusal_is_read_to_a_bound() -> None:
    told = play([Head(500), *([b"x" * 4096] * 1000)])
    assert told.error is not None
    assert len(told.error.message) <= 2000
    assert len(told.receives) == 16


def test_a_redirect_is_not_followed() -> None:
    told = play([Head(307, {"location": "http://elsewhere/"})], retries=Retries(count=5))
    assert isinstance(told.error, MalformedReplyError)
    assert told.error.status == 307
    assert "elsewhere" not in told.error.message


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ([OK, HELLO], StreamClosed),
        ([OK, b""], StreamClosed),
        ([OK, b'{"choices":[{'], MalformedReplyError),
        ([OK, b"data: {broken}\n\n"], MalformedReplyError),
        ([OK, HELLO, error_event(message="bad", code="server_error")], ServerError),
        ([OK, b"data: " + b"x" * (17 << 20)], MalformedReplyError),
        ([OK, *([HELLO] * 20_000)], ReplyTooLargeError),
    ],
    ids=["cut", "empty", "half an object", "no JSON", "in-band", "huge frame", "endless"],
)
def test_a_reply_that_is_none_has_its_error(script: list[Outcome], kind: type[ClientError]) -> None:
    told = play(script)
    assert type(told.error) is kind
    assert "upstream" not in told.error.message  # here, that is the server


def test_an_error_in_band_says_so() -> None:
    told = play([OK, HELLO, error_event(message="bad", type="t", code="c", param="p")])
    assert isinstance(told.error, ApiError)
    assert told.error.is_in_band
    assert (told.error.type, told.error.code, told.error.param) == ("t", "c", "p")


@pytest.mark.parametrize(
    "script",
    [
        refused(401, error_body(message=f"Unknown key {KEY}", code=KEY, type=KEY, param=KEY)),
        refused(500, f"<title>{KEY}</title>".encode()),
        [OK, error_event(message=f"Unknown key {KEY}", code=KEY)],
    ],
)
def test_a_key_that_a_server_repeats_is_not_told(script: list[Outcome]) -> None:
    told = play(script)
    assert told.error is not None
    assert KEY not in repr(vars(told.error))
    assert KEY not in str(told.error)
    assert KEY not in repr(told.steps)


# ---- times ----


def test_a_silence_ends_the_reply() -> None:
    idle = Lost(ClientTimeoutError("silent", "idle"))
    told = play([OK, HELLO, idle, OK, GOOD], retries=Retries(count=3))
    assert told.error is idle.error
    assert told.receives[:2] == [None, None]


def test_keepalives_end_no_silence_for_ever() -> None:
    ping = After(9.0, b": keepalive\n\n")
    told = play([OK, HELLO, *([ping] * 100)])
    assert isinstance(told.error, ClientTimeoutError)
    assert told.error.phase == "event"
    # The wait gets shorter than a silence may be, as the end comes near.
    assert told.receives[-1] == pytest.approx(6.0)


def test_quiet_before_that_end_is_that_end() -> None:
    told = play([OK, After(55.0, HELLO), After(55.0, b": k\n\n"), After(5.0, Quiet())])
    assert isinstance(told.error, ClientTimeoutError)
    assert told.error.phase == "event"
    assert told.receives[2] == pytest.approx(5.0)


def test_every_event_starts_the_bound_anew() -> None:
    slow = [After(59.0, HELLO) for _ in range(5)]
    told = play([OK, *slow, chunk({}, "stop"), b"data: [DONE]\n\n"])
    assert told.error is None


@pytest.mark.parametrize(
    "end", [b"", Quiet(), Lost(StreamClosed("broke")), Lost(ClientTimeoutError("silent", "idle"))]
)
def test_a_finished_reply_waits_only_shortly_for_its_tail(end: Outcome) -> None:
    told = play([OK, HELLO + chunk({}, "stop"), end])
    assert told.error is None
    assert told.events == ANSWERED
    assert told.receives[1] == TIMEOUTS.linger_s


def test_after_the_terminal_nobody_waits_for_the_end() -> None:
    told = play([OK, GOOD, Quiet()])
    assert told.error is None
    assert told.receives == [None, 0.1]
    talker = play([OK, GOOD, *([b": bla\n\n"] * 100)])
    assert talker.error is None
    assert len(talker.receives) < 12


def test_a_broken_object_is_a_broken_connection() -> None:
    broke = Lost(StreamClosed("broke"))
    told = play([OK, b'{"choices":[{"mess', broke])
    assert told.error is broke.error


# ---- another way to ask ----


def message(text: str, **more: str) -> bytes:
    return error_body(message=text, **more)


def test_usage_is_not_asked_for_where_it_is_refused() -> None:
    learned = Learned()
    no = refused(400, message("Unknown field.", param="stream_options", code="unknown_parameter"))
    told = play([*no, OK, GOOD], learned=learned)
    assert told.events == ANSWERED
    assert told.waits == []
    assert ["stream_options" in body for body in told.bodies] == [True, False]
    again = play([OK, GOOD], learned=learned)
    assert ["stream_options" in body for body in again.bodies] == [False]


def test_a_server_without_streams_is_asked_for_an_object() -> None:
    no = refused(400, message("Streaming is not supported."))
    whole = {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello"},
                "finish_reason": "stop",
            }
        ],
    }
    told = play([*no, OK, json.dumps(whole).encode(), b""])
    assert told.events == ANSWERED
    assert [body["stream"] for body in told.bodies] == [True, False]


def test_a_server_that_refuses_both_ways_is_not_asked_for_ever() -> None:
    no = refused(400, message("Streaming is not supported."))
    only = refused(400, message("Only streaming is supported: stream must be true."))
    told = play([*no, *only, *no, *only, *no])
    assert isinstance(told.error, BadRequestError)
    assert len(told.bodies) == 2


def test_the_key_goes_into_the_request_and_into_no_repr() -> None:
    told = play([OK, GOOD])
    sent = told.steps[0]
    assert isinstance(sent, Send)
    assert sent.headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in repr(sent)


# ---- dialects ----

AUTO = Question(model="m", fields=QUESTION.fields, dialect=None)
NO_PATH = refused(404, b"404 page not found")


def test_auto_finds_out_once_what_a_server_speaks() -> None:
    learned = Learned()
    told = play([*NO_PATH, OK, GOOD], question=AUTO, learned=learned)
    assert told.events == ANSWERED
    paths = [step.url.rpartition("/v1")[2] for step in told.steps if isinstance(step, Send)]
    assert paths == ["/responses", "/chat/completions"]
    again = play([OK, GOOD], question=AUTO, learned=learned)
    assert [step.url for step in again.steps if isinstance(step, Send)] == [
        "http://lab/v1/chat/completions"
    ]


@pytest.mark.parametrize(
    ("question", "script"),
    [
        (AUTO, refused(404, message("The model m does not exist", code="model_not_found"))),
        (Question(model="m", fields=QUESTION.fields, dialect="responses"), NO_PATH),
    ],
    ids=["no such model", "a dialect that was named"],
)
def test_not_every_404_is_about_the_dialect(question: Question, script: list[Outcome]) -> None:
    told = play([*script, OK, GOOD], question=question)
    assert isinstance(told.error, NotFoundError)


# ---- what is whole although nobody said so ----


@pytest.mark.parametrize(
    "end", [Lost(ClientTimeoutError("silent", "idle")), Lost(StreamClosed("broke")), Quiet()]
)
def test_a_reply_whose_finish_was_not_trusted_is_whole_after_a_silence(end: Outcome) -> None:
    """This server says "stop" with every chunk, so that the last one proved nothing."""
    always = chunk({"content": "Hello"}, "stop")
    told = play([OK, always, always, end])
    assert told.error is None
    assert told.events[-1] == Finish("stop")


def test_a_refusal_that_drips_is_read_no_longer_than_it_is_worth() -> None:
    told = play([Head(500), *([After(3.0, b"x")] * 1000)])
    assert isinstance(told.error, ServerError)
    assert len(told.receives) <= 6
