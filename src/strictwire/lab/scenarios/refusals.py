"""Servers that refuse a field of the request, each in its own words; healthy without it.

The refusals are as recorded or as reported: OpenAI's for its newer models, FastAPI's list, plain
words. A gateway asks again without what may be left out; what would change the answer it must
not leave out, and what is only a wrong value it must not hide.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import Answer
from strictwire.lab.scenarios.scenario import Builder, Scenario
from strictwire.lab.scenarios.strict import strict_object, strict_stream
from strictwire.lab.script import Reply, error_value, json_reply

Refuse = Callable[[tuple[str, ...]], Reply]


@dataclass(frozen=True, slots=True)
class _Refusal:
    """``fields`` are refused; ``tell`` says so for those of them that came."""

    name: str
    title: str
    fields: tuple[str, ...]
    tell: Refuse
    quirks: tuple[int, ...] = ()

    @property
    def row(self) -> Scenario:
        build = _refusing(self.fields, self.tell)
        return Scenario(
            name=self.name, title=self.title, quirks=self.quirks, stream=build, whole=build
        )


def _refusing(fields: tuple[str, ...], tell: Refuse) -> Builder:
    def build(answer: Answer, ask: Ask) -> Reply:
        told = tuple(field for field in fields if field in ask.fields)
        return tell(told) if told else _healthy(answer, ask)

    return build


def _healthy(answer: Answer, ask: Ask) -> Reply:
    return strict_stream(answer, ask) if ask.is_stream else strict_object(answer, ask)


def _refused(message: str, code: str | None, param: str | None) -> Reply:
    told = error_value(message, type="invalid_request_error", param=param, code=code)
    return json_reply(told, status=400)


def _unknown(fields: tuple[str, ...]) -> Reply:
    """The first of the fields, as OpenAI once told of what it did not know."""
    message = f"Unrecognized request argument supplied: {fields[0]}"
    return _refused(message, "unknown_parameter", fields[0])


def _use_instead(other: str) -> Refuse:
    def tell(fields: tuple[str, ...]) -> Reply:
        message = (
            f"Unsupported parameter: '{fields[0]}' is not supported with this model. "
            f"Use '{other}' instead."
        )
        return _refused(message, "unsupported_parameter", fields[0])

    return tell


def _only_default(fields: tuple[str, ...]) -> Reply:
    message = (
        f"Unsupported value: '{fields[0]}' does not support this value with this model. "
        "Only the default (1) value is supported."
    )
    return _refused(message, "unsupported_value", fields[0])


def _forbidden(fields: tuple[str, ...]) -> Reply:
    """FastAPI with a strict model: all of them at once."""
    told = [
        {
            "type": "extra_forbidden",
            "loc": ["body", field],
            "msg": "Extra inputs are not permitted",
            "input": None,
        }
        for field in fields
    ]
    return json_reply({"detail": told}, status=422)


def _not_understood(fields: tuple[str, ...]) -> Reply:
    """transformers serve, which names them in one sentence."""
    names = ", ".join(f"'{field}'" for field in fields)
    detail = f"Unsupported fields in the request: {{{names}}}"
    return json_reply({"detail": detail}, status=422)


def _keyword(fields: tuple[str, ...]) -> Reply:
    told = {"error": f"generate() got an unexpected keyword argument '{fields[0]}'"}
    return json_reply(told, status=400)


def _bad_value(fields: tuple[str, ...]) -> Reply:
    message = f"Invalid '{fields[0]}': decimal above maximum value. Expected a value <= 2."
    return _refused(message, "decimal_above_max_value", fields[0])


def _refused_tools(fields: tuple[str, ...]) -> Reply:
    return _refused("tools is not supported with this model", "unsupported_parameter", fields[0])


def _no_streams(answer: Answer, ask: Ask) -> Reply:
    if ask.is_stream:
        message = "Unsupported parameter: 'stream' is not supported with this model."
        return _refused(message, "unsupported_parameter", "stream")
    return strict_object(answer, ask)


_REFUSALS = (
    _Refusal("refuses-top-k", "400 for top_k", ("top_k",), _unknown),
    _Refusal(
        "refuses-max-completion-tokens",
        "400 for max_completion_tokens, which wants max_tokens",
        ("max_completion_tokens",),
        _use_instead("max_tokens"),
    ),
    _Refusal(
        "refuses-max-tokens",
        "400 for max_tokens, which wants max_completion_tokens",
        ("max_tokens",),
        _use_instead("max_completion_tokens"),
    ),
    _Refusal(
        "refuses-temperature",
        "400 for any temperature but the default",
        ("temperature",),
        _only_default,
    ),
    _Refusal(
        "refuses-several",
        "422 with FastAPI's list of all fields that are forbidden",
        ("top_k", "min_p", "repetition_penalty", "seed", "user", "metadata"),
        _forbidden,
        (89,),
    ),
    _Refusal(
        "refuses-in-words",
        "422 with one sentence that names all fields",
        ("top_k", "min_p", "seed", "user"),
        _not_understood,
        (89,),
    ),
    _Refusal("refuses-keyword", "400 with a Python error", ("min_p", "top_k"), _keyword, (67,)),
    _Refusal(
        "refuses-value",
        "400 for the value of temperature, whatever it is",
        ("temperature",),
        _bad_value,
    ),
    _Refusal(
        "refuses-tools",
        "400 for tools, without which the answer would be another",
        ("tools",),
        _refused_tools,
    ),
)

ROWS = (
    *(refusal.row for refusal in _REFUSALS),
    Scenario(
        name="refuses-stream",
        title="400 for stream; healthy where one object is asked for",
        stream=_no_streams,
    ),
    replace(
        _Refusal(
            "rejects-unknown-fields",
            "400 for return_progress and stream_options; healthy without them",
            ("return_progress", "stream_options"),
            _unknown,
            (89,),
        ).row,
        # A gateway has to ask again without stream_options, so usage is never told.
        tells_usage=False,
    ),
)
