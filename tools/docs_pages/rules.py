"""The rules: a list of all, and a page for each."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from docs_pages.markdown import page, table
from strictwire.lab.scenarios import ALL_SCENARIOS, Scenario
from strictwire.model.request import Promise
from strictwire.repairs import RULES, SWITCHABLE
from strictwire.repairs.quirks import QUIRKS

ROOT = Path(__file__).resolve().parents[2]
STAGES = {
    "request": "On the request",
    "frame": "Before a frame is parsed",
    "chunk": "On the parsed chunk",
    "life": "On the order of a dialect's events",
    "event": "On the events that were read",
    "crossing": "Between two dialects",
    "ending": "At the end of the reply",
    "object": "On a whole embeddings reply",
}
ALWAYS_ON = (
    "*Always on*: without it text would be lost, other rules could not work, or a failure would "
    "pass for a success."
)


def rules_page() -> str:
    return page(
        "Rules",
        "Each rule repairs one thing that servers get wrong. Nothing to repair: the bytes pass as "
        "they came. A rule is counted once per reply in the metrics, by name and provider.",
        "`repairs: {name: off}` on a provider switches a rule off; some have other modes, which "
        "their pages name. What goes out stays strict all the same: what this wire has no place "
        "for is then read as nothing, or mended by a later rule. So a rule is switched off "
        "where it is wrong about a server, not to let broken bytes pass. Rules marked *always on* "
        "cannot be switched: without them text would be lost, others could not work, or a failure "
        "would pass for a success.",
        *_stages(),
    )


def _stages() -> Iterator[str]:
    for stage, title in STAGES.items():
        of_stage = [rule for rule in RULES if rule.stage == stage]
        if of_stage:
            yield f"## {title}"
            yield table(
                ("rule", "what it mends", "modes", "quirks"),
                (
                    (
                        f"[`{rule.name}`](rules/{rule.name}.md)",
                        rule.title,
                        _short_modes(rule),
                        ", ".join(map(str, rule.quirks)),
                    )
                    for rule in of_stage
                ),
            )


def rule_pages() -> dict[str, Callable[[], str]]:
    """By the name of the file."""
    return {f"docs/rules/{rule.name}.md": _page_of(rule) for rule in RULES}


def _page_of(rule: Any) -> Callable[[], str]:
    return lambda: page(
        f"`{rule.name}`",
        f"**{rule.title}.** {STAGES[rule.stage]}.",
        inspect.cleandoc(_words(rule)),
        _modes(rule),
        "## Where it was seen" if rule.quirks else "",
        "\n".join(
            f"- [{number}](../quirks.md#quirk-{number}): {QUIRKS[number].says}"
            for number in rule.quirks
        ),
        "## See it",
        _evidence(rule),
        _scenarios(rule),
    )


def _short_modes(rule: Any) -> str:
    if rule.name not in SWITCHABLE:
        return "setting `extra_fields`" if rule.name == "chat.extra-fields" else "always on"
    return ", ".join(rule.modes)


def _modes(rule: Any) -> str:
    if rule.name == "chat.extra-fields":
        return "Switched by the setting [`extra_fields`](../settings.md#extra_fields)."
    if rule.name not in SWITCHABLE:
        return ALWAYS_ON
    default, *others = rule.modes
    told = f"Modes: `{default}` (default), " + ", ".join(f"`{mode}`" for mode in others) + "."
    return (
        f"{told} In the settings of a provider:\n\n"
        f"```yaml\nrepairs: {{{rule.name}: {others[0]}}}\n```"
    )


def _evidence(rule: Any) -> str:
    if not rule.evidence.startswith("lab:"):
        return f"Evidence: [{rule.evidence}](../../{rule.evidence})."
    name = rule.evidence.removeprefix("lab:")
    file = f"corpus/scripted/{name}.sse"
    told = f"Evidence: the scenario [`{name}`](../lab.md)"
    if not (ROOT / file).exists():
        return f"{told}."
    command = " ".join(
        (".venv/bin/strictwire lint", *_lint_options(rule, ALL_SCENARIOS[name]), file)
    )
    return f"{told}, whose stream is also a file, [{file}](../../{file}):\n\n```sh\n{command}\n```"


def _lint_options(rule: Any, row: Scenario) -> Iterator[str]:
    """What lint must be told of request and settings, to look for what the rule mends."""
    if row.only == "completions":
        yield "--dialect completions"
    if row.ask.tools:
        yield f"--tools {','.join(tool.name for tool in row.ask.tools)}"
    if _counts_choices(rule):
        yield f"--choices {row.choices}"
    for name, mode in row.modes.items():
        yield f"--repairs {name}={mode}"
    if row.extra_fields != "keep":
        yield f"--extra-fields {row.extra_fields}"


def _counts_choices(rule: Any) -> bool:
    """Whether the rule runs only where it is known that one choice was asked for."""
    nothing_known = Promise(id="", created=0, model="")
    return (
        inspect.isclass(rule)
        and rule.runs_for(replace(nothing_known, choices=1))
        and not rule.runs_for(nothing_known)
    )


def _scenarios(rule: Any) -> str:
    names = [
        name
        for name, one in ALL_SCENARIOS.items()
        if any(
            rule.name in one.rules_of(dialect, is_stream=is_stream)
            for dialect in one.dialects
            for is_stream in (True, False)
        )
    ]
    if not names:
        return ""
    return "Scenarios of the lab ([all](../lab.md)): " + ", ".join(f"`{n}`" for n in names) + "."


def _words(rule: Any) -> str:
    """A rule class's docstring; a row without a class of its own has a ``text``."""
    return (rule.__dict__.get("__doc__") or "") if inspect.isclass(rule) else rule.text
