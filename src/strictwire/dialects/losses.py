"""What a request loses on its way into another dialect: told where it is harmless, refused else.

Contract: ``Losses.drop`` notes what is not sent on, by the client's name for it. ``cannot_hold``
makes the error for what must not be lost in silence: a ``CallerError`` (400) that names the field
and the next step. Names are cut to what may stand in a header; at most ``MAX_TOLD`` are kept.
"""

from __future__ import annotations

import re

from strictwire.model.errors import CallerError
from strictwire.model.request import Dialect, UpstreamDialect

# They go out in one header: more would make it longer than servers and proxies accept (8 KiB).
MAX_TOLD = 48
_MAX_NAME_CHARACTERS = 64
# Field names come from the client, so anything may stand in them.
_ODD = re.compile(r"[^A-Za-z0-9_.\-]")


class Losses:
    """The names of what was dropped, each once, in the order of dropping."""

    __slots__ = ("_names",)

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._names)

    def drop(self, name: str) -> None:
        if len(self._names) < MAX_TOLD:
            self._names.setdefault(_ODD.sub("_", name[:_MAX_NAME_CHARACTERS]))


def cannot_hold(at: str, what: str, target: UpstreamDialect, step: str = "") -> CallerError:
    """``what`` is said of the field ("names an image that ..."), without its content."""
    advice = step or "Leave it out, or ask for a model of another server"
    return CallerError(
        f"'{at}' {what}, and this model's server is asked over the '{target}' API, which cannot "
        f"say that. {advice}.",
        param=at,
        code="unsupported_parameter",
    )


def held_by_none(at: str, what: str, source: Dialect) -> CallerError:
    """What no dialect but the client's own could hold."""
    return CallerError(
        f"'{at}' {what}, which only a server that is asked over the '{source}' API itself could "
        "use; this model's server is asked over another. Leave it out.",
        param=at,
        code="unsupported_parameter",
    )
