"""What stands in a message to Ollama: one text, and images beside it.

Contract: texts are joined in their order, and where an image stood among them is lost: this API has
no place for it. Images and documents that it could not hold are a ``CallerError`` (400) that names
the field.
"""

from __future__ import annotations

from typing import Any

import msgspec

from strictwire.dialects.losses import Losses, cannot_hold
from strictwire.dialects.media import document, split_data_url, text_of_file
from strictwire.model.conversation import File, Image, Part, Refusal, Text, Turn

_BLANK_LINE = "\n\n"
# The field of a call whose arguments are no JSON object, and would be refused as they are.
_UNPARSED = "arguments"


def content_of(turn: Turn, losses: Losses) -> dict[str, Any]:
    """``content``, and ``images`` where there are any."""
    texts: list[str] = []
    images: list[str] = []
    for part in turn.parts:
        if isinstance(part, Text | Image | File) and part.is_cache_point:
            losses.drop("cache_control")
        if isinstance(part, Image):
            images.append(_image(part, losses))
        else:
            texts.append(_text(part))
    told: dict[str, Any] = {"content": _BLANK_LINE.join(texts)}
    return told | {"images": images} if images else told


def arguments_of(told: str) -> msgspec.Raw | dict[str, Any]:
    """A call's arguments as an object, spelled as the model did."""
    if not told.strip():
        return {}
    try:
        is_object = isinstance(msgspec.json.decode(told), dict)
    except (msgspec.DecodeError, RecursionError):
        is_object = False
    return msgspec.Raw(told.encode()) if is_object else {_UNPARSED: told}


def _text(part: Part) -> str:
    match part:
        case Text() | Refusal():
            return part.text
        case File():
            text = text_of_file(part)
            if text is None:
                raise cannot_hold(part.at, "is no text", "ollama", "Send the document's text")
            return document(text, part.name)
        case _:
            raise cannot_hold(part.at, "is neither text nor image", "ollama")


def _image(image: Image, losses: Losses) -> str:
    if not image.url:
        raise cannot_hold(image.at, "names an image that another server keeps", "ollama")
    embedded = split_data_url(image.url)
    if embedded is None:
        raise cannot_hold(
            image.at, "is an image behind a URL", "ollama", "Send its bytes as a data URL"
        )
    if image.detail and image.detail != "auto":
        losses.drop("messages.detail")
    return embedded[1]
