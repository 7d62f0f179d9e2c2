"""The free text of a custom tool as the JSON object that Messages wants for an input.

Contract: pieces in, pieces out; together they are ``{"input": "<the text>"}``, whose end is told
by ``end``. Only a Responses or chat upstream that calls such a tool unasked needs it.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec


@dataclass(slots=True)
class CustomInput:
    has_begun: bool = False

    def piece(self, text: str) -> str:
        head = "" if self.has_begun else '{"input":"'
        self.has_begun = True
        return head + msgspec.json.encode(text).decode()[1:-1]

    def end(self) -> str:
        return self.piece("") + '"}'
