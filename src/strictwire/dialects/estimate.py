"""About how many tokens a prompt is, for servers that do not count them.

Contract: ``estimate_tokens`` is quick, needs no tokenizer, and gives the same request the same
number. It is an estimate: English prose and code come out within about a fifth of what today's
tokenizers say, other scripts further off. Never use it for bills.

- Text, tool schemas, arguments: one token for each 4 bytes of UTF-8.
- 4 tokens for each turn, 8 for each tool, 3 for the beginning of the answer: what templates add.
- Images 1,200 each and documents 3,000, whatever their size; audio one for each 400 bytes.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from strictwire.dialects.model_request import ModelRequest
from strictwire.dialects.translation import read_conversation
from strictwire.model.conversation import (
    Audio,
    Conversation,
    File,
    Image,
    Native,
    Part,
    Reasoning,
    Refusal,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from strictwire.model.errors import CallerError

_BYTES_PER_TOKEN = 4
_TOKENS_PER_TURN = 4
_TOKENS_PER_TOOL = 8
_TOKENS_OF_ANSWER_START = 3
# Between what OpenAI (765 for 1024 x 1024) and Anthropic (1,600 for their largest) count.
_TOKENS_PER_IMAGE = 1200
# A page of a PDF is 1,500 to 3,000; how many pages there are only a reader could say.
_TOKENS_PER_FILE = 3000
_AUDIO_BYTES_PER_TOKEN = 400


def estimate_tokens(told: Conversation | ModelRequest) -> int:
    """The length of the prompt in tokens, at least 1. A request whose shape only its own server
    understands is taken for text as it stands."""
    if isinstance(told, Conversation):
        return _conversation(told)
    try:
        return _conversation(read_conversation(told))
    except CallerError:
        return max(1, len(told.raw) // _BYTES_PER_TOKEN)


def _conversation(told: Conversation) -> int:
    tokens = _TOKENS_OF_ANSWER_START + _TOKENS_PER_TURN * len(told.turns)
    tokens += _TOKENS_PER_TOOL * len(told.tools)
    tokens += sum(_parts(turn.parts) for turn in told.turns)
    for tool in told.tools:
        if isinstance(tool, Tool):
            tokens += _text(tool.name, tool.description, tool.namespace_description)
            tokens += _json(tool.parameters or tool.format)
        else:
            tokens += _json(tool.value)
    if told.output is not None:
        tokens += _json(told.output.schema)
    return tokens


def _parts(parts: Iterable[Part]) -> int:
    return sum(map(_part, parts))


def _part(part: Part) -> int:
    match part:
        case Text() | Refusal():
            return _text(part.text)
        case Image():
            return _TOKENS_PER_IMAGE
        case File():
            return _TOKENS_PER_FILE
        case Audio():
            return len(part.data) // _AUDIO_BYTES_PER_TOKEN
        case Reasoning():
            return _text(part.text)
        case ToolCall():
            return _TOKENS_PER_TOOL + _text(part.name, part.arguments)
        case ToolResult():
            return _TOKENS_PER_TOOL + _parts(part.parts)
        case Native():
            return _json(part.value)


def _text(*texts: str) -> int:
    return sum(len(text.encode()) for text in texts) // _BYTES_PER_TOKEN


def _json(value: object) -> int:
    return len(msgspec.json.encode(value)) // _BYTES_PER_TOKEN if value is not None else 0
