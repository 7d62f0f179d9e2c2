"""Values of a request that was only checked on its surface, read with the name of their place.

Contract: each function returns the value as the type that is wanted, or raises a ``CallerError``
(400) that names the field and never repeats what stands there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from strictwire.model.errors import CallerError


def decoded(fields: Mapping[str, msgspec.Raw]) -> dict[str, Any]:
    """A request's fields as plain values; what is null was not told."""
    told = {name: msgspec.json.decode(value) for name, value in fields.items()}
    return {name: value for name, value in told.items() if value is not None}


def text_of(value: Any, at: str) -> str:
    if not isinstance(value, str):
        raise wrong_type(at, "a string")
    return value


def object_of(value: Any, at: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise wrong_type(at, "an object")
    return value


def list_of(value: Any, at: str) -> list[Any]:
    if not isinstance(value, list):
        raise wrong_type(at, "an array")
    return value


def objects_of(value: Any, at: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Each object of a list, with its own place."""
    for place, one in enumerate(list_of(value, at)):
        yield object_of(one, f"{at}[{place}]"), f"{at}[{place}]"


def text_in(told: Mapping[str, Any], name: str, at: str) -> str:
    """A text that must be there."""
    if name not in told:
        raise CallerError(
            f"Missing required parameter: '{at}.{name}'.",
            param=f"{at}.{name}",
            code="missing_required_parameter",
        )
    return text_of(told[name], f"{at}.{name}")


def object_in(told: Mapping[str, Any], name: str, at: str) -> dict[str, Any]:
    """An object that must be there."""
    return object_of(told.get(name), f"{at}.{name}")


def maybe_text(told: Mapping[str, Any], name: str, at: str) -> str:
    """A text, empty where it is not there or null."""
    value = told.get(name)
    return "" if value is None else text_of(value, f"{at}.{name}")


def maybe_object(told: Mapping[str, Any], name: str, at: str) -> dict[str, Any] | None:
    value = told.get(name)
    return None if value is None else object_of(value, f"{at}.{name}")


def maybe_flag(told: Mapping[str, Any], name: str, at: str) -> bool | None:
    value = told.get(name)
    if value is not None and not isinstance(value, bool):
        raise wrong_type(f"{at}.{name}", "a boolean")
    return value


def wrong_type(at: str, wanted: str) -> CallerError:
    return CallerError(
        f"Invalid type for '{at}': expected {wanted}.", param=at, code="invalid_type"
    )


def unknown_kind(at: str, what: str) -> CallerError:
    return CallerError(
        f"Invalid value for '{at}': no {what} that is known here.", param=at, code="invalid_value"
    )
