"""The generated pages of the docs, from the tables they describe.

``python tools/docs.py`` writes them; with ``--check`` nothing is written, and a page that is not
fresh is named, with exit code 1. The output depends on the source only: no dates, no machine.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from strictwire.cli.app import app
from strictwire.cli.setting_options import shown_default
from strictwire.config import Setting, json_schema
from strictwire.config.kinds import Kind, Record, Seconds
from strictwire.config.settings import Model, Provider, Settings, Timeouts
from strictwire.config.table import rows
from strictwire.lab.scenarios import SCENARIOS
from strictwire.repairs import RULES, SWITCHABLE

ROOT = Path(__file__).resolve().parent.parent
NOTICE = "<!-- Written by `make docs`. Change the source, not this page. -->"
STAGES = {
    "frame": "Before a frame is parsed",
    "chunk": "On the parsed chunk",
    "event": "On the events that were read",
    "ending": "At the end of the reply",
}


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--check"]):
        print(f"usage: {Path(__file__).name} [--check]", file=sys.stderr)
        return 2
    stale = [(path, text) for path, text in _pages() if _written(path) != text]
    for path, text in stale:
        name = path.relative_to(ROOT)
        if arguments:
            print(f"{name} is stale: run make docs", file=sys.stderr)
        else:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {name}")
    return 1 if arguments and stale else 0


def _pages() -> Iterator[tuple[Path, str]]:
    for name, generate in PAGES.items():
        yield ROOT / name, generate()


def _written(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


# ---- settings ----


def settings_page() -> str:
    return _page(
        "Settings",
        "`strictwire serve --config FILE` reads one YAML file. Every setting has a default; a file "
        "holds what differs. `strictwire config check FILE` tells every problem with its line and "
        "column.",
        "A value may be read from the environment: `api_keys: ["
        '"${MODEL_KEY}"]`. Where the variable is not set, that is a problem, not an empty value. '
        "`$${` stands for the two characters `${`.",
        "The order of rank: a flag of the command line, the environment variable that stands for a "
        "flag, the file, the default.",
        "For completion and checks in an editor, put this line first into the file "
        "([settings.schema.json](settings.schema.json), or `strictwire config schema`):",
        "```yaml\n# yaml-language-server: $schema=settings.schema.json\n```",
        "An example:",
        "```yaml\n"
        "port: 8080\n"
        "timeouts: {first_byte: 900}\n"
        "providers:\n"
        "  - name: local\n"
        "    base_url: http://127.0.0.1:8000\n"
        "  - name: team\n"
        "    base_url: https://models.example/v1\n"
        '    api_keys: ["${TEAM_KEY}"]\n'
        "    stream: always\n"
        "    repairs: {reply.tool-finish: off}\n"
        "    models: [small, {name: large-2, aliases: [large]}]\n"
        "```",
        "## Top level",
        *_settings(Settings),
        "## `timeouts`",
        inspect.getdoc(Timeouts) or "",
        *_settings(Timeouts),
        "## `providers`",
        "Each is a mapping. A request goes to the first provider that lists the model or has it "
        "as an alias. A single provider without a list takes every name as it is. With several, "
        "`name/model` addresses one, and the first without a list takes what no other claims.",
        *_settings(Provider),
        "## `providers[].models`",
        inspect.getdoc(Model) or "",
        *_settings(Model),
    )


def _settings(cls: type) -> Iterator[str]:
    for row in rows(cls):
        facts = [_label(row.kind), _default(row)]
        facts += [f"`0` {row.kind.zero}"] if isinstance(row.kind, Seconds) and row.kind.zero else []
        facts += [f"flag `{row.flag}`"] if row.flag else []
        facts += [f"environment `{row.environment}`"] if row.environment else []
        yield f"### `{row.name}`\n\n{row.doc}\n\n*{'; '.join(facts)}*"
        if row.legacy:
            spelled = row.legacy.replace("_", "-")
            yield (
                f"`{spelled}: true`, as other programs' files have it, is read as "
                f"`{row.name}: {row.legacy_value}`; both may be given only if they say the same."
            )
        if row.scope == "gateway":
            yield "For the whole gateway only, not for a single provider."


def _label(kind: Kind) -> str:
    if isinstance(kind, Record):
        return f"a mapping, see [`{kind.cls.__name__.lower()}`](#{kind.cls.__name__.lower()})"
    return kind.label


def _default(row: Setting) -> str:
    if row.is_required:
        return "required"
    if row.is_inherited:
        return "default: as at the top level"
    if isinstance(row.kind, Record):
        return "default: as below"
    return f"default: `{shown_default(row)}`"


def settings_schema() -> str:
    return json.dumps(json_schema(SWITCHABLE), indent=2) + "\n"


# ---- command line ----


def cli_page() -> str:
    command = typer.main.get_command(app)
    return _page(
        "Command line",
        "Exit codes: 0 for success, 1 where the machine refused (an address in use, a file that "
        "cannot be read), 2 for a mistake in the command or the settings. A `serve` that is told "
        "to stop (Ctrl-C, SIGTERM) finishes its open replies and leaves 0; any other command "
        "leaves 130 after Ctrl-C.",
        *_commands(command, "strictwire"),
    )


def _commands(command: Any, name: str) -> Iterator[str]:
    yield f"## `{name}`"
    yield inspect.cleandoc(command.help or "")
    usage = [_usage(one) for one in command.params if one.name != "help"]
    if not hasattr(command, "commands"):
        yield f"```\n{' '.join([name, *(word for word in usage if word)])}\n```"
    told = [one for one in command.params if getattr(one, "help", None)]
    if told:
        yield _table(("option", "meaning"), ((_names(one), one.help) for one in told))
    for child_name, child in getattr(command, "commands", {}).items():
        yield from _commands(child, f"{name} {child_name}")


def _usage(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return str(parameter.metavar)
    words = parameter.opts[0]
    if not parameter.is_flag:
        words += f" {parameter.metavar}"
    return f"[{words}]{'...' if parameter.multiple else ''}"


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar}`"
    value = "" if parameter.is_flag else f" {parameter.metavar}"
    default = parameter.default
    shown = f" (default `{default}`)" if parameter.show_default and default else ""
    return f"`{', '.join(parameter.opts)}{value}`{shown}"


# ---- rules and scenarios ----


def rules_page() -> str:
    return _page(
        "Rules",
        "Each rule repairs one thing that servers get wrong. Nothing to repair: the bytes pass as "
        "they came. A rule is counted once per reply in the metrics, by name and provider.",
        "`repairs: {name: off}` on a provider switches a rule off. Rules marked *always on* cannot "
        "be switched: others, or the truth about a reply's end, rest on them.",
        *_rules(),
    )


def _rules() -> Iterator[str]:
    for stage, title in STAGES.items():
        of_stage = [rule for rule in RULES if rule.stage == stage]
        if not of_stage:
            continue
        yield f"## {title}"
        for rule in of_stage:
            always = "" if rule.name in SWITCHABLE else " *Always on.*"
            quirks = ", ".join(str(number) for number in rule.quirks)
            yield f"### `{rule.name}`\n\n**{rule.title}**{always}"
            yield inspect.cleandoc(_words(rule))
            yield "; ".join(
                part
                for part in (
                    f"Quirks: {quirks}" if quirks else "",
                    f"evidence: `{rule.evidence}`" if rule.evidence else "",
                )
                if part
            )


def _words(rule: Any) -> str:
    """A rule class's docstring; a row without a class of its own has a ``text``."""
    return (rule.__dict__.get("__doc__") or "") if inspect.isclass(rule) else rule.text


