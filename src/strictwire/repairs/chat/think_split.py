"""Text with thinking between tags: the thinking and the answer, piece by piece.

Contract: ``feed`` takes the next piece and returns what of it is thinking and what is answer;
``finish`` returns what was held in case it was half a tag. How the text is cut makes no
difference, but for a closer without an opener: only text that was not yet said can become
thinking. Tags and the blank lines around them are taken out, all else is kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_OPENERS = ("<think>", "<thinking>")
_CLOSERS = ("</think>", "</thinking>")
_CLOSER = re.compile("</think(?:ing)?>")
_TAG = re.compile("</?think(?:ing)?>")
_BLANK_LINES = re.compile(r"\A(?:[ \t\r]*\n)+")
# Blanks before an opener, or before the answer, are a line or two; who sends more means them.
MAX_HELD_BLANKS = 256

# start: nothing but blanks came. opened: the same, but the opener stands in the prompt.
# begun: the opener came. after: the closer came. answer: text came, a closer still may.
# plain: tags mean nothing any more.
Phase = Literal["start", "opened", "begun", "thinking", "after", "answer", "plain"]


@dataclass(slots=True)
class ThinkSplit:
    phase: Phase
    held: str = ""
    has_split: bool = False

    def feed(self, text: str) -> tuple[str, str]:
        """What of the text is thinking, and what is answer, in this order."""
        text, self.held = self.held + text, ""
        thought, said = "", ""
        while text:
            if self.phase in ("start", "opened"):
                text = self._at_start(text)
            elif self.phase == "begun":
                text = text.lstrip()
                self.phase = "thinking" if text else "begun"
            elif self.phase == "thinking":
                more, text = self._until_closer(text)
                thought += more
            elif self.phase == "after":
                text = self._after_closer(text)
            elif self.phase == "answer":
                more, text, is_thought = self._until_tag(text)
                said += more
                if is_thought:
                    thought, said = thought + said, ""
            else:
                return thought, said + text
        return thought, said

    def trust(self) -> None:
        """Somebody else has taken the thinking out: unless a tag came before, none means much."""
        if self.phase in ("start", "opened", "answer"):
            self.phase = "plain"

    def finish(self) -> tuple[str, str]:
        """What was held is no tag, since no more of it comes."""
        held, self.held = self.held, ""
        if self.phase == "after":
            return "", ""
        if self.phase in ("opened", "thinking"):
            self.phase = "thinking"
            return held, ""
        if self.phase == "start" and held:
            self.phase = "answer"
        return "", held

    def _at_start(self, text: str) -> str:
        body = text.lstrip()
        for opener in _OPENERS:
            if body.startswith(opener):
                self.phase, self.has_split = "begun", True
                return body[len(opener) :]
            if opener.startswith(body) and len(text) <= MAX_HELD_BLANKS:
                self.held = text
                return ""
        if self.phase == "opened":
            self.phase, self.has_split = "begun", True
        else:
            self.phase = "answer"
        return text

    def _until_closer(self, text: str) -> tuple[str, str]:
        match = _CLOSER.search(text)
        if match is not None:
            self.phase = "after"
            return text[: match.start()], text[match.end() :]
        return self._without_half_tag(text, _CLOSERS), ""

    def _after_closer(self, text: str) -> str:
        text = _BLANK_LINES.sub("", text)
        if not text.strip() and len(text) <= MAX_HELD_BLANKS:
            self.held = text
            return ""
        self.phase = "plain"
        return text

    def _until_tag(self, text: str) -> tuple[str, str, bool]:
        """What comes before the next tag, what after it, and whether the first is thinking."""
        match = _TAG.search(text)
        if match is None:
            return self._without_half_tag(text, (*_OPENERS, *_CLOSERS)), "", False
        if match.group() in _OPENERS:
            # A text that speaks of the tag: what closes it later is part of the text too.
            self.phase = "plain"
            return text[: match.end()], text[match.end() :], False
        self.phase, self.has_split = "after", True
        return text[: match.start()], text[match.end() :], True

    def _without_half_tag(self, text: str, tags: tuple[str, ...]) -> str:
        at = text.rfind("<")
        if at >= 0 and any(tag.startswith(text[at:]) for tag in tags):
            self.held = text[at:]
            return text[:at]
        return text
