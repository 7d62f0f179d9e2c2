"""Which headers go on between a client and a model server, and which end at the gateway.

Contract: a table for each direction; what is in neither list ends here: keys, cookies, all of one
connection, and all that says who the client or the provider's owner is (organisations, projects,
an upstream's own request id or address). Headers that mean something only within one dialect go on
only where client and upstream both speak it.

=================  ====================================  ===========================================
direction          always                                only in the same dialect
=================  ====================================  ===========================================
to the upstream                                          OpenAI's: ``openai-beta``, ``x-codex-*``,
                                                         ``originator``, ``session_id``,
                                                         ``conversation_id``, and the like;
                                                         Anthropic's: ``anthropic-version``,
                                                         ``anthropic-beta``
to the client      ``x-ratelimit-*``,                    ``x-codex-*``, ``openai-model``,
                   ``retry-after-ms``,                   ``openai-processing-ms``,
                   ``x-should-retry``, and with          ``openai-version``;
                   errors ``retry-after``                ``anthropic-ratelimit-*``
=================  ====================================  ===========================================
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from strictwire.model.request import Dialect

Headers = list[tuple[bytes, bytes]]

# RFC 9110, 5.1 and 5.5. Parsers are lenient, and a lenient client reads on.
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
# What one side sends must not make the other refuse the whole head; many stop at 32 KiB.
MAX_PASSED_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Names:
    """Header names in lower case: whole ones, and how others begin."""

    whole: frozenset[bytes] = frozenset()
    prefixes: tuple[bytes, ...] = ()

    def has(self, name: bytes) -> bool:
        return name in self.whole or name.startswith(self.prefixes)

    def pick(self, headers: Iterable[tuple[bytes, bytes]]) -> Headers:
        """Those that are named here, well-formed, and within the bound."""
        picked: Headers = []
        room = MAX_PASSED_BYTES
        for name, value in headers:
            if self.has(name) and _TOKEN.fullmatch(name) and not _CONTROL.search(value):
                room -= len(name) + len(value)
                if room < 0:
                    break
                picked.append((name, value))
        return picked


# The names by which agents tie their requests together, with hyphens and without.
_OPENAI_UP = Names(
    frozenset(
        (
            b"openai-beta",
            b"originator",
            b"session_id",
            b"session-id",
            b"conversation_id",
            b"thread_id",
            b"thread-id",
            b"x-client-request-id",
        )
    ),
    (b"x-codex-",),
)
_ANTHROPIC_UP = Names(frozenset((b"anthropic-version", b"anthropic-beta")))
TO_UPSTREAM: dict[Dialect, Names] = {
    "chat": _OPENAI_UP,
    "completions": _OPENAI_UP,
    "responses": _OPENAI_UP,
    "messages": _ANTHROPIC_UP,
}

_OPENAI_DOWN = Names(
    frozenset((b"openai-model", b"openai-processing-ms", b"openai-version")), (b"x-codex-",)
)
TO_CLIENT: dict[Dialect, Names] = {
    "chat": _OPENAI_DOWN,
    "completions": _OPENAI_DOWN,
    "responses": _OPENAI_DOWN,
    "messages": Names(prefixes=(b"anthropic-ratelimit-",)),
}
TO_ANY_CLIENT = Names(frozenset((b"retry-after-ms", b"x-should-retry")), (b"x-ratelimit-",))


def to_upstream(headers: Headers, dialect: Dialect) -> Headers:
    """Those of a client's headers that a server of its own dialect gets."""
    return TO_UPSTREAM[dialect].pick(headers)


def to_client(headers: Headers, dialect: Dialect, *, is_native: bool) -> Headers:
    """Those of an upstream's headers that a client of ``dialect`` gets, but for ``retry-after``,
    which an error has itself. ``is_native``: the upstream speaks the dialect too."""
    passed = TO_ANY_CLIENT.pick(headers)
    if is_native:
        passed += TO_CLIENT[dialect].pick(headers)
    return passed


def exposed(passed: Headers) -> Headers:
    """What lets a web page read these headers, beside those that it may read anyway."""
    if not passed:
        return []
    names = b", ".join(dict.fromkeys(name for name, _ in passed))
    return [(b"access-control-expose-headers", names)]
