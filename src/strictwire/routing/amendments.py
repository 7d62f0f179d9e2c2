"""What may be done about a request field that an upstream refused: left out, renamed, or turned.

Contract: pure. ``amend`` takes what a server was seen to refuse and says how the next request to it
differs from what the client sent. Only fields of the tables here are ever touched. All others
(the model, messages, prompt, input, tools, tool choice, response format, number of choices, stop
texts, limits, logit bias) belong to the question: to leave one out in silence would answer another
one, so a refusal of those goes to the client as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from strictwire.model.request import UpstreamDialect

# The fields that the gateway adds on its own account. Where the client sent them too they go all
# the same: a reply without progress or usage is better than none.
ADDED_FIELDS = ("return_progress", "stream_options", "include_obfuscation")


@dataclass(frozen=True, slots=True)
class FieldGroup:
    """Fields of the client's that may be left out, and why the answer stays one."""

    reason: str
    names: tuple[str, ...]


DROPPABLE: tuple[FieldGroup, ...] = (
    FieldGroup(
        "They say how tokens are drawn. Drawn another way, the answer is one to the same question.",
        (
            "temperature", "top_p", "top_k", "min_p", "typical_p", "top_a", "seed",
            "repetition_penalty", "repeat_penalty", "frequency_penalty", "presence_penalty",
        ),
    ),
    FieldGroup(
        "They say for whom and for which books a request is made, or where it is kept: the answer "
        "does not depend on them.",
        (
            "user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key",
            "prompt_cache_retention", "cache_prompt", "client_metadata",
        ),
    ),
    FieldGroup(
        "They are hints on how hard to think, how long to write, how fast to call tools or what to "
        "forget of a long conversation; servers that know them may ignore them as well.",
        (
            "reasoning_effort", "reasoning", "thinking", "think", "verbosity", "prediction",
            "parallel_tool_calls", "chat_template_kwargs", "context_management",
        ),
    ),
    FieldGroup(
        "They say how a reply is told, not what it says.",
        ("stream_options", "return_progress", "include"),
    ),
)  # fmt: skip
DROPPABLE_FIELDS: frozenset[str] = frozenset(name for group in DROPPABLE for name in group.names)

# The same bound under two names, in chat. Only where the request has no field of the other name.
RENAMES: Mapping[str, str] = MappingProxyType(
    {"max_completion_tokens": "max_tokens", "max_tokens": "max_completion_tokens"}
)

_NO_RENAMES: Mapping[str, str] = MappingProxyType({})

# Not fields but what was refused of one: the reply is asked for in the other way, and made what
# the client wants on its way.
STREAM_REFUSED = "stream=true"
WHOLE_REFUSED = "stream=false"

# One thing under the names of several dialects: a field that was refused of a translated request is
# told to the client under the name that it used.
_SAME: tuple[frozenset[str], ...] = (
    frozenset(("max_tokens", "max_completion_tokens", "max_output_tokens")),
    frozenset(("reasoning_effort", "reasoning", "thinking", "think", "output_config")),
    frozenset(("verbosity", "text")),
    frozenset(("user", "safety_identifier", "metadata")),
    frozenset(("parallel_tool_calls", "tool_choice")),
    frozenset(("cache_prompt", "cache_control")),
)


@dataclass(frozen=True, slots=True)
class Amendment:
    """How a request is changed for a server. ``dropped`` and ``renamed`` name fields that the
    client sent; ``unsent`` are those that the gateway does not add."""

    asks_stream: bool
    dropped: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    unsent: frozenset[str] = frozenset()
    is_turned: bool = False

    @property
    def is_any(self) -> bool:
        """Whether anything is asked for otherwise than it would be of other servers."""
        return bool(self.dropped or self.renamed or self.unsent or self.is_turned)


def amend(
    fields: Collection[str],
    refused: Collection[str],
    *,
    asks_stream: bool,
    dialect: UpstreamDialect = "chat",
) -> Amendment:
    """The amendment of a request in ``dialect`` with these top-level ``fields``, for a server that
    refused ``refused``. ``asks_stream`` is how the reply would be asked for."""
    if not refused:
        return Amendment(asks_stream)
    refused_way, other_way = (
        (STREAM_REFUSED, WHOLE_REFUSED) if asks_stream else (WHOLE_REFUSED, STREAM_REFUSED)
    )
    # A server that was seen to refuse both is asked as ever: one of them was no rule of its own.
    is_turned = refused_way in refused and other_way not in refused
    return Amendment(
        asks_stream=asks_stream is not is_turned,
        dropped=tuple(name for name in fields if name in refused and name in DROPPABLE_FIELDS),
        renamed={
            name: other
            for name, other in _renames(dialect).items()
            if name in refused and name in fields and other not in fields and other not in refused
        },
        unsent=frozenset(name for name in ADDED_FIELDS if name in refused),
        is_turned=is_turned,
    )


def amendable(fields: Collection[str], dialect: UpstreamDialect = "chat") -> tuple[str, ...]:
    """Those of a request's fields about which ``amend`` could do something."""
    renames = _renames(dialect)
    return tuple(
        name
        for name in fields
        if name in DROPPABLE_FIELDS or (name in renames and renames[name] not in fields)
    )


def as_sent(dropped: Iterable[str], sent: Collection[str]) -> tuple[str, ...]:
    """Fields that an upstream did not get, under the names that the client ``sent`` them by. Those
    that the client did not send in any form are left out: a translation had added them."""
    names: dict[str, None] = {}
    for name in dropped:
        if name in sent:
            names[name] = None
            continue
        for same in _SAME:
            if name in same:
                names |= {other: None for other in sent if other in same}
                break
    return tuple(names)


def _renames(dialect: UpstreamDialect) -> Mapping[str, str]:
    return RENAMES if dialect in ("chat", "completions") else _NO_RENAMES
