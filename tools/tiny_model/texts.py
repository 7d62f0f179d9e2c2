"""The prose that the model learns from: two licences, and the standard library's docstrings.

It depends on nothing but this project and the Python that runs it, so another minor version of
Python makes another model.
"""

from __future__ import annotations

import ast
import sysconfig
from collections.abc import Iterator
from pathlib import Path

_LICENCE = Path(__file__).resolve().parents[2] / "LICENSE"
_LIBRARY = Path(sysconfig.get_paths()["stdlib"])
_MIN_DOCSTRING = 80
_SENTENCE_LENGTHS = range(30, 140)
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def training_texts() -> list[str]:
    """Whole texts, always in the same order."""
    texts = [_LICENCE.read_text("utf-8")]
    own_licence = _LIBRARY / "LICENSE.txt"
    if own_licence.exists():  # some distributions leave it out
        texts.append(own_licence.read_text("utf-8"))
    for path in sorted(_LIBRARY.glob("*.py")):
        texts += _docstrings(path)
    return texts


def sentences(texts: list[str]) -> list[str]:
    """What an answer may be put together from: sentences on one line, without their full stop."""
    found = []
    for text in texts:
        for piece in text.replace("\n\n", ". ").split(". "):
            sentence = " ".join(piece.split()).rstrip(".")
            if len(sentence) in _SENTENCE_LENGTHS and sentence[0].isupper():
                found.append(sentence)
    return found


def _docstrings(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text("utf-8", "replace"))
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED):
            text = ast.get_docstring(node)
            if text and len(text) >= _MIN_DOCSTRING:
                yield text
