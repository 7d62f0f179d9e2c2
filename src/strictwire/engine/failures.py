"""What can go wrong with an engine, in words: one function per ``code``, each makes an error.

Contract: a message says what happened and, where a person can act, the next step. None holds a
byte of a request: they are shown to clients and logged.
"""

from __future__ import annotations

from strictwire.model.errors import CallerError, PeerError, WireError

# How soon to ask again. A place becomes free when some reply ends, which nobody knows ahead.
QUEUE_RETRY_AFTER_S = 2
LOADING_RETRY_AFTER_S = 5


class EngineFailed(WireError):  # noqa: N818 - named for what happened
    """The engine cannot be had: its model does not load, or nothing here can run it. ``reason``
    is a sentence for people."""

    status = 503
    type = "server_error"

    def __init__(self, name: str, reason: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(
            f"The engine {name} does not run. {reason}",
            code="engine_failed",
            retry_after=str(max(1, round(retry_after_s))),
        )
        self.reason = reason


def loading(name: str, waited_s: float) -> WireError:
    """A request waited for its model for as long as a request may."""
    return WireError(
        f"The engine {name} is still loading its model; this request waited {waited_s:g} s.",
        status=503,
        code="engine_loading",
        retry_after=str(LOADING_RETRY_AFTER_S),
    )


def queue_full(name: str, waiting: int) -> WireError:
    """As many requests as may are waiting for a place already."""
    return WireError(
        f"The engine {name} is busy and {waiting} requests are waiting for it. Ask again soon, or "
        "give it more places (setting: parallel) or a longer line (setting: queue).",
        status=503,
        code="engine_queue_full",
        retry_after=str(QUEUE_RETRY_AFTER_S),
    )


def too_many_places(name: str, asked: int, places: int) -> CallerError:
    """A request for more answers at once than there are places."""
    return CallerError(
        f"n: {asked} answers at once were asked for, and the engine {name} can give "
        f"{places} (setting: parallel).",
        param="n",
        code="invalid_value",
    )


def unable(name: str, capability: str) -> CallerError:
    """A path that needs what the model cannot do; ``capability`` as in ``EngineFacts``."""
    made_for = "vectors alone" if capability != "embeddings" else "text, not for vectors"
    return CallerError(
        f"The model of the engine {name} was made for {made_for}: it has no {capability}.",
        param="model",
        code="unsupported_model",
    )


def died(name: str, how: str) -> PeerError:
    """The process ended before a reply did; ``how`` is "signal 9" or "status 1"."""
    return PeerError(
        f"The process of the engine {name} ended ({how}) before this reply was whole. It is being "
        "started again; ask once more.",
        code="engine_died",
    )


def shut_down(name: str) -> PeerError:
    """The gateway ends, and the engine with it."""
    return PeerError(
        f"The engine {name} was stopped because the gateway shuts down.", code="engine_closed"
    )
