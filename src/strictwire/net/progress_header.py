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
    "false": None,
    "0": None,
    "no": None,
    "off": None,
}


def carrier_of(headers: list[tuple[bytes, bytes]]) -> Carrier | None:
    """The carrier asked for, or None. Raises CallerError 400 that names the header."""
    for name, shown in _NAMES.items():
        for key, value in headers:
            if key == name:
                word = value.decode("latin-1").strip().lower()
                if word not in _VALUES:
                    raise CallerError(
                        f"The header {shown} must be true, event, comment or false.",
                        param=shown,
                        code="invalid_header",
                    )
                return _VALUES[word]
    return None
