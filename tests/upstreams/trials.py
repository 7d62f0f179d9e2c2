"""What each real server is put through behind the gateway, and how the outcome is judged.

Every reply is judged twice: its bytes by ``strictwire lint``, which knows what was asked for, and
what came of it by the official SDKs with strict validation. What the model says is not judged,
except that it greets, and calls the tool that it was made to call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import completions_ways
import httpx
import messages_ways
import responses_ways
import sdk_ways
from expectations import Seen
from openai import AsyncOpenAI, OpenAI

from strictwire.conformance.asked import Asked as Judged
from strictwire.conformance.lint import lint
from strictwire.model.request import Dialect

from .questions import (
    ARGUMENTS,
    DIALECTS,
    FILLER,
    PATHS,
    TOOL,
    TOOL_DIALECTS,
    Question,
    plain,
    with_result,
    with_tool,
)
from .servers import MODEL, Server

TIMEOUT_S = 60.0
UNKNOWN_MODEL = "no-such-model"
# Several batches of each server that reports them.
LONG_REPEATS = 60
# An answer that goes on until it is cut off, and far longer than we listen.
ENDLESS_TOKENS = 20_000
_PROGRESS = re.compile(rb"^: prefill_progress (\{.*\})$", re.MULTILINE)
_CUT_OFF = "length"


class Target:
    """One gateway in front of ``server``: its address, and a client of every SDK."""

    def __init__(self, url: str, server: Server) -> None:
        self.url = url
        self.server = server
        self.http = httpx.Client(timeout=TIMEOUT_S, trust_env=False)
        self.openai = (sdk_ways.client(OpenAI, url), sdk_ways.client(AsyncOpenAI, url))
        self.anthropic = messages_ways.clients(url)

    def ask(self, question: Question, model: str = MODEL) -> httpx.Response:
        body = {"model": model, **question.wire_body}
        return self.http.post(
            self.url + PATHS[question.dialect], json=body, headers=question.headers
        )

    async def close(self) -> None:
        self.http.close()
        for sync, later in (self.openai, self.anthropic):
            sync.close()
            await later.close()


# What is wrong, one line each.
Judge = Callable[[Target], Awaitable[list[str]]]


@dataclass(frozen=True)
class Trial:
    """``subject`` is what is tried, ``dialect`` and ``is_stream`` how it is asked."""

    subject: str
    dialect: Dialect
    is_stream: bool
    judge: Judge

    @property
    def way(self) -> str:
        return "streamed" if self.is_stream else "whole"


def trials(server: Server) -> Iterator[Trial]:
    """Everything that this server is tried with."""
    for dialect in DIALECTS:
        for is_stream in (True, False):
            yield _trial("a greeting", plain(dialect, is_stream=is_stream), _greets)
            if dialect in TOOL_DIALECTS:
                yield _trial("a tool call", with_tool(dialect, is_stream=is_stream), _calls)
                yield _trial("its result", with_result(dialect, is_stream=is_stream), _answers)
        yield _progress_trial(dialect)
        for is_stream in (True, False):
            yield _unknown_model_trial(dialect, is_stream=is_stream)
        if server.context is not None:
            yield _overflow_trial(dialect, server.context)
    yield _hangup_trial()


# ---- replies that must be in order ----


def _trial(subject: str, question: Question, judge: Callable[[Seen], list[str]]) -> Trial:
    async def judged(target: Target) -> list[str]:
        reply = target.ask(question)
        if reply.status_code != httpx.codes.OK:
            return [f"status {reply.status_code}: {reply.text[:300]}"]
        found = _lint_faults(reply.content, question)
        for name, way in _ways(question).items():
            try:
                seen = await way(*_clients(target, question), MODEL, question)
            except Exception as failure:  # noqa: BLE001 - a client that breaks is what we look for
                found.append(f"{name}: {type(failure).__name__}: {str(failure)[:300]}")
                continue
            found += [f"{name}: {one}" for one in _faults(seen, question, judge)]
        return found

    return Trial(subject, question.dialect, question.is_stream, judged)


def _faults(seen: Seen, question: Question, judge: Callable[[Seen], list[str]]) -> list[str]:
    if seen.error is not None:
        return [f"an error: {seen.error}"]
    if len(seen.choices) != 1:
        return [f"{len(seen.choices)} choices"]
    found = judge(seen)
    is_told = question.includes_usage or not question.is_stream or seen.usage is not None
    if is_told and (seen.usage is None or not all(seen.usage)):
        found.append(f"usage is {seen.usage}")
    return found


def _greets(seen: Seen) -> list[str]:
    (choice,) = seen.choices
    found = [] if choice.text.strip() else ["no text"]
    if choice.finish_reason not in ("stop", _CUT_OFF):
        found.append(f"it finished with {choice.finish_reason}")
    return found


def _calls(seen: Seen) -> list[str]:
    (choice,) = seen.choices
    if choice.calls != ((TOOL, ARGUMENTS),):
        return [f"it called {choice.calls} and said {choice.text[:80]!r}"]
    reason = choice.finish_reason
    return [] if reason == "tool_calls" else [f"it finished with {reason}"]


def _answers(seen: Seen) -> list[str]:
    """Anything: what a model this small makes of a result is its own."""
    (choice,) = seen.choices
    return [] if choice.text.strip() or choice.calls else ["no text"]


def _ways(question: Question) -> dict[str, Callable[..., Awaitable[Seen]]]:
    known: dict[Dialect, Any] = {
        "chat": sdk_ways, "completions": completions_ways, "responses": responses_ways,
        "messages": messages_ways,
    }  # fmt: skip
    module = known[question.dialect]
    if not question.is_stream:
        return dict(module.WHOLE)
    rows = dict(module.STREAMED)
    # Chat and completions say beside each way whether it asks for usage. Here the question does.
    return {name: row[0] if isinstance(row, tuple) else row for name, row in rows.items()}


def _clients(target: Target, question: Question) -> tuple[Any, Any]:
    return target.anthropic if question.dialect == "messages" else target.openai


def _lint_faults(body: bytes, question: Question) -> list[str]:
    judged = Judged(
        dialect=question.dialect,
        is_stream=question.is_stream,
        includes_usage=question.includes_usage,
        progress=question.progress,
        choices=1,
        tools=question.tools,
    )
    found = lint(body, judged)
    return [f"lint at byte {one.offset}: {one.rule}: {one.message}" for one in found]


# ---- progress ----


def _progress_trial(dialect: Dialect) -> Trial:
    """A prompt that takes several batches. Each trial has its own, so that none is cached."""
    text = f"{dialect}. {FILLER * LONG_REPEATS}"
    question = replace(plain(dialect, is_stream=True, text=text), progress="comment")

    async def judged(target: Target) -> list[str]:
        # What the server has in its cache is no prefill: a word of this gateway's own comes first.
        own = f"{target.url} {text}"
        asked = replace(plain(dialect, is_stream=True, text=own), progress="comment")
        reply = target.ask(asked)
        if reply.status_code != httpx.codes.OK:
            return [f"status {reply.status_code}: {reply.text[:300]}"]
        told = [json.loads(one) for one in _PROGRESS.findall(reply.content)]
        return _lint_faults(reply.content, asked) + _progress_faults(told, target.server)

    return Trial("progress", dialect, question.is_stream, judged)


def _progress_faults(told: list[dict[str, Any]], server: Server) -> list[str]:
    if not server.counts_progress:
        counted = [one for one in told if one["fraction"] is not None]
        return [f"counts that nobody told: {counted[0]}"] if counted else []
    fractions = [one["fraction"] for one in told if one["fraction"] is not None]
    found = []
    if len(set(fractions)) < 3:
        found.append(f"{len(told)} reports with the fractions {fractions}")
    if fractions != sorted(fractions):
        found.append(f"fractions go back: {fractions}")
    if told and (told[-1]["status"], told[-1]["fraction"]) != ("done", 1):
        found.append(f"the last report is {told[-1]}")
    return found


# ---- refusals, and clients that go away ----


def _unknown_model_trial(dialect: Dialect, *, is_stream: bool) -> Trial:
    question = plain(dialect, is_stream=is_stream)

    async def judged(target: Target) -> list[str]:
        reply = target.ask(question, UNKNOWN_MODEL)
        if target.server.takes_any_model:
            return _lint_faults(reply.content, question)
        if reply.status_code not in (400, 404):
            return [f"status {reply.status_code}: {reply.text[:300]}"]
        return _error_faults(reply, dialect)

    return Trial("a model that is not there", dialect, is_stream, judged)


def _overflow_trial(dialect: Dialect, context: int) -> Trial:
    question = plain(dialect, is_stream=True, text=FILLER * context)

    async def judged(target: Target) -> list[str]:
        reply = target.ask(question)
        if reply.status_code != httpx.codes.BAD_REQUEST:
            return [f"status {reply.status_code}: {reply.text[:300]}"]
        found = _error_faults(reply, dialect)
        error = reply.json()["error"]
        if dialect != "messages" and error["code"] != "context_length_exceeded":
            found.append(f"the code is {error['code']}")
        if str(context) not in error["message"]:
            found.append(f"the message is {error['message']!r}")
        return found

    return Trial("too long a prompt", dialect, True, judged)


def _error_faults(reply: httpx.Response, dialect: Dialect) -> list[str]:
    """An error has the shape of the path that was asked."""
    keys = {"type", "message"} if dialect == "messages" else {"message", "type", "param", "code"}
    try:
        error = reply.json()["error"]
    except (ValueError, KeyError, TypeError):
        return [f"an error of another shape: {reply.text[:300]}"]
    if set(error) != keys or not error["message"]:
        return [f"an error of another shape: {error}"]
    return []


def _hangup_trial() -> Trial:
    """A client goes away in the middle; the next one is answered."""
    greeting = plain("chat", is_stream=True)
    fields = {**greeting.fields, "max_tokens": ENDLESS_TOKENS, "temperature": 1.5}
    endless = replace(greeting, fields=fields)

    async def judged(target: Target) -> list[str]:
        body = {"model": MODEL, **endless.wire_body}
        with target.http.stream("POST", target.url + PATHS["chat"], json=body) as reply:
            if reply.status_code != httpx.codes.OK:
                return [f"status {reply.status_code}: {reply.read()[:300]!r}"]
            next(reply.iter_bytes())
        return _lint_faults(target.ask(greeting).content, greeting)

    return Trial("after a hang-up", "chat", True, judged)
