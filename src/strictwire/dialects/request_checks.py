"""What is checked of every model request, and the words in which a wrong value is refused.

Contract: raises ``CallerError`` (400) that names the field. A dialect's own fields are checked
where its request is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from strictwire.model.errors import CallerError

Number = int | float

# OpenAI's own bound for `n`; a choice costs the upstream a slot and us a little memory.
MAX_CHOICES = 128
_INT64 = 2**63


class StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


def require(fields: Mapping[str, msgspec.Raw], names: Iterable[str]) -> None:
    for name in names:
        if name not in fields:
            raise CallerError(
                f"Missing required parameter: '{name}'.",
                param=name,
                code="missing_required_parameter",
            )


def check_model(model: str) -> None:
    if not model.strip():
        raise invalid_value("model", "must not be empty")


def check_choices(choices: int | None) -> None:
    if choices is not None and not 1 <= choices <= MAX_CHOICES:
        raise invalid_value("n", f"must be between 1 and {MAX_CHOICES}")


def check_integers(parsed: msgspec.Struct, names: Iterable[str]) -> None:
    """Upstreams read these into 64 bits; a larger one would be a crash or another number."""
    for name in names:
        value = getattr(parsed, name)
        if value is not None and not -_INT64 <= value < _INT64:
            raise invalid_value(name, "must fit 64 bits")


def asks_usage(is_stream: bool | None, options: StreamOptions | None) -> bool:
    """Usage in a chunk of its own: only a stream has one."""
    return bool(is_stream and options and options.include_usage)


def invalid_value(name: str, problem: str) -> CallerError:
    return CallerError(f"Invalid value for '{name}': {problem}.", param=name, code="invalid_value")
