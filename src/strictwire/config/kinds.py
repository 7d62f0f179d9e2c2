"""The kinds of values that settings take: what is accepted, and how an editor's schema says so.

A scalar kind turns one YAML scalar into one value (``accept``, which raises ``Rejected``). A
container kind only says what it holds; ``reading`` walks it, because its problems have places.
Contract: pure; ``schema`` is JSON Schema, draft 2020-12, and accepts all that ``accept`` accepts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from strictwire.config.addresses import Rejected
from strictwire.config.secret import Secret

Json = dict[str, Any]

# A value such as ${NAME} is read from the environment, whatever kind it has afterwards.
FROM_ENVIRONMENT = r"\$\{[A-Za-z_][A-Za-z0-9_]*\}"
_ONLY_FROM_ENVIRONMENT: Json = {"type": "string", "pattern": f"^{FROM_ENVIRONMENT}$"}
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2: token
_HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?")
# Headers that describe one connection or its body: they are not the settings' to say.
RESERVED_HEADERS = frozenset(
    (
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)


@dataclass(frozen=True, slots=True)
class Text:
    """A text. ``normal`` gives its normal form or raises ``Rejected``; ``pattern`` is what an
    editor can know of that."""

    label: str = "a text"
    normal: Callable[[str], object] = str
    pattern: str = r"[^\s]"

    def accept(self, value: object) -> object:
        if not isinstance(value, str):
            raise Rejected(f"must be {self.label}, not {kind_name(value)}", _quoting_hint(value))
        if not value.strip():
            raise Rejected(f"must be {self.label}, not empty")
        return self.normal(value)

    def schema(self) -> Json:
        return {"type": "string", "pattern": f"(?:{self.pattern})|{FROM_ENVIRONMENT}"}


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number between two bounds, both allowed."""

    minimum: int
    maximum: int

    @property
    def label(self) -> str:
        return f"a whole number from {self.minimum} to {self.maximum}"

    def accept(self, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise Rejected(f"must be {self.label}, not {kind_name(value)}")
        if not self.minimum <= value <= self.maximum:
            raise Rejected(f"must be {self.label}")
        return value

    def schema(self) -> Json:
        number = {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}
        return {"anyOf": [number, _ONLY_FROM_ENVIRONMENT]}


@dataclass(frozen=True, slots=True)
class Seconds:
    """A length of time. ``zero`` says what 0 means; empty where 0 is not allowed."""

    zero: str = ""
    maximum: float = 7 * 24 * 3600.0  # a week: longer is a slip of units

    @property
    def label(self) -> str:
        floor = "from 0" if self.zero else "above 0,"
        return f"seconds {floor} up to {self.maximum:.0f}"

    def accept(self, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Rejected(f"must be {self.label}, not {kind_name(value)}", _unit_hint(value))
        is_inside = 0 <= value <= self.maximum if self.zero else 0 < value <= self.maximum
        if math.isnan(value) or not is_inside:
            raise Rejected(f"must be {self.label}", self.zero and f"0 {self.zero}")
        return float(value)

    def schema(self) -> Json:
        floor = {"minimum": 0} if self.zero else {"exclusiveMinimum": 0}
        number = {"type": "number", **floor, "maximum": self.maximum}
        return {"anyOf": [number, _ONLY_FROM_ENVIRONMENT]}


@dataclass(frozen=True, slots=True)
class Switch:
    """``true`` or ``false``; ``on`` and ``off`` are understood too."""

    label: str = "true or false"

    def accept(self, value: object) -> bool:
        if isinstance(value, bool):
            return value
        if value in ("on", "off"):
            return value == "on"
        raise Rejected(f"must be {self.label}, not {kind_name(value)}")

    def schema(self) -> Json:
        return {"anyOf": [{"enum": [True, False, "on", "off"]}, _ONLY_FROM_ENVIRONMENT]}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words; ``true`` and ``false`` are ``on`` and ``off``, as YAML 1.1 has it."""

    values: tuple[str, ...]

    @property
    def label(self) -> str:
        return f"one of {', '.join(self.values)}"

    def accept(self, value: object) -> str:
        if isinstance(value, bool):
            value = "on" if value else "off"
        if isinstance(value, str) and value in self.values:
            return value
        raise Rejected(f"must be {self.label}")

    def schema(self) -> Json:
        words: list[object] = list(self.values)
        words += [value for value, word in ((True, "on"), (False, "off")) if word in words]
        return {"anyOf": [{"enum": words}, _ONLY_FROM_ENVIRONMENT]}


@dataclass(frozen=True, slots=True)
class OneNumber:
    """One of a few whole numbers."""

    values: tuple[int, ...]

    @property
    def label(self) -> str:
        return f"one of {', '.join(map(str, self.values))}"

    def accept(self, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value not in self.values:
            raise Rejected(f"must be {self.label}")
        return value

    def schema(self) -> Json:
        return {"anyOf": [{"enum": list(self.values)}, _ONLY_FROM_ENVIRONMENT]}


@dataclass(frozen=True, slots=True)
class OrNone:
    """A scalar that may be left out in so many words: ``none`` or null."""

    kind: Text

    @property
    def label(self) -> str:
        return f"{self.kind.label}, or none"

    def accept(self, value: object) -> object:
        return None if value in (None, "none") else self.kind.accept(value)

    def schema(self) -> Json:
        return {"anyOf": [self.kind.schema(), {"enum": [None, "none"]}]}


ScalarKind = Text | Whole | Seconds | Switch | Choice | OneNumber | OrNone


@dataclass(frozen=True, slots=True)
class Record:
    """A mapping with the settings of ``cls``. With ``scope``, only those that have it."""

    cls: type
    scope: str = ""
    label: str = "a mapping"


@dataclass(frozen=True, slots=True)
class NamedRecord:
    """A record, or only the text of its ``name``."""

    record: Record
    text: Text
    label: str = "a name, or a mapping with a name"


@dataclass(frozen=True, slots=True)
class Items:
    """A list. ``is_single_allowed``: one item need not be put into a list."""

    item: ScalarKind | Record | NamedRecord
    is_single_allowed: bool = False

    @property
    def label(self) -> str:
        return f"a list ({self.item.label} each)"


@dataclass(frozen=True, slots=True)
class Headers:
    """A mapping from header names to values, which are secrets."""

    label: str = "a mapping of header names to texts"


# The modes that each rule may be given, by its name.
RuleTable = Mapping[str, Sequence[str]]
NO_RULES: RuleTable = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class RuleModes:
    """A mapping from rule names to modes. Both come from the rule table, as an argument."""

    label: str = "a mapping of rule names to their modes"


Kind = ScalarKind | Record | NamedRecord | Items | Headers | RuleModes


def normal_key(text: str) -> Secret:
    """An API key: printable ASCII without spaces, as fits into a header."""
    if not re.fullmatch(r"[\x21-\x7e]+", text):
        raise Rejected("must be an API key: printable ASCII without spaces")
    return Secret(text)


def normal_header_name(name: str) -> str:
    """A header's name in lower case."""
    if not _HEADER_NAME.fullmatch(name):
        raise Rejected("is not a header name")
    if name.lower() in RESERVED_HEADERS:
        raise Rejected("belongs to the connection and cannot be set", "take it out")
    return name.lower()


def normal_header_value(text: str) -> Secret:
    """A header's value: visible ASCII, spaces only inside."""
    if not _HEADER_VALUE.fullmatch(text):
        raise Rejected("must be a header value: ASCII in one line, no space at either end")
    return Secret(text)


def normal_provider_name(text: str) -> str:
    """A name that can stand before a slash (``name/model``)."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text):
        raise Rejected("must be a name of letters, digits, dots, dashes and underscores")
    return text


def normal_model_name(text: str) -> str:
    """A model's name: any text without control characters and outer spaces."""
    if text != text.strip() or not text.isprintable():
        raise Rejected("must be a model name: printable, no space at either end")
    return text


def kind_name(value: object) -> str:
    """What a YAML author would call this value, never the value itself."""
    match value:
        case None:
            return "empty"
        case bool():
            return "a true/false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
    return "a date" if hasattr(value, "year") else "something else"


def _quoting_hint(value: object) -> str:
    is_quotable = value is not None and not isinstance(value, str)
    return "put it in quotes" if is_quotable else ""


def _unit_hint(value: object) -> str:
    is_with_unit = isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?\s*(s|ms|m|h)", value)
    return "write a plain number of seconds" if is_with_unit else ""
