"""One chunk of a stream: what kind of object it is, its choices, usage and envelope.

Contract: ``chunk`` judges one JSON object of the stream. What must not be there at all is told
once, and nothing else of it is judged. What a choice says is for the dialect's own judge.
Source: docs/contract.md, "Chat chunks".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from strictwire.conformance import usage
from strictwire.conformance.choice_fields import Names
from strictwire.conformance.errors import is_error, is_well_shaped
from strictwire.conformance.extra_fields import TOP_FIELDS, without_strangers
from strictwire.conformance.json_text import JsonText, Where
from strictwire.conformance.progress import ProgressJudge
from strictwire.conformance.reply import Reply
from strictwire.conformance.usage import is_whole_number

# What a chunk has at least one of.
MARKS = frozenset(("choices", "usage", "prompt_progress", "error", "x_groq"))


class ChoiceJudge(Protocol):
    """A dialect's part. ``names`` may change once the reply shows what it is."""

    names: Names

    def choice(self, value: dict[str, Any], place: int, text: JsonText) -> bool:
        """Judge one choice of a chunk; False where it should not be there at all."""
        ...

    def close(self, offset: Where) -> None:
        """The stream has ended at this byte."""
        ...


@dataclass(slots=True)
class ChunkJudge:
    """The part of a dialect that tells its choices in chunks."""

    names_events: ClassVar[bool] = False
    keeps_alive_by_comment: ClassVar[bool] = True

    reply: Reply
    choices: ChoiceJudge
    progress: ProgressJudge
    envelope: tuple[Any, ...] | None = None

    @property
    def has_begun(self) -> bool:
        return self.reply.has_begun

    @property
    def over(self) -> str:
        return "" if self.reply.error_at is None else "reply.after-error"

    def end(self, offset: Where, *, has_done: bool) -> None:
        if self.reply.error_at is None:
            self.choices.close(offset)
        self.reply.end(offset, has_done=has_done, needs_done=True)

    def chunk(self, text: JsonText, event: bytes = b"") -> None:
        value, found = text.value, self.reply.found
        if "characters" in text.problems:
            found.add("chat.split-character", text.start)
        if is_error(value, MARKS):
            if not is_well_shaped(value):
                found.add("chat.error-shape", text.at("error"))
            self.reply.error_at = text.start
            return
        if "error" in value:
            found.add("chat.error-shape", text.at("error"), "empty, beside a healthy chunk")
        if not MARKS & value.keys():
            found.add("chat.foreign-frame", text.start)
            return
        if "prompt_progress" in value and self._is_only_progress(value, text):
            return
        without_strangers(value, TOP_FIELDS, (), text, self.reply)
        if self._says_something(value, text):
            self._envelope(value, text)

    def _is_only_progress(self, value: dict[str, Any], text: JsonText) -> bool:
        """Judges the progress; True where the chunk holds nothing else."""
        if self.reply.asked.progress == "chunk":
            self.progress.is_over = self.reply.has_begun
            self.progress.in_chunk(value["prompt_progress"], text)
            if _is_progress_chunk(value):
                self._envelope(value, text)
                return True
        self.reply.found.add("chat.progress-frame", text.at("prompt_progress"))
        return not _tells_more(value)

    def _says_something(self, value: dict[str, Any], text: JsonText) -> bool:
        found, choices = self.reply.found, value.get("choices")
        if not isinstance(choices, list) or not all(isinstance(one, dict) for one in choices):
            found.add("chat.choices-null", text.at("choices"))
            if not isinstance(choices, list):
                choices = []
        has_usage = usage.in_chunk(value)[0] is not None
        if not choices and not has_usage:
            if isinstance(value.get("choices"), list):
                found.add(
                    self.choices.names.empty_rule, text.at("choices"), "no choice and no usage"
                )
            return False
        if len(choices) > 1:
            self.reply.has_several_choices = True
            found.add("chat.choices-together", text.at("choices"))
        told = [
            self.choices.choice(one, place, text)
            for place, one in enumerate(choices)
            if isinstance(one, dict)
        ]
        if any(told) and self.reply.usage_at is not None:
            found.add("reply.usage-repeated", text.start, "a chunk follows the usage")
        if any(told) or not choices or has_usage:
            usage.judge_in_chunk(value, text, self.reply, has_choices=any(told))
        return any(told) or usage.is_told(usage.in_chunk(value)[0])

    def _envelope(self, value: dict[str, Any], text: JsonText) -> None:
        """id, object, created, model: present and constant."""
        names, found = self.choices.names, self.reply.found
        told = tuple(value.get(name) for name in ("id", "created", "model"))
        identity, created, model = told
        wrong = [
            name
            for name, is_right in (
                ("id", is_own_id(identity, names.foreign_prefix)),
                ("created", is_whole_number(created) and created),
                ("model", isinstance(model, str) and model),
                ("object", value.get("object") in (names.chunk_object, *names.other_objects)),
            )
            if not is_right
        ]
        if self.envelope is None:
            self.envelope = told
        wrong += [
            name
            for name, new, old in zip(("id", "created", "model"), told, self.envelope, strict=True)
            if new != old and name not in wrong
        ]
        for name in wrong:
            found.add(names.envelope_rule, text.at(name), name)


def is_own_id(identity: Any, foreign_prefix: str) -> bool:
    if not isinstance(identity, str) or not identity:
        return False
    return not (foreign_prefix and identity.startswith(foreign_prefix))


def _is_progress_chunk(value: dict[str, Any]) -> bool:
    """A complete chunk with one choice, an empty delta and no finish reason."""
    choices = value.get("choices")
    if not isinstance(choices, list) or len(choices) != 1 or not isinstance(choices[0], dict):
        return False
    told = {name: choices[0].get(name) for name in ("index", "delta", "finish_reason")}
    return told == {"index": 0, "delta": {}, "finish_reason": None}


def _tells_more(value: dict[str, Any]) -> bool:
    """Whether a chunk with progress says anything beside it."""
    if value.get("usage"):
        return True
    choices = value.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if not isinstance(choice, dict) or choice.get("finish_reason"):
            return True
        # A completion says its text where chat has a delta.
        told = choice.get("delta") if "delta" in choice else {"text": choice.get("text", True)}
        if not isinstance(told, dict) or any(told[name] for name in told if name != "role"):
            return True
    return False
