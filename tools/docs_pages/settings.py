"""The settings, as a page and as a JSON Schema."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator

from docs_pages.markdown import page
from strictwire.cli.setting_options import shown_default
from strictwire.config import Setting, json_schema
from strictwire.config.kinds import Record, Seconds
from strictwire.config.provider import Model, Provider, Timeouts
from strictwire.config.settings import Endpoints, Settings, StoredResponses
from strictwire.config.table import rows
from strictwire.repairs import MODES


def settings_page() -> str:
    return page(
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
        "  - name: own\n"
        "    kind: engine\n"
        "    model: ~/models/Qwen3-4B-Q4_K_M.gguf\n"
        "```",
        "## Top level",
        *_settings(Settings),
        "## Mapping `timeouts`",
        inspect.getdoc(Timeouts) or "",
        *_settings(Timeouts),
        "## Mapping `stored_responses`",
        inspect.getdoc(StoredResponses) or "",
        *_settings(StoredResponses),
        "## Mapping `endpoints`",
        inspect.getdoc(Endpoints) or "",
        *_settings(Endpoints),
        "## `providers`",
        "Each is a mapping. A request goes to the first provider that lists the model or has it "
        "as an alias, or to the engine without a list whose model it is. A single provider without "
        "a list takes every name as it is. With several, `name/model` addresses one, and the first "
        "without a list takes what no other claims.",
        *_settings(Provider),
        "## `providers[].models`",
        inspect.getdoc(Model) or "",
        *_settings(Model),
    )


def _settings(cls: type) -> Iterator[str]:
    for row in rows(cls):
        facts = [_label(row), _default(row)]
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
        if row.only_kind:
            yield f"For providers of kind `{row.only_kind}` only."
        if row.not_kind:
            yield f"Not for providers of kind `{row.not_kind}`."


def _label(row: Setting) -> str:
    if isinstance(row.kind, Record):
        return f"a mapping, see [`{row.name}`](#mapping-{row.name})"
    return row.kind.label


def _default(row: Setting) -> str:
    if row.is_required:
        return "required"
    if row.is_inherited:
        return "default: as at the top level"
    if isinstance(row.kind, Record):
        return "default: as below"
    return f"default: `{shown_default(row)}`"


def settings_schema() -> str:
    return json.dumps(json_schema(MODES), indent=2) + "\n"
