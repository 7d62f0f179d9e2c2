"""One row per setting. The rows are the fields of the settings classes themselves.

A field is declared once, with its type, default, bounds and words; loader, JSON Schema, docs page
and command line all walk ``rows``. Contract: adding a setting touches its field and nothing else.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, dataclass, field, fields
from functools import cache
from typing import Any, Literal, TypeVar

from strictwire.config.kinds import Kind

T = TypeVar("T")
Scope = Literal["everywhere", "gateway"]
_ROW = "strictwire.setting"


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of one setting. ``doc`` is plain prose without the default and the bounds.

    ``flag`` is its option of ``strictwire serve``, ``flag_value`` the word for its value in the
    help, ``flag_doc`` what only the help says. ``environment`` names a variable that stands in
    for the flag (several values separated by commas). ``is_inherited``: a provider that does not
    say it takes the top level's. ``scope`` "gateway": it makes no sense for a single provider.
    ``only_kind`` names the kind of server for which alone it makes sense, ``not_kind`` the one for
    which it makes none, where there is one.
    ``legacy`` is another name in other programs' files, whose ``true`` means ``legacy_value``.
    """

    name: str
    kind: Kind
    default: object
    doc: str
    flag: str = ""
    flag_value: str = ""
    flag_doc: str = ""
    environment: str = ""
    scope: Scope = "everywhere"
    only_kind: str = ""
    not_kind: str = ""
    is_required: bool = False
    is_inherited: bool = False
    legacy: str = ""
    legacy_value: str = ""


def setting(kind: Kind, doc: str, *, default: T, is_shown_in_repr: bool = True, **more: Any) -> T:
    """Declare a field of a settings class; ``more`` are fields of ``Setting``."""
    return field(
        default=default, repr=is_shown_in_repr, metadata={_ROW: {"kind": kind, "doc": doc, **more}}
    )


def required(kind: Kind, doc: str) -> Any:
    """Declare a field that every file must give."""
    return field(metadata={_ROW: {"kind": kind, "doc": doc, "is_required": True}})


@cache
def rows(cls: type, scope: str = "") -> tuple[Setting, ...]:
    """The settings of a class, in their order; with ``scope`` only those that have it."""
    all_rows = (_row(one) for one in fields(cls))
    return tuple(row for row in all_rows if not scope or row.scope == scope)


def _row(declared: Field[Any]) -> Setting:
    default = None if declared.default is MISSING else declared.default
    return Setting(name=declared.name, default=default, **declared.metadata[_ROW])
