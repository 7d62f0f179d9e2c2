"""The lab: its scenarios, and how they may be played."""

from __future__ import annotations

from collections.abc import Iterable

from docs_pages.markdown import page, table
from strictwire.lab.ask import Dialect
from strictwire.lab.embeddings import EMBEDDINGS_SCENARIOS
from strictwire.lab.scenarios import ALL_SCENARIOS, Scenario

OPTIONS = (
    ("`pace=20ms`", "wait so long before each frame; also the length of a silent beat"),
    ("`cut=7`, `cut=random:3`", "pieces of so many bytes, or of random sizes by that seed"),
    ("`body=chunked`, `close`, `length`, `http1.0`", "how the reply's end is told"),
    ("`fault=cut:300`", "the connection closes after so many bytes of the body"),
    ("`fault=reset:300`", "it is reset there"),
    ("`fault=stall:300`", "silence from there on, with the connection open"),
    ("`fault=half-close:300`", "the server ends its side there and goes on reading"),
    ("`fault=cut:head` and so on", "the same after the reply's head"),
    ("`encoding=gzip`, `encoding=deflate`", "compress the body, asked or not"),
    ("`type=text/plain`, `type=none`", "say another content type, or none"),
    (
        "`dialects=chat+responses`",
        "only the paths of these are there, the others are a plain 404 "
        "(`--dialects chat,responses` as a flag)",
    ),
)


def lab_page() -> str:
    return page(
        "The lab's scenarios",
        "`strictwire lab serve` pretends to be many model servers. The model's name chooses the "
        "scenario, and may carry options: `finish-empty@pace=20ms,cut=7`. The paths are "
        "`/v1/chat/completions`, `/v1/completions`, `/v1/responses`, `/v1/messages` (with "
        "`/count_tokens`) and Ollama's `/api/chat`. Chat's scenarios are served at the other "
        "paths where these can say the same: completions say text alone; the others tell healthy "
        "answers as their own format has it, and what is broken there has scenarios of its own. "
        "Where a scenario of chat cannot be told in these, its server does not have their paths: "
        "a plain 404, as of most local servers. With "
        "`--recordings DIR` the lab also replays recorded replies, as `recording:NAME`. Images, "
        "audio, files, moderations and rerank are answered too, with as many bytes as asked for "
        "(`file-1000`), or broken (`error-429`).",
        "## Options",
        "Behind the model's name, or as flags of `lab serve` for all:",
        table(("option", "what happens"), OPTIONS),
        "## Chat, completions, responses, messages, ollama",
        table(
            (
                "model name",
                "what it does",
                "paths",
                "rules that mend its stream",
                "and its object",
                "lint finds too",
                "quirks",
            ),
            (_cells(one) for one in ALL_SCENARIOS.values()),
        ),
        "What lint finds in the stream beside the rules is mended by a part of the gateway "
        "([lint.md](lint.md)). The servers that refuse a field are met by "
        "[`request.field-refused`](rules/request.field-refused.md).",
        "## A proxy to look at a server of responses",
        "`strictwire lab proxy --upstream URL` forwards `/v1/responses` to a real server, prints "
        "each event that it sends and the text and reasoning in the end. With `--final-only` the "
        "client gets no deltas: only `response.created`, each item once as "
        "`response.output_item.done`, and the terminal event, a failure included. So one sees "
        "whether a client can do without deltas. The key comes from the variable that "
        "`--bearer-env` names, or is the client's own.",
        "## Embeddings",
        table(
            ("model name", "what it does", "rules that mend it"),
            (
                (f"`{one.name}`", one.title, _rules(one.rules))
                for one in EMBEDDINGS_SCENARIOS.values()
            ),
        ),
    )


def _cells(one: Scenario) -> tuple[str, ...]:
    dialect: Dialect = one.only or "chat"
    faults = one.faults_of(dialect)
    return (
        f"`{one.name}`",
        one.title.replace("<", "&lt;"),
        ", ".join(sorted(one.dialects)),
        _rules(sorted(one.rules_of(dialect))),
        _rules(sorted(one.rules_of(dialect, is_stream=False))),
        ", ".join(f"`{name}`" for name in sorted(faults)),
        ", ".join(f"[{n}](quirks.md#quirk-{n})" for n in one.quirks),
    )


def _rules(names: Iterable[str]) -> str:
    return ", ".join(f"[`{name}`](rules/{name}.md)" for name in names)
