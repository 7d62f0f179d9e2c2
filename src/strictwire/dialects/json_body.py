"""A request body that should be a JSON object: checked, with errors that name the field.

Strict where the wire needs it: no NaN, no lone surrogates, no numbers beyond what JSON readers
agree on, no nesting that would exhaust a reader's stack, no field twice at the top (readers differ
in which they take). Messages name the field and the place, and never repeat what stands there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from strictwire.model.errors import CallerError

T = TypeVar("T")

_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_PLACE = re.compile(r"^(?P<problem>.*?)(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)
_BYTE = re.compile(r"\(byte (\d+)\)")
_TYPES = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "a boolean",
    "object": "an object",
    "array": "an array",
    "null": "null",
}
_SURROGATE = re.compile("[\ud800-\udfff]")
# 64 bits hold 20 digits at most. A longer run may be harmless text: only a closer look can tell.
_MANY_DIGITS = re.compile(rb"[\[:,\s]-?[0-9]{20}")
# Possessive, and an open string reaches to the end: otherwise a body of a few kilobytes, made for
# it, keeps the search busy for seconds, and every stream of the process waits meanwhile.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[{}\[\],:]', re.DOTALL)
# Beyond these a broken body is refused without the name of the field, for the same reason.
_MAX_EXPLAINED_BYTES = 1024 * 1024
_MAX_TOKENS = 200_000
_BOM = b"\xef\xbb\xbf"


def parse_object(body: bytes) -> dict[str, msgspec.Raw]:
    """The top level of a body, its values as bytes. The whole body was checked."""
    try:
        msgspec.json.decode(body)
        fields = _FIELDS.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as problem:
        raise _explained(body, problem) from None
    try:
        odd = _unusual(body) if _MANY_DIGITS.search(body) else None
        twice = _told_twice(body, fields)
    except RecursionError as problem:
        # Python's reader goes less deep than the one above.
        raise _explained(body, problem) from None
    if odd is not None:
        raise odd
    if twice is not None:
        raise _refused("stands twice in the request body", twice)
    return fields


def _told_twice(body: bytes, fields: dict[str, msgspec.Raw]) -> str | None:
    """A top-level field that comes more than once."""
    told = sum(len(name.encode()) + memoryview(fields[name]).nbytes + 4 for name in fields)
    if told + 1 == len(body):
        # Compact JSON, as most clients send it: no byte is left in which another could stand.
        return None
    pairs: list[tuple[str, Any]] = []

    def keep(found: list[tuple[str, Any]]) -> None:
        nonlocal pairs
        pairs = found  # the outermost object is the last to be complete

    json.loads(body, object_pairs_hook=keep)
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    return None


def typed(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """The body as the decoder's type. Raises CallerError that names the field."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as problem:
        raise _wrong_type(str(problem)) from None


def _wrong_type(text: str) -> CallerError:
    match = _PLACE.match(text)
    problem, path = (match["problem"], match["path"] or "") if match else (text, "")
    param = path.lstrip(".") or None
    missing = re.search(r"missing required field `(\w+)`", problem)
    if missing:
        param = f"{param}.{missing[1]}" if param else missing[1]
        return CallerError(
            f"Missing required parameter: '{param}'.",
            param=param,
            code="missing_required_parameter",
        )
    expected = re.match(r"Expected `(.+)`, got `(.+)`", problem)
    if expected:
        wanted = " or ".join(_TYPES.get(name, name) for name in expected[1].split(" | "))
        got = _TYPES.get(expected[2], expected[2])
        problem = f"expected {wanted}, but got {got} instead"
    subject = f"'{param}'" if param else "the request body"
    return CallerError(f"Invalid type for {subject}: {problem}.", param=param, code="invalid_type")


