"""The project's Markdown pages, read for the tests: their links, anchors and code blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
_INLINE_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: the page it is on, its language, its text, and the block right after it
    (nothing but blank lines between the two), or None."""

    page: str
    language: str
    text: str
    next: Block | None = None


def pages() -> list[Path]:
    """Every page that a reader may open, in a fixed order."""
    folders = (
        ROOT,
        ROOT / "docs",
        ROOT / "docs" / "rules",
        ROOT / "docs" / "decisions",
        ROOT / "changelog.d",
    )
    return [path for folder in folders for path in sorted(folder.glob("*.md"))] + [
        ROOT / "corpus" / "README.md"
    ]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def links(text: str) -> list[str]:
    """Targets of the links, those in code left out."""
    return _LINK.findall(_INLINE_CODE.sub("code", _FENCE.sub("", text)))


def anchors(text: str) -> set[str]:
    """The anchors of the headings, as GitHub makes them."""
    headings = _HEADING.findall(_FENCE.sub("", text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def blocks(path: Path) -> Iterator[Block]:
    text = path.read_text(encoding="utf-8")
    found = list(_FENCE.finditer(text))
    after: Block | None = None
    made: list[Block] = []
    for place, match in reversed(list(enumerate(found))):
        is_last = place + 1 == len(found)
        follows = not is_last and not text[match.end() : found[place + 1].start()].strip()
        after = Block(name_of(path), match[2], match[3], after if follows else None)
        made.append(after)
    yield from reversed(made)
