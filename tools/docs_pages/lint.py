"""What ``strictwire lint`` finds: the checks that have no rule's page, and all of them by name."""

from __future__ import annotations

from collections.abc import Iterator

from docs_pages.markdown import page, table
from strictwire.conformance import CHECKS, Check

WORDS = (
    "`strictwire lint FILE` reads the bytes of a reply, a stream or one object, and lists "
    "everything in them that the [contract](contract.md) forbids. FILE may also be a recorded "
    "HTTP reply with its head, as `curl -si` saves it, and `-` is standard input. Options say what "
    "the request asked for ([cli.md](cli.md#strictwire-lint)); what they do not say is not judged.",
    "Each kind of finding is one line, at its first place: `FILE:OFFSET: severity rule: message "
    "[times] (breaks: clients)`; `--all` prints every place. The offset counts bytes from the "
    "body's start, to the line or the JSON value in question. `rule` is the name of the repair "
    "rule that mends it in the gateway, and of its page in [rules](rules.md), or a name of its own "
    "where a part of the gateway does that is no rule, or nothing can. One rule is told at most a "
    "thousand times.",
    "- **error**: clients are known to break, or the reply is not what was asked for.\n"
    "- **warning**: the published format allows it; only this wire never has it.",
    "`breaks` names clients that were seen to break, by the issues in [quirks.md](quirks.md); "
    "others may.",
    "Exit code 0: nothing was found. 1: something was. 2: the file or the command cannot be used. "
    "A reply that is an error, and well said, has no findings; the summary then tells its message.",
    "## JSON",
    "`--json` prints one object in one line for each file. Its `version` changes when a field "
    "changes its meaning. `page` is a page of these docs.",
    """```json
{"version": 1, "file": "reply.sse", "size_bytes": 417, "http_status": null, "error": null,
 "findings": [
  {"offset": 128, "rule": "chat.finish-empty", "severity": "error",
   "message": "finish_reason is an empty string", "breaks": ["openai-python", "AI SDK"],
   "quirks": [26], "page": "rules/chat.finish-empty.md"}]}
```""",
)


def lint_page() -> str:
    own = [check for check in CHECKS.values() if not check.has_rule]
    mended = [check for check in CHECKS.values() if check.has_rule]
    return page(
        "What lint finds",
        *WORDS,
        "## Checks without a rule",
        *_sections(own),
        "## Checks whose rule mends them",
        table(
            ("check", "severity", "what", "breaks"),
            (
                (
                    f"[`{check.id}`]({check.page})",
                    check.severity,
                    check.title,
                    ", ".join(check.breaks),
                )
                for check in mended
            ),
        ),
    )


def _sections(checks: list[Check]) -> Iterator[str]:
    for check in checks:
        quirks = ", ".join(f"[{number}](quirks.md#quirk-{number})" for number in check.quirks)
        yield f"### `{check.id}`"
        yield f"{check.title}. Severity: {check.severity}." + (
            f" Quirks: {quirks}." if quirks else ""
        )
