"""The rule for a completion's envelope: chat's, with the names of this wire."""

from __future__ import annotations

from dataclasses import dataclass

from strictwire.repairs.chat.envelope import Envelope

KIND = "text_completion"
_PREFIX = "cmpl-"
_CHAT_PREFIX = "chatcmpl-"


def own_id(told: str) -> str:
    """The id with this dialect's prefix where it has chat's."""
    if told.startswith(_CHAT_PREFIX):
        return _PREFIX + told.removeprefix(_CHAT_PREFIX)
    return told


@dataclass(slots=True)
class CompletionsEnvelope(Envelope):
    """Keep ``id``, ``object``, ``created`` and ``model`` present and constant, and no chat's.

    As ``chat.envelope``. Besides, servers that share the code of both paths send completions
    whose id says ``chatcmpl-``: clients that look at the prefix take the reply for another kind.
    """

    name = "completions.envelope"
    title = "The envelope is incomplete or changes, or is chat's"
    quirks = (37, 40, 41, 45, 87, 88, 95)
    evidence = "lab:completions-chat-id"

    kind = KIND
    id_prefix = _PREFIX

    def own_id(self, told: str) -> str:
        return own_id(told)
