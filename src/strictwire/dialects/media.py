"""Images and documents inside requests: data URLs and base64, and texts that came as files."""

from __future__ import annotations

import base64
import binascii
import re

from strictwire.model.conversation import File

# RFC 2397, as far as requests use it: parameters such as a charset are let go.
_DATA_URL = re.compile(r"data:([^;,]*)(?:;[^;,]*)*;base64,", re.IGNORECASE)
_TYPES_BY_ENDING = {
    "pdf": "application/pdf", "txt": "text/plain", "md": "text/markdown", "csv": "text/csv",
    "html": "text/html", "json": "application/json", "xml": "text/xml",
}  # fmt: skip
_TEXTUAL = frozenset(("application/json", "application/xml", "application/yaml"))


def split_data_url(url: str) -> tuple[str, str] | None:
    """The media type and the base64 text; None for what is no such URL."""
    match = _DATA_URL.match(url)
    return (match[1].lower(), url[match.end() :]) if match else None


def data_url(media_type: str, data: str) -> str:
    return f"data:{media_type};base64,{data}"


def media_type_of(file: File) -> str:
    """What was said, else what its name says, else PDF: the one kind that all servers take."""
    ending = file.name.rpartition(".")[2].lower()
    return file.media_type or _TYPES_BY_ENDING.get(ending, "application/pdf")


def text_of_file(file: File) -> str | None:
    """The text of a file that is one; None for others."""
    media_type = media_type_of(file)
    if not file.data or not (media_type.startswith("text/") or media_type in _TEXTUAL):
        return None
    try:
        return base64.b64decode(file.data, validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def document(text: str, title: str = "") -> str:
    """A document's text as a part of a prompt."""
    opening = f'<document title="{title}">' if title else "<document>"
    return f"{opening}\n{text}\n</document>"
