"""The generated pages of the docs, from the tables they describe.

``python tools/docs.py`` writes them; with ``--check`` nothing is written, and a page that is not
fresh, or that nothing makes any more, is named, with exit code 1. The output depends on the source
only: no dates, no machine.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from docs_pages.commands import cli_page
from docs_pages.kinds import kinds_page
from docs_pages.lab import lab_page
from docs_pages.lint import lint_page
from docs_pages.quirks import quirks_page
from docs_pages.rules import rule_pages, rules_page
from docs_pages.settings import settings_page, settings_schema

ROOT = Path(__file__).resolve().parent.parent
RULE_PAGES = ROOT / "docs" / "rules"

PAGES: dict[str, Callable[[], str]] = {
    "docs/settings.md": settings_page,
    "docs/settings.schema.json": settings_schema,
    "docs/cli.md": cli_page,
    "docs/kinds.md": kinds_page,
    "docs/rules.md": rules_page,
    "docs/quirks.md": quirks_page,
    "docs/lab.md": lab_page,
    "docs/lint.md": lint_page,
    **rule_pages(),
}


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--check"]):
        print(f"usage: {Path(__file__).name} [--check]", file=sys.stderr)
        return 2
    stale = {path: text for path, text in _pages().items() if _written(path) != text}
    orphans = set(RULE_PAGES.glob("*.md")) - _pages().keys()
    for path in sorted({*stale, *orphans}):
        name = path.relative_to(ROOT)
        if arguments:
            print(f"{name} is stale: run make docs", file=sys.stderr)
        elif path in orphans:
            path.unlink()
            print(f"removed {name}")
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(stale[path], encoding="utf-8")
            print(f"wrote {name}")
    return 1 if arguments and (stale or orphans) else 0


def _pages() -> dict[Path, str]:
    return {ROOT / name: generate() for name, generate in PAGES.items()}


def _written(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
