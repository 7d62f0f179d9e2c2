"""The quirks: a table of what meets each, then the list itself."""

from __future__ import annotations

from docs_pages.markdown import page, table
from strictwire.lab.scenarios import ALL_SCENARIOS
from strictwire.repairs import RULES
from strictwire.repairs.quirks import QUIRKS, SECTIONS, Quirk

# More scenarios than this are found on the rule's page.
MAX_SHOWN_SCENARIOS = 4


def quirks_page() -> str:
    return page(
        "Quirks of real servers",
        "What servers that call themselves OpenAI-compatible really send, with the public issues "
        "in which it was reported (`owner/repo#number`; what an issue says is its reporter's "
        "claim). Numbers never change and are never reused; new quirks go to the end of the list.",
        "Each is repaired by a named rule, met by the way a part works, or legal: then it passes, "
        "and the reason is told. The recordings of 87 to 89 are in "
        "[the corpus](../corpus/README.md).",
        "## At a glance",
        table(
            ("quirk", "rule, or reason", "scenario", "page"),
            (_row(quirk) for quirk in QUIRKS.values()),
        ),
        *(
            block
            for section in SECTIONS
            for block in (f"## {section.title}", *map(_told, section.quirks))
        ),
    )


def rules_of(number: int) -> list[str]:
    return [rule.name for rule in RULES if number in rule.quirks]


def scenarios_of(number: int) -> list[str]:
    return [name for name, one in ALL_SCENARIOS.items() if number in one.quirks]


def _row(quirk: Quirk) -> tuple[str, str, str, str]:
    rules = rules_of(quirk.number)
    scenarios = scenarios_of(quirk.number) or ([quirk.shown] if quirk.shown else [])
    shown = ", ".join(f"`{name}`" for name in scenarios[:MAX_SHOWN_SCENARIOS])
    more = len(scenarios) - MAX_SHOWN_SCENARIOS
    pages = [f"[{name}](rules/{name}.md)" for name in rules]
    if quirk.page:
        pages.append(f"[{quirk.page.partition('#')[0]}]({quirk.page})")
    return (
        f"[{quirk.number}](#quirk-{quirk.number})",
        ", ".join(f"`{name}`" for name in rules) or quirk.how,
        f"{shown} and {more} more" if more > 0 else shown,
        ", ".join(pages),
    )


def _told(quirk: Quirk) -> str:
    rules = [f"[`{name}`](rules/{name}.md)" for name in rules_of(quirk.number)]
    met = f"*Mended by* {', '.join(rules)}." if rules else ""
    told = " ".join(part for part in (quirk.says, met, quirk.how and f"*{quirk.how}*") if part)
    return f"### Quirk {quirk.number}\n\n{told}"
