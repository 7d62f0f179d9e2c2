"""What an exchange is told before it begins: how it is to go, and whom to ask for the rest.

Contract: plain data, and the protocol of what makes requests and relays for it. Nothing here acts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from strictwire.model.protocols import ReplyRelay, UpstreamRequest
from strictwire.model.request import Dialect
from strictwire.net.deadlines import Limits

Headers = list[tuple[bytes, bytes]]

# Names of fields come from clients, and a header holds neither line ends nor all of Unicode.
_SAYABLE = re.compile(r"[A-Za-z0-9_.\[\]-]{1,64}")
# Enough for every field that an agent sends; a request of a thousand strange ones needs no list.
MAX_TOLD_DROPPED = 64


@dataclass(frozen=True, slots=True)
class Plan:
    """How one exchange is to go. ``headers`` go with every reply. ``secrets`` must not appear in
    an upstream's error. ``dialect`` is the client's. ``on_result`` gets the object that the last
    event of a Responses reply told, whether the reply was a good one or not. ``owner`` is whose
    request it is, ``model`` what the reply will call it, ``created`` the epoch's seconds: for who
    asks what is going on."""

    route: str
    provider: str
    request_id: str
    is_stream: bool
    limits: Limits
    headers: Headers
    secrets: tuple[str, ...] = field(default=(), repr=False)
    dialect: Dialect = "chat"
    on_result: Callable[[dict[str, Any]], None] | None = None
    owner: str = ""
    model: str = ""
    created: int = 0


@dataclass(frozen=True, slots=True)
class Mended:
    """What was mended of a request. ``dropped`` names fields that the client sent and the upstream
    did not get; ``repairs`` the rules that did it."""

    dropped: tuple[str, ...] = ()
    repairs: frozenset[str] = frozenset()

    @property
    def headers(self) -> Headers:
        """How the client is told."""
        names = list(_sayable(self.dropped))
        if not names:
            return []
        return [(b"x-strictwire-dropped", ", ".join(names).encode("ascii"))]


NOT_MENDED = Mended()


class Asking(Protocol):
    """What is needed until the upstream begins to answer."""

    @property
    def mended(self) -> Mended: ...  # of the request that was made last

    def make_request(self, refused: frozenset[str]) -> UpstreamRequest:
        """The upstream request, without what was refused. Raises CallerError for a request that
        cannot be asked in the dialect that is left."""
        ...

    def make_relay(self, *, is_object: bool, begun_at_s: float) -> ReplyRelay: ...

    def passed(self, headers: Headers) -> Headers:
        """Those of the upstream's headers that go to the client."""
        ...

    def refused(self, status: int, body: bytes) -> frozenset[str]:
        """What a refusal names that can be mended; then the request is sent once more."""
        ...

    def learn(self, names: frozenset[str]) -> None:
        """Without these the upstream took the request: they need not be sent again."""
        ...


def _sayable(names: Iterable[str]) -> Iterable[str]:
    for count, name in enumerate(names):
        if count == MAX_TOLD_DROPPED:
            yield "..."
            return
        yield name if _SAYABLE.fullmatch(name) else "?"
