"""A request body that was read as far as the gateway must, and how it is written for an upstream.

Contract: what every dialect's request has in common. What is not ours to know passes: unknown
fields are kept to the byte, and a body that needs no change goes upstream as it came. Checking is
the dialects' own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import msgspec

from strictwire.model.request import Dialect

# Random text beside each delta, so that their sizes tell nothing. OpenAI sends it unless told not
# to (API reference, "stream_options").
_PADDING = "include_obfuscation"
_PADDED: frozenset[Dialect | None] = frozenset(("chat", "completions", "responses"))


@dataclass(frozen=True, slots=True)
class UpstreamAsk:
    """How an upstream is asked. ``asks_plain``: for a stream without padding. ``without`` names
    fields that are neither sent on nor added; ``renamed`` gives the client's fields that are sent
    under another name."""

    model: str
    is_stream: bool
    asks_usage: bool = False
    asks_progress: bool = False
    asks_plain: bool = False
    without: Collection[str] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """``raw`` is the body as it came, ``fields`` its top level, each value still as bytes.
    ``choices`` answer all ``prompts`` together. ``tools`` names the tools that the reply may call.
    ``dialect`` is None for what is no conversation. ``takes_options``: its dialect knows
    ``stream_options.include_usage``; ``takes_progress``: servers were seen that know
    ``return_progress`` in it. Others are never sent them."""

    dialect: ClassVar[Dialect | None] = None
    takes_options: ClassVar[bool] = True
    takes_progress: ClassVar[bool] = True

    model: str
    is_stream: bool = False
    includes_usage: bool = False
    choices: int | None = None
    prompts: int = 1
    tools: frozenset[str] = frozenset()
    raw: bytes = field(repr=False)
    fields: Mapping[str, msgspec.Raw] = field(repr=False)

    def upstream_body(self, ask: UpstreamAsk) -> bytes:
        """The body for an upstream."""
        changed = self._changes(ask)
        dropped = {name for name in ask.without if name in self.fields or name in changed}
        says_nothing = not ask.is_stream or not _stream_options(self.fields)
        if "stream_options" in self.fields and says_nothing and "stream_options" not in changed:
            # OpenAI rejects it without a stream. Empty, it truncates a server's stream (quirk 88).
            dropped.add("stream_options")
        if not changed and not dropped and not ask.renamed:
            return self.raw
        merged: dict[str, Any] = {**self.fields, **changed}
        return msgspec.json.encode(
            {ask.renamed.get(k, k): v for k, v in merged.items() if k not in dropped}
        )

    @property
    def places(self) -> int:
        """How many answers it asks for at once."""
        return self.choices or 1

    def may_unpad(self) -> bool:
        """Whether a stream without padding can be asked for, where its client did not say."""
        return self.dialect in _PADDED and _PADDING not in _stream_options(self.fields)

    def _changes(self, ask: UpstreamAsk) -> dict[str, Any]:
        changed: dict[str, Any] = {}
        if ask.model != self.model:
            changed["model"] = ask.model
        if ask.is_stream != self.is_stream:
            changed["stream"] = ask.is_stream
        if not ask.is_stream:
            return changed
        options: dict[str, Any] = {}
        if ask.asks_usage and self.takes_options and not self.includes_usage:
            options["include_usage"] = True
        if ask.asks_plain and _PADDING not in ask.without and self.may_unpad():
            options[_PADDING] = False
        if options:
            changed["stream_options"] = _stream_options(self.fields) | options
        if ask.asks_progress and self.takes_progress:
            changed["return_progress"] = True
        return changed


def _stream_options(fields: Mapping[str, msgspec.Raw]) -> dict[str, Any]:
    options = fields.get("stream_options")
    told = msgspec.json.decode(options) if options else None
    return told if isinstance(told, dict) else {}
