"""Nodes and the table into plain values, with every problem on the way.

Contract: ``Reading.record`` returns what the file gives and nothing else (no defaults), as nested
dicts and lists; where a value was wrong, ``WRONG`` stands in its place, so that later checks can
tell "not given" from "given, and already complained about". Nothing is raised for what an author
wrote. ``marks`` holds the place of each value by its path.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, assert_never

from strictwire.config.addresses import Rejected
from strictwire.config.document import Document, MappingNode, Node, ScalarNode, SequenceNode
from strictwire.config.kinds import (
    FROM_ENVIRONMENT,
    Choice,
    Headers,
    Items,
    Kind,
    NamedRecord,
    OrNone,
    Record,
    RuleModes,
    RuleTable,
    ScalarKind,
    Switch,
    Text,
    normal_header_name,
    normal_header_value,
)
from strictwire.config.problems import Problem, hint_for_name
from strictwire.config.table import Setting, rows

WRONG: Final[Any] = type("Wrong", (), {"__repr__": lambda self: "WRONG"})()
"""Stands for a value that was given and is not usable."""

# Also the escape $${ and a ${ that begins no name, so that one pass sees them all.
_REFERENCE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{")
_MERGE_TAG = "tag:yaml.org,2002:merge"
# Merges inside merges beyond this depth are a loop (an anchor that merges itself).
_MAX_MERGE_DEPTH = 16
# Merges that fan out multiply with every level: a short text could ask for years of work.
_MAX_MERGES = 10_000
# Key names in messages are cut here: a wrong file may hold anything.
_MAX_SHOWN_NAME = 60
# There are too many rules to list them in a hint.
_WHERE_RULES_ARE = "docs/rules.md lists those that can be switched"

Entry = tuple[str, Node, Node]


class Reading:
    """One pass over one document."""

    def __init__(
        self,
        document: Document,
        source: str,
        environ: Mapping[str, str],
        known_rules: RuleTable,
    ) -> None:
        self.problems: list[Problem] = []
        self.marks: dict[str, tuple[int, int]] = {}
        self._document = document
        self._source = source
        self._environ = environ
        self._known_rules = known_rules
        self._merges_left = _MAX_MERGES

    def problem(self, path: str, message: str, hint: str = "", at: Node | None = None) -> Any:
        """Note a problem at a node, or at the place of ``path``. Returns ``WRONG``."""
        line, column = _place(at) if at is not None else self._nearest_mark(path)
        self.problems.append(Problem(line, column, path, message, hint, self._source))
        return WRONG

    def root(self, record: Record) -> dict[str, Any]:
        """The whole document as a record; an empty one gives nothing."""
        root = self._document.root
        if root is None or (isinstance(root, ScalarNode) and not root.value):
            return {}
        self._mark("", root, root)
        values = self._record(record, root, "")
        return {} if values is WRONG else values

    def _value(self, kind: Kind, node: Node, path: str) -> Any:
        match kind:
            case Record():
                return self._record(kind, node, path)
            case NamedRecord():
                if isinstance(node, ScalarNode):
                    name = self._scalar(kind.text, node, path)
                    return WRONG if name is WRONG else {"name": name}
                return self._record(kind.record, node, path)
            case Items():
                return self._items(kind, node, path)
            case Headers():
                return self._headers(node, path)
            case RuleModes():
                return self._rule_modes(kind, node, path)
            case _:
                return self._scalar(kind, node, path)
        assert_never(kind)

    # ---- containers ----

    def _record(self, record: Record, node: Node, path: str) -> Any:
        if not isinstance(node, MappingNode):
            return self.problem(path, "must be a mapping of settings", _absence_hint(node))
        known = {row.name: row for row in rows(record.cls, record.scope)}
        values: dict[str, Any] = {}
        for name, key_node, value_node in self._entries(node, path):
            row = known.get(name) or _legacy_row(name, known)
            if row is None:
                self._unknown_setting(record, name, known, path, key_node)
                continue
            place = _join(path, row.name if name in known else row.legacy)
            self._mark(place, value_node, key_node)
            kind = row.kind if name in known else Switch()
            values[row.name if name in known else row.legacy] = self._value(kind, value_node, place)
        for row in known.values():
            if row.is_required and row.name not in values:
                self.problem(_join(path, row.name), "is missing")
        return values

    def _unknown_setting(
        self, record: Record, name: str, known: Mapping[str, Setting], path: str, at: Node
    ) -> None:
        if any(row.name == name for row in rows(record.cls)):
            hint = "it can be set for the whole gateway only, at the top level"
        else:
            hint = hint_for_name(name, known)
        self.problem(_join(path, name[:_MAX_SHOWN_NAME]), "unknown setting", hint, at=at)

    def _items(self, kind: Items, node: Node, path: str) -> Any:
        if isinstance(node, SequenceNode):
            items = []
            for index, item in enumerate(node.value):
                place = f"{path}[{index}]"
                self._mark(place, item, item)
                items.append(self._value(kind.item, item, place))
            return items
        if kind.is_single_allowed and isinstance(node, ScalarNode) and node.value:
            return [self._value(kind.item, node, path)]
        return self.problem(path, f"must be {kind.label}", _absence_hint(node))

    def _headers(self, node: Node, path: str) -> Any:
        if not isinstance(node, MappingNode):
            return self.problem(path, f"must be {Headers().label}", _absence_hint(node))
        headers: dict[str, Any] = {}
        for name, key_node, value_node in self._entries(node, path):
            place = _join(path, name[:_MAX_SHOWN_NAME])
            try:
                normal = normal_header_name(name)
            except Rejected as error:
                self.problem(place, error.message, error.hint, at=key_node)
                continue
            if normal in headers:
                self.problem(place, "given twice", "case does not tell headers apart", at=key_node)
                continue
            self._mark(place, value_node, key_node)
            kind = Text("a text", normal_header_value)
            headers[normal] = self._scalar(kind, value_node, place)
        return list(headers.items())

    def _rule_modes(self, kind: RuleModes, node: Node, path: str) -> Any:
        if not isinstance(node, MappingNode):
            return self.problem(path, f"must be {kind.label}", _absence_hint(node))
        modes: list[tuple[str, Any]] = []
        for name, key_node, value_node in self._entries(node, path):
            place = _join(path, name[:_MAX_SHOWN_NAME])
            if name not in self._known_rules:
                hint = hint_for_name(name, self._known_rules) or _WHERE_RULES_ARE
                self.problem(place, "unknown rule", hint, at=key_node)
                continue
            if not self._known_rules[name]:
                hint = "docs/rules.md says which rules can be switched, and by what"
                self.problem(place, "this rule cannot be switched here", hint, at=key_node)
                continue
            self._mark(place, value_node, key_node)
            mode = Choice(tuple(self._known_rules[name]))
            modes.append((name, self._scalar(mode, value_node, place)))
        return modes

    def _entries(self, node: MappingNode, path: str, depth: int = 0) -> Iterator[Entry]:
        """The keys of a mapping: its own, in order and each once, then those it merges in."""
        seen: dict[str, int] = {}
        merged: list[Node] = []
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self.problem(path, "a name must be a plain text", at=key_node)
            elif str(key_node.tag) == _MERGE_TAG:
                is_list = isinstance(value_node, SequenceNode)
                merged.extend(value_node.value if is_list else [value_node])
            elif key_node.value in seen:
                first = f"the first stands on line {seen[key_node.value]}"
                shown = key_node.value[:_MAX_SHOWN_NAME]
                self.problem(_join(path, shown), "given twice", first, at=key_node)
            else:
                seen[key_node.value] = _place(key_node)[0]
                yield key_node.value, key_node, value_node
        for other in merged:
            self._merges_left -= 1
            if self._merges_left < 0:
                if self._merges_left == -1:
                    self.problem(path, f"more than {_MAX_MERGES} merges", at=other)
                return
            if not isinstance(other, MappingNode) or depth >= _MAX_MERGE_DEPTH:
                self.problem(path, "<< must name another mapping", at=other)
                continue
            for entry in self._entries(other, path, depth + 1):
                if entry[0] not in seen:
                    seen[entry[0]] = _place(entry[1])[0]
                    yield entry

    # ---- scalars ----

    def _scalar(self, kind: ScalarKind, node: Node, path: str) -> Any:
        if not isinstance(node, ScalarNode):
            return self.problem(path, f"must be {kind.label}")
        try:
            value = self._document.value(node)
            if isinstance(value, str):
                value = self._expanded(kind, node, value)
            return kind.accept(value)
        except Rejected as error:
            return self.problem(path, error.message, error.hint)
        except ValueError:  # an integer of thousands of digits, for one
            return self.problem(path, f"must be {kind.label}")

    def _expanded(self, kind: ScalarKind, node: ScalarNode, text: str) -> object:
        """``text`` with its references to the environment filled in. In the place of a number,
        a switch or a choice one reference must stand alone; it is read as YAML once more."""
        filled = _REFERENCE.sub(self._referenced, text)
        if isinstance(kind, Text | OrNone):
            return filled
        is_alone = re.fullmatch(FROM_ENVIRONMENT, text) is not None
        return self._document.reread(node, filled) if is_alone else text

    def _referenced(self, found: re.Match[str]) -> str:
        if found[0] == "$${":
            return "${"
        name = found[1]
        if name is None:
            raise Rejected("holds ${ without a name and }", "write $${ for the two characters")
        if name not in self._environ:
            raise Rejected(
                f"the environment variable {name} is not set", f"export {name} before the start"
            )
        return self._environ[name]

    # ---- places ----

    def _mark(self, path: str, node: Node, key_node: Node) -> None:
        # An empty value is nowhere: its place would be the start of the next line.
        is_empty = isinstance(node, ScalarNode) and not node.value
        self.marks[path] = _place(key_node if is_empty else node)

    def _nearest_mark(self, path: str) -> tuple[int, int]:
        while path not in self.marks and path:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.marks.get(path, (1, 1))


def _legacy_row(name: str, known: Mapping[str, Setting]) -> Setting | None:
    """The setting that another program calls ``name``, all with hyphens or all with underscores."""
    for row in known.values():
        if row.legacy and name in (row.legacy, row.legacy.replace("_", "-")):
            return row
    return None


def _place(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _absence_hint(node: Node) -> str:
    is_empty = isinstance(node, ScalarNode) and not node.value
    return "take the line out for the default" if is_empty else ""
