"""A request in the dialect of its upstream, and what was done to it to bring it there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from strictwire.dialects.model_request import ModelRequest
from strictwire.dialects.translation import translate
from strictwire.model.request import Dialect, FoldedTool, UpstreamDialect


@dataclass(frozen=True, slots=True)
class Way:
    """``dropped`` names the client's fields that this dialect cannot say, ``folded`` has the tools
    that go by another name in it."""

    dialect: UpstreamDialect
    request: ModelRequest
    dropped: tuple[str, ...] = ()
    folded: Mapping[str, FoldedTool] = field(default_factory=dict)


def way_in(dialect: UpstreamDialect, request: ModelRequest, own: Dialect) -> Way:
    """A client's request in ``dialect``; ``own`` is the client's. Raises CallerError 400 for what
    cannot be said in it and would be missed."""
    if dialect == own:
        return Way(dialect, request)
    made = translate(request, own, dialect)
    return Way(dialect, made.request, made.dropped, made.folded)
