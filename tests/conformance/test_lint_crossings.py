"""Clients of one dialect in front of servers of another: whatever such a server sends, the judge
finds nothing in what the client gets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conformance.test_lint_against_relay import CASES, Case
from relay.playing import play
from strictwire.conformance import Asked, Finding, lint
from strictwire.model.request import Dialect, Promise

CLIENTS: tuple[Dialect, ...] = ("chat", "completions", "responses", "messages")
PAIRS = [
    (upstream, client)
    for upstream in ("chat", "responses", "messages")
    for client in CLIENTS
    if upstream != client
]
# The answer is one and the same in each; how the body is cut is for the dialect's own tests.
STREAMS = {
    name: case for name, case in CASES.items() if case.promise.is_stream and case.row is not None
}


def crossed(case: Case, client: Dialect, *, is_stream: bool) -> Promise:
    return replace(
        case.promise,
        dialect=client,
        upstream=case.promise.dialect,
        is_stream=is_stream,
        includes_usage=is_stream,
    )


@pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize(("upstream", "client"), PAIRS)
def test_nothing_is_found_in_what_another_dialect_s_client_gets(
    upstream: Dialect, client: Dialect, is_stream: bool
) -> None:
    wrong: dict[str, list[Finding]] = {}
    for name, case in STREAMS.items():
        if case.promise.dialect != upstream:
            continue
        promise = crossed(case, client, is_stream=is_stream)
        played = play(case.data, promise)
        found = lint(played.out, Asked.by(promise)) if played.out else []
        if found:
            wrong[name] = found
    assert wrong == {}
