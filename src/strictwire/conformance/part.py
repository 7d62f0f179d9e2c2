"""What a dialect brings to the judge of a stream: how its frames look, and what they say.

Contract: the judge of the stream reads blocks and JSON; each object goes to ``chunk`` with the name
of its event. The part says whether more may come, and judges the end.
"""

from __future__ import annotations

from typing import Protocol

from strictwire.conformance.json_text import JsonText, Where


class StreamPart(Protocol):
    @property
    def names_events(self) -> bool: ...  # each frame bears the type of its object as its name

    @property
    def has_begun(self) -> bool: ...  # the reply says something, so its prompt was read

    @property
    def keeps_alive_by_comment(self) -> bool: ...  # False: by an event of its own

    @property
    def over(self) -> str:
        """The check that finds whatever follows but ``[DONE]``; empty while more may come."""
        ...

    def chunk(self, text: JsonText, event: bytes) -> None: ...

    def end(self, offset: Where, *, has_done: bool) -> None:
        """``offset``: the place of [DONE], or the body's end."""
        ...
