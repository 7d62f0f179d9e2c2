"""What goes on of either side's headers, and what ends at the gateway."""

from __future__ import annotations

import pytest

from strictwire.model.request import Dialect
from strictwire.net.passing_headers import MAX_PASSED_BYTES, exposed, to_client, to_upstream
from strictwire.net.plan import MAX_TOLD_DROPPED, Mended
from strictwire.net.upstream_headers import in_dialect

CLIENTS = [
    (name, b"v")
    for name in (
        b"openai-beta", b"originator", b"session_id", b"conversation_id", b"x-codex-turn-state",
        b"x-client-request-id", b"anthropic-version", b"anthropic-beta", b"authorization",
        b"x-api-key", b"cookie", b"user-agent", b"x-request-id", b"x-forwarded-for", b"host",
        b"openai-organization", b"chatgpt-account-id", b"content-type", b"x-strictwire-provider",
    )
]  # fmt: skip
UPSTREAMS = [
    (name, b"v")
    for name in (
        b"x-ratelimit-remaining-tokens", b"retry-after", b"retry-after-ms", b"x-should-retry",
        b"x-codex-primary-used-percent", b"openai-model", b"openai-processing-ms",
        b"openai-version", b"openai-organization", b"openai-project",
        b"anthropic-ratelimit-tokens-reset", b"anthropic-organization-id", b"request-id",
        b"x-request-id", b"server", b"set-cookie", b"connection", b"transfer-encoding",
        b"content-length", b"content-type", b"x-upstream-address", b"cf-ray", b"location",
    )
]  # fmt: skip
EVERYONES = {b"x-ratelimit-remaining-tokens", b"retry-after-ms", b"x-should-retry"}


@pytest.mark.parametrize(
    ("dialect", "names"),
    [
        ("messages", {b"anthropic-version", b"anthropic-beta"}),
        *(
            (dialect, {name for name, _ in CLIENTS[:6]})
            for dialect in ("chat", "completions", "responses")
        ),
    ],
)
def test_to_an_upstream(dialect: Dialect, names: set[bytes]) -> None:
    assert {name for name, _ in to_upstream(CLIENTS, dialect)} == names


@pytest.mark.parametrize(
    ("dialect", "own"),
    [
        ("messages", {b"anthropic-ratelimit-tokens-reset"}),
        *(
            (dialect, {name for name, _ in UPSTREAMS[4:8]})
            for dialect in ("chat", "completions", "responses")
        ),
    ],
)
def test_to_a_client(dialect: Dialect, own: set[bytes]) -> None:
    native = to_client(UPSTREAMS, dialect, is_native=True)
    assert {name for name, _ in native} == EVERYONES | own
    crossed = to_client(UPSTREAMS, dialect, is_native=False)
    assert {name for name, _ in crossed} == EVERYONES


@pytest.mark.parametrize(
    "value", [b"a\r\nset-cookie: b", b"a\nb", b"a\x00", b"x" * MAX_PASSED_BYTES]
)
def test_values_that_no_header_may_have_go_nowhere(value: bytes) -> None:
    assert to_client([(b"x-ratelimit-a", value)], "chat", is_native=True) == []
    assert to_upstream([(b"x-codex-a", value)], "responses") == []


@pytest.mark.parametrize("name", [b"x-codex-a b", b"x-codex-a:", b"x-codex-\xff", b"x-codex-a\n"])
def test_names_that_no_header_may_have_go_nowhere(name: bytes) -> None:
    assert to_client([(name, b"1")], "responses", is_native=True) == []
    assert to_upstream([(name, b"1")], "responses") == []


def test_a_peer_with_a_thousand_headers() -> None:
    many = [(b"x-ratelimit-%d" % number, b"1" * 100) for number in range(1000)]
    passed = to_client(many, "chat", is_native=False)
    assert passed == many[: len(passed)]
    assert sum(len(name) + len(value) for name, value in passed) <= MAX_PASSED_BYTES
    assert len(passed) > 100


def test_a_page_may_read_what_passes() -> None:
    passed = [(b"x-ratelimit-a", b"1"), (b"openai-model", b"m"), (b"x-ratelimit-a", b"2")]
    assert exposed(passed) == [(b"access-control-expose-headers", b"x-ratelimit-a, openai-model")]
    assert exposed([]) == []


BASE = ((b"accept", b"application/json"), (b"authorization", b"Bearer sk-dummy"))


def test_a_messages_request_has_anthropics_headers() -> None:
    headers = dict(in_dialect(BASE, "messages", told=[(b"anthropic-beta", b"a")]))
    assert headers == {
        **dict(BASE),
        b"x-api-key": b"sk-dummy",
        b"anthropic-version": b"2023-06-01",
        b"anthropic-beta": b"a",
    }


def test_the_clients_version_and_all_its_betas_go_on() -> None:
    told = [(b"anthropic-version", b"2099-01-01"), (b"anthropic-beta", b"a,b")]
    told.append((b"anthropic-beta", b"c"))
    headers = dict(in_dialect(BASE, "messages", told=told))
    assert headers[b"anthropic-version"] == b"2099-01-01"
    assert headers[b"anthropic-beta"] == b"a,b, c"


def test_a_providers_own_headers_outrank_all() -> None:
    own = (*BASE, (b"x-api-key", b"mine"), (b"anthropic-version", b"mine"))
    told = [(b"anthropic-version", b"theirs")]
    assert dict(in_dialect(own, "messages", told=told)) == dict(own)


@pytest.mark.parametrize("dialect", ["chat", "completions", "responses", "messages"])
def test_swiftlm_is_asked_for_progress_in_its_own_dialects(dialect: Dialect) -> None:
    names = {name for name, _ in in_dialect(BASE, dialect, told=[], asks_progress=True)}
    assert (b"x-swiftlm-prefill-progress" in names) == (dialect in ("chat", "completions"))


def test_names_of_fields_cannot_break_out_of_their_header() -> None:
    mended = Mended(("top_k", "a\r\nset-cookie: b", "\u20ac", "tools[0].type", "x" * 65))
    assert mended.headers == [(b"x-strictwire-dropped", b"top_k, ?, ?, tools[0].type, ?")]


def test_a_thousand_strange_fields_are_not_all_told() -> None:
    ((_, told),) = Mended(tuple(f"f{number}" for number in range(1000))).headers
    names = told.split(b", ")
    assert (len(names), names[-1]) == (MAX_TOLD_DROPPED + 1, b"...")
