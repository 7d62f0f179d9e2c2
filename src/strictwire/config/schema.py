"""The table as a JSON Schema (draft 2020-12), for editors that complete and check YAML.

Contract: the schema takes every file that the loader takes. It cannot know what lies beyond one
value: the environment, names that clash, a public address without a key.
"""

from __future__ import annotations

from typing import Any, assert_never

from strictwire.config.kinds import (
    NO_RULES,
    Choice,
    Headers,
    Items,
    Json,
    Kind,
    NamedRecord,
    OneNumber,
    OrNone,
    Record,
    RuleModes,
    RuleTable,
    Seconds,
    Switch,
    Text,
    Whole,
)
from strictwire.config.secret import Secret
from strictwire.config.settings import Settings
from strictwire.config.table import Setting, rows

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(known_rules: RuleTable = NO_RULES) -> Json:
    """The schema of a settings file. Without ``known_rules``, any rule name is taken."""
    body = _of_kind(Record(Settings), known_rules)
    # An empty file is a file without settings; YAML reads it as null.
    body["type"] = ["object", "null"]
    return {"$schema": DIALECT, "title": "strictwire settings", **body}


def _of_kind(kind: Kind, rules: RuleTable) -> Json:
    match kind:
        case Record():
            return _of_record(kind, rules)
        case NamedRecord():
            return {"anyOf": [kind.text.schema(), _of_record(kind.record, rules)]}
        case Items():
            item = _of_kind(kind.item, rules)
            items = {"type": "array", "items": item}
            return {"anyOf": [items, item]} if kind.is_single_allowed else items
        case Headers():
            text = Text("a text", pattern=r"^[\x21-\x7e]").schema()
            return {"type": "object", "additionalProperties": text}
        case RuleModes():
            if not rules:
                return {"type": "object", "additionalProperties": {"type": ["string", "boolean"]}}
            properties = {
                name: Choice(tuple(rules[name])).schema() for name in sorted(rules) if rules[name]
            }
            return {"type": "object", "properties": properties, "additionalProperties": False}
        case Text() | Whole() | Seconds() | Switch() | Choice() | OneNumber() | OrNone():
            return kind.schema()
    assert_never(kind)


def _of_record(record: Record, rules: RuleTable) -> Json:
    properties: dict[str, Json] = {}
    for row in rows(record.cls, record.scope):
        properties[row.name] = _of_row(row, rules)
        if row.legacy:
            legacy = {
                **Switch().schema(),
                "description": f"`true` means `{row.name}: {row.legacy_value}`.",
                "deprecated": True,
            }
            properties[row.legacy] = properties[row.legacy.replace("_", "-")] = legacy
    body: Json = {"type": "object", "properties": properties, "additionalProperties": False}
    required = [row.name for row in rows(record.cls, record.scope) if row.is_required]
    return {**body, "required": required} if required else body


def _of_row(row: Setting, rules: RuleTable) -> Json:
    body = {"description": row.doc, **_of_kind(row.kind, rules)}
    if row.is_required or row.is_inherited or isinstance(row.kind, Record):
        return body
    return {**body, "default": _plain(row.default)}


def _plain(value: object) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    assert not isinstance(value, Secret)  # a default is never one
    return value
