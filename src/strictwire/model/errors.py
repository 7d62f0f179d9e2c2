"""The error tree. Its branches say who broke the rules: the peer, the caller, or our own code.

A ``WireError`` holds what the caller is told: a status, and the four fields of OpenAI's error
object. Messages name the field and the next step, and never repeat the content of a request.
"""

from __future__ import annotations


class StrictwireError(Exception):
    """The root; catch a branch, not this."""


class MisuseError(StrictwireError):
    """Our own code called something against its contract."""


class WireError(StrictwireError):
    """Something to tell the client, before the commit as a status, after it in-band.

    ``param`` names the request's field, ``code`` is for programs. ``retry_after`` is the
    upstream's header value as it came.
    """

    status = 500
    type = "server_error"

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        type: str | None = None,  # noqa: A002 - the wire's own name
        param: str | None = None,
        code: str | None = None,
        retry_after: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code
        self.retry_after = retry_after
        if status is not None:
            self.status = status
        if type is not None:
            self.type = type

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}({self.status}, {self.code!r}, {self.message!r})"


class CallerError(WireError):
    """The client's request cannot be served as it stands."""

    status = 400
    type = "invalid_request_error"


class PeerError(WireError):
    """The upstream broke its promise, or told of an error."""

    status = 502
    type = "upstream_error"


class UpstreamTimeout(PeerError):  # noqa: N818 - named for what happened
    """A phase of the exchange took too long; the message names the phase and the setting."""

    status = 504
    type = "timeout_error"
