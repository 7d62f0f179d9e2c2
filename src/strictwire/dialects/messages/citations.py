"""Citations of the web, as both sides name them: ``citations_delta`` and ``url_citation``.

Contract: pure. Only what points to an address meets; a place in a document of the request has no
name in other dialects. Where in the text a citation belongs is told by its block here and by
offsets there: the offsets are 0 where nobody counted them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_WEB = "web_search_result_location"


def annotation_of(citation: dict[str, Any]) -> dict[str, Any] | None:
    """A citation as chat has it; None where it has no address."""
    url = citation.get("url")
    if citation.get("type") != _WEB or not isinstance(url, str):
        return None
    told = {"start_index": 0, "end_index": 0, "url": url, "title": citation.get("title") or ""}
    cited = {name: citation[name] for name in ("cited_text", "encrypted_index") if name in citation}
    return {"type": "url_citation", "url_citation": told | cited}


def citations_of(annotations: Any) -> Iterator[dict[str, Any]]:
    """The citations among chat's annotations."""
    for annotation in annotations if isinstance(annotations, list) else ():
        told = annotation.get("url_citation") if isinstance(annotation, dict) else None
        if isinstance(told, dict) and isinstance(told.get("url"), str):
            yield {
                "type": _WEB,
                "cited_text": _text(told, "cited_text") or _text(told, "content"),
                "encrypted_index": _text(told, "encrypted_index"),
                "title": _text(told, "title") or None,
                "url": told["url"],
            }


def _text(told: dict[str, Any], name: str) -> str:
    value = told.get(name)
    return value if isinstance(value, str) else ""
