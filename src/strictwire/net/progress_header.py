"""The opt-in header for prefill progress: its names, its values, and what each means."""

from __future__ import annotations

from strictwire.model.errors import CallerError
from strictwire.model.request import Carrier

# As they come, and as they are shown.
_NAMES = {
    b"x-strictwire-prefill-progress": "X-Strictwire-Prefill-Progress",
    b"x-swiftlm-prefill-progress": "X-SwiftLM-Prefill-Progress",
}

_VALUES: dict[str, Carrier | None] = {
    "true": "event",
    "1": "event",
    "yes": "event",
    "on": "event",
    "event": "event",
    "comment": "comment",
    "chunk": "chunk",
    "false": None,
    "0": None,
    "no": None,
    "off": None,
}


def carrier_of(headers: list[tuple[bytes, bytes]], *, may_be_chunk: bool = True) -> Carrier | None:
    """The carrier asked for, or None. Raises CallerError 400 that names the header.

    ``may_be_chunk`` False: this path's chunks carry no progress.
    """
    for name, shown in _NAMES.items():
        for key, value in headers:
            if key == name:
                word = value.decode("latin-1").strip().lower()
                if word in _VALUES and (may_be_chunk or word != "chunk"):
                    return _VALUES[word]
                words = "true, event, comment, chunk" if may_be_chunk else "true, event, comment"
                raise CallerError(
                    f"The header {shown} must be {words} or false on this path.",
                    param=shown,
                    code="invalid_header",
                )
    return None
