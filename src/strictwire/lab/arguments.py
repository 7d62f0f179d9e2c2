"""The least arguments that fit a tool's JSON Schema, so that a real agent can run the call.

Fills required properties only. Not a schema engine: it knows the keywords that coding agents' tools
use, and gives a plain word where it does not know better. Every value it makes up is harmless: a
command echoes, a path is the working folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Deeper schemas are cut off with an empty object: a recursive ``$ref`` must end somewhere.
MAX_SCHEMA_DEPTH = 6
COMMAND = "echo strictwire-lab"
WORD = "strictwire-lab"
# What shell tools call it: ``Bash``, ``shell``, ``exec_command``.
_COMMAND_NAMES = ("command", "cmd")
_PATH_WORDS = ("path", "file", "dir", "folder", "cwd")
_PLAIN: Mapping[str, Any] = {"boolean": False, "null": None}


def has_command(schema: Mapping[str, Any]) -> bool:
    """Whether the tool takes a command, as every agent's shell tool does: a string, or its words
    one by one."""
    properties = schema.get("properties")
    named = properties if isinstance(properties, dict) else {}
    told = [named[name] for name in _COMMAND_NAMES if isinstance(named.get(name), dict)]
    return any(one.get("type") in ("string", "array") for one in told)


def minimal_arguments(schema: Mapping[str, Any]) -> dict[str, Any]:
    """An object with the schema's required properties; ``{}`` where it requires none."""
    return _object(schema, schema, 0)


def _object(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> dict[str, Any]:
    properties = schema.get("properties")
    required = schema.get("required")
    if not isinstance(properties, dict) or not isinstance(required, list):
        return {}
    if depth >= MAX_SCHEMA_DEPTH:
        return {}
    return {
        name: _value(name, properties.get(name), root, depth + 1)
        for name in required
        if isinstance(name, str)
    }


def _value(name: str, schema: object, root: Mapping[str, Any], depth: int) -> Any:
    if not isinstance(schema, dict) or depth > MAX_SCHEMA_DEPTH:
        return WORD
    for given in ("const", "default"):
        if given in schema:
            return schema[given]
    match schema:
        case {"enum": [first, *_]}:
            return first
        case {"$ref": str(reference)}:
            return _value(name, _resolved(reference, root), root, depth + 1)
        case {"anyOf": [first, *_]} | {"oneOf": [first, *_]} | {"allOf": [first, *_]}:
            return _value(name, first, root, depth + 1)
    return _typed(name, schema, root, depth)


def _typed(name: str, schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Any:
    kind = schema.get("type", "string")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    match kind:
        case "object":
            return _object(schema, root, depth)
        case "array":
            if name.lower() in _COMMAND_NAMES:
                return COMMAND.split(" ")
            count = 1 if schema.get("minItems") else 0
            return [_value(name, schema.get("items"), root, depth + 1)] * count
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "string":
            return _text(name)
    return _PLAIN.get(str(kind), WORD)


def _text(name: str) -> str:
    lowered = name.lower()
    if "command" in lowered or lowered in _COMMAND_NAMES:
        return COMMAND
    if "url" in lowered or "uri" in lowered:
        return "http://127.0.0.1/"
    if any(word in lowered for word in _PATH_WORDS):
        return "."
    return WORD


def _resolved(reference: str, root: Mapping[str, Any]) -> object:
    found: object = root
    for step in reference.removeprefix("#/").split("/"):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found