def lab_page() -> str:
    return _page(
        "The lab's scenarios",
        "`strictwire lab serve` pretends to be many model servers. The model's name chooses the "
        "scenario, and may carry options: `finish-empty@pace=20ms,cut=7`.",
        _table(
            ("model name", "what it does", "rules that mend it", "quirks"),
            (
                (
                    f"`{one.name}`",
                    one.title,
                    ", ".join(f"[`{rule}`](rules.md#{_anchor(rule)})" for rule in one.rules),
                    ", ".join(str(number) for number in one.quirks),
                )
                for one in _scenarios()
            ),
        ),
    )


def _scenarios() -> Iterable[Any]:
    return SCENARIOS.values() if isinstance(SCENARIOS, Mapping) else SCENARIOS


def _anchor(rule: str) -> str:
    return rule.replace(".", "")


# ---- Markdown ----


def _page(title: str, *blocks: str) -> str:
    return "\n\n".join([NOTICE, f"# {title}", *(block for block in blocks if block)]) + "\n"


def _table(heads: tuple[str, ...], cells: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *cells]
    return "\n".join(f"| {' | '.join(_in_cell(cell) for cell in line)} |" for line in lines)


def _in_cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


PAGES: dict[str, Callable[[], str]] = {
    "docs/settings.md": settings_page,
    "docs/settings.schema.json": settings_schema,
    "docs/cli.md": cli_page,
    "docs/rules.md": rules_page,
    "docs/lab.md": lab_page,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
