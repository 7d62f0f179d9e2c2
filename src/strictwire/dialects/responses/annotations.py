"""Annotations: chat's, nested under the name of their type, and those of this dialect, flat.

Contract: pure values. The fields that strict clients look for are there; all else goes along.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# What each type must say; of types that are not here, only what was told goes out.
_NEEDED: Mapping[str, Mapping[str, Any]] = {
    "url_citation": {"url": "", "start_index": 0, "end_index": 0, "title": ""},
    "file_citation": {"file_id": "", "index": 0, "filename": ""},
    "container_file_citation": {
        "container_id": "",
        "file_id": "",
        "start_index": 0,
        "end_index": 0,
        "filename": "",
    },
    "file_path": {"file_id": "", "index": 0},
}


def flat_annotations(delta: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The annotations beside a text, as this dialect has them."""
    told = delta.get("annotations")
    for one in told if isinstance(told, list) else ():
        kind = one.get("type") if isinstance(one, dict) else None
        if isinstance(kind, str) and kind:
            body = one.get(kind)
            fields = body if isinstance(body, dict) else {n: one[n] for n in one if n != "type"}
            said = {name: value for name, value in fields.items() if value is not None}
            yield {"type": kind, **_NEEDED.get(kind, {}), **said}