def _explained(body: bytes, problem: Exception) -> CallerError:
    """Why a body is not acceptable JSON. A cold path: it may look at the body again."""
    if not body.strip():
        return _refused("The request body is empty; it must be a JSON object", None)
    if body.startswith(_BOM):
        return _refused("The request body begins with a byte order mark; JSON has none", None)
    if isinstance(problem, RecursionError):
        return _refused("is nested too deeply", _deepest_field(body))
    if isinstance(problem, UnicodeDecodeError):
        return _refused("holds bytes that are not valid UTF-8", _field_of_bad_utf8(body))
    if isinstance(problem, msgspec.ValidationError) and "Expected `object`" in str(problem):
        return _refused("The request body must be a JSON object", None)
    try:
        if len(body) <= _MAX_EXPLAINED_BYTES:
            return _unusual(body) or _refused("The request body is not valid JSON", None)
    except RecursionError:
        return _refused("is nested too deeply", _deepest_field(body))
    except ValueError:
        pass
    offset = _BYTE.search(str(problem))
    place = int(offset[1]) if offset else len(body)
    where = f"at byte {place}" if offset else "because it ends too early"
    return _refused(f"The request body is not valid JSON {where}", _field_at(body, place))


class _Mark(Exception):  # noqa: N818 - raised to leave a walk, not an error
    def __init__(self, problem: str, path: str) -> None:
        self.problem = problem
        self.path = path


def _unusual(body: bytes) -> CallerError | None:
    """The field that Python's more lenient reader accepts and we do not, if there is one."""
    value = json.loads(
        body,
        parse_constant=lambda name: _Odd(f"is {name}, which JSON does not have"),
        parse_int=_integer,
        parse_float=_float,
    )
    try:
        _walk(value, "")
    except _Mark as found:
        return _refused(found.problem, found.path or None)
    return None


class _Odd(str):
    """A marker in the place of a value that is refused; the text says why."""

    __slots__ = ()


def _integer(text: str) -> int | _Odd:
    # The length first: Python refuses to read integers of thousands of digits.
    if len(text) <= 20 and -(2**63) <= int(text) < 2**64:
        return 0
    return _Odd("is an integer that does not fit 64 bits")


def _float(text: str) -> float | _Odd:
    number = float(text)
    return _Odd("is a number out of range") if number in (float("inf"), -float("inf")) else number


def _walk(value: Any, path: str) -> None:
    if isinstance(value, _Odd):
        raise _Mark(str(value), path)
    if isinstance(value, str):
        if _SURROGATE.search(value):
            raise _Mark("holds half a surrogate pair, which is no character", path)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if _SURROGATE.search(name):
                raise _Mark("has a field name with half a surrogate pair", path)
            _walk(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            _walk(inner, f"{path}[{place}]")


def _field_at(body: bytes, place: int) -> str | None:
    """The top-level field in which this byte stands, as far as the brackets tell."""
    found = None
    for start, _, name in _tokens(body):
        if start is None:
            return None  # not reached
        if start >= place:
            break
        found = name
    return found


def _deepest_field(body: bytes) -> str | None:
    """The top-level field with the deepest nesting, in the part that is searched."""
    deepest, found = 0, None
    for _, depth, name in _tokens(body):
        if depth > deepest:
            deepest, found = depth, name
    return found


def _tokens(body: bytes) -> Iterator[tuple[int | None, int, str | None]]:
    """Each token's start, the depth after it, and the top-level field that is open there. A last
    one without a start says that the search was given up."""
    depth, name, candidate = 0, None, None
    for number, match in enumerate(_TOKEN.finditer(body)):
        if number >= _MAX_TOKENS:
            yield None, depth, name
            return
        token = match.group()
        if token in (b"{", b"["):
            depth += 1
        elif token in (b"}", b"]"):
            depth -= 1
            if depth == 0:
                name = None
        elif depth == 1 and token == b":":
            name = candidate
        elif depth == 1 and token == b",":
            name = None
        elif depth == 1 and name is None:
            candidate = token[1:-1].decode("utf-8", "replace")
        yield match.start(), depth, name


def _field_of_bad_utf8(body: bytes) -> str | None:
    try:
        body.decode()
    except UnicodeDecodeError as problem:
        return _field_at(body, problem.start)
    return None


def _refused(problem: str, param: str | None) -> CallerError:
    if problem.startswith("The request body"):
        text = f"{problem}, in the field '{param}'." if param else f"{problem}."
    else:
        text = f"'{param}' {problem}." if param else f"The request body {problem}."
    return CallerError(text, param=param, code="invalid_json")
