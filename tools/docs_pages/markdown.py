"""Markdown, as the generated pages have it."""

from __future__ import annotations

from collections.abc import Iterable

NOTICE = "<!-- Written by `make docs`. Change the source, not this page. -->"


def page(title: str, *blocks: str) -> str:
    return "\n\n".join([NOTICE, f"# {title}", *(block for block in blocks if block)]) + "\n"


def table(heads: tuple[str, ...], cells: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *cells]
    return "\n".join(f"| {' | '.join(_in_cell(cell) for cell in line)} |" for line in lines)


def _in_cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
