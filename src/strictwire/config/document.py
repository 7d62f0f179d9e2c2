"""YAML text into nodes that know their place, or the one problem that kept it from parsing.

Contract: nothing is constructed, so no tag can run code; a node keeps its line and column. Only
the first syntax error is told, since what follows one cannot be trusted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from strictwire.config.problems import Problem, SettingsError

__all__ = ["Document", "MappingNode", "Node", "ScalarNode", "SequenceNode", "parse"]

_PREFIX = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset(f"{_PREFIX}{name}" for name in ("null", "bool", "int", "float", "str"))
# How the scanner calls what follows the last character.
_AFTER_THE_END = r"'\x00'"
_HINTS = {
    "mapping values are not allowed here": 'a text with ": " in it needs quotes',
    "while scanning an alias": 'a text that begins with * needs quotes, as in "*"',
    r"found character '\t' that cannot start any token": "indent with spaces, not tabs",
    "but got '{'": 'inside [ ] quote it: ["${NAME}"]',
    "but found another document": "put everything into one document",
    "expected the node content": "quote a text that begins with a special character",
}


@dataclass(frozen=True, slots=True)
class Document:
    """The root node (None for an empty file) and the means to read its scalars."""

    root: Node | None
    yaml: YAML

    def value(self, node: ScalarNode) -> object:
        """A scalar's value. ``ValueError`` if it is not what its tag says."""
        if str(node.tag) not in _PLAIN_TAGS:
            return object()  # a date, bytes or a private tag: no setting takes one
        return self.yaml.constructor.construct_object(node)

    def reread(self, node: ScalarNode, text: str) -> object:
        """The value that ``text`` would have in the place of a plain scalar."""
        tag = self.yaml.resolver.resolve(ScalarNode, text, (True, False))
        return self.value(ScalarNode(tag, text, node.start_mark, node.end_mark))


def parse(text: str, source: str) -> Document:
    """Parse one document. ``SettingsError`` with one problem if it is not YAML."""
    # The "safe" and pure loader: its composer gives every node's place, and its constructor
    # knows plain values only.
    yaml = YAML(typ="safe", pure=True)
    cast(Any, yaml.composer).warn_double_anchors = False  # YAML allows to use a name again
    try:
        return Document(yaml.compose(text), yaml)
    except MarkedYAMLError as error:
        raise SettingsError([_syntax_problem(error, source)]) from None
    except RecursionError:
        raise SettingsError([_whole_file("is nested too deep", source)]) from None
    except YAMLError as error:
        # The reader's own errors have a position instead of a mark.
        raise SettingsError([_unreadable(text, error, source)]) from None


def _syntax_problem(error: MarkedYAMLError, source: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    context, problem = error.context or "", error.problem or "cannot be parsed"
    problem = problem.replace(_AFTER_THE_END, "the end of the file")
    message = f"not YAML: {problem}" + (f" {context}" if context else "")
    hint = next((hint for words, hint in _HINTS.items() if words in message), "")
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return Problem(line, column, "", " ".join(message.split()), hint, source)


def _unreadable(text: str, error: YAMLError, source: str) -> Problem:
    position = getattr(error, "position", 0)
    before = text[:position]
    line, column = before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1
    return Problem(line, column, "", "not YAML: a character that may not stand here", "", source)


def _whole_file(message: str, source: str) -> Problem:
    return Problem(1, 1, "", message, "", source)
