"""The kinds of servers: what is known of each, and how one is found out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from docs_pages.markdown import page, table
from strictwire.config import SERVER_KINDS, ServerKind
from strictwire.config.server_kinds import ENGINE_URL
from strictwire.net.detecting import FIRST_PAUSE_S, MAX_TRIES
from strictwire.routing.kinds import FoundKind

# How each is recognised (strictwire.routing.kinds), in words.
SIGNS: dict[FoundKind, str] = {
    "llama.cpp": "the header `server: llama.cpp` on any reply, `owned_by: llamacpp`, or `/props`",
    "mlx-lm": "Python's own web server, and models without an owner",
    "vllm": "`owned_by: vllm`",
    "sglang": "`owned_by: sglang`",
    "transformers": "the words of a refusal: `Unexpected fields in the request`",
    "ollama": "`owned_by: library`",
    "lm-studio": "`owned_by: organization_owner`",
    "swiftlm": "its header for prefill progress among those of CORS (`--cors`)",
    "openai": "the host `api.openai.com`",
    "anthropic": "the host `api.anthropic.com`",
    "openrouter": "the host `openrouter.ai`",
    "azure": "a host that ends with `.openai.azure.com`",
}


def kinds_page() -> str:
    return page(
        "Kinds of servers",
        "`kind` in [the settings](settings.md), or `--kind` beside `--upstream`, says what a "
        "provider's server is. A kind is a row of facts: where the server listens unless "
        "told otherwise, in which dialects it is asked, where it looks for its key, what it is "
        "not sent. What comes back is mended by what it is, whoever sent it; a kind only switches "
        "rules that are off otherwise.",
        "A provider's own settings outrank its kind's row. What the server itself was seen to "
        "refuse outranks the row too, and then the request is sent once more, before anything went "
        "to the client: a field that it does not know is left out "
        "([0017](decisions/0017-refused-fields-are-left-out.md)), a dialect that it lacks is "
        "replaced by chat ([0020](decisions/0020-the-upstreams-dialect-is-learned.md)), a stream "
        "that it will not send is asked for as one object.",
        "## Every kind",
        table(
            ("`kind`", "server", "listens on", "asked in", "quirks", ""),
            (_row(kind) for kind in SERVER_KINDS.values()),
        ),
        "*Asked in* is what `dialects: auto` means: a client of another dialect is asked for over "
        "the first of chat, Responses and Messages that is named. *Found out*: the client's own "
        "dialect is asked first, and chat once the server was seen not to have that path.",
        "On the command line `strictwire serve --kind ollama` is all for a server that listens "
        "where the table says; for any other it is `strictwire serve --kind vllm --upstream "
        "http://gpu.example:8000/v1`, and without `--kind` the gateway finds out what is there. "
        "Servers that listen on 8080 as the gateway does need one more word, `--port 8090`: a "
        "gateway that would ask itself does not start. In a file:",
        "```yaml\n"
        "providers:\n"
        "  - name: laptop\n"
        "    kind: ollama            # the URL is known\n"
        "  - name: work\n"
        "    kind: azure\n"
        "    base_url: https://me.openai.azure.com\n"
        '    api_keys: ["${TEAM_KEY}"]\n'
        "```",
        "## What a kind changes",
        *_changes(),
        "## `kind: auto`",
        "Of a provider that says nothing the gateway finds out what it is, beside the requests and "
        "never in their way. A service with a host of its own is known by that. Any other server "
        "is asked for `GET /v1/models` when the gateway starts, and for `/props` if that left it "
        "open, with the provider's first key; one that cannot be reached is asked again after "
        f"{FIRST_PAUSE_S:g} seconds, then after twice as long each time, {MAX_TRIES} times in all. "
        "The heads of replies and the words of refusals teach as well. What was found stands "
        "in the log: `provider laptop: found llama.cpp (server header)`.",
        table(("found", "by"), ((f"`{name}`", SIGNS[name]) for name in get_args(FoundKind))),
        "A server that says nothing of itself stays `auto`, which works: all that matters is "
        "learned from its refusals, one request each. LocalAI is such a server. A wrong guess does "
        "no harm that lasts: what a row says beyond the truth is refused once and not said again. "
        "Where a key goes never depends on a reply: only the host's name or the setting puts it "
        "in another header. To be sure, say the kind; what was found is forgotten at a restart.",
        "## Azure",
        "`kind: azure` is for the v1 API, at `https://NAME.openai.azure.com/openai/v1`: the path "
        "is filled in where the URL has none. The model's name is the deployment's. The older API, "
        "with a path for each deployment and an `api-version` in the query, is not spoken: a base "
        "URL holds no query.",
    )


def _changes() -> list[str]:
    kinds = SERVER_KINDS.values()
    streamed = _names(kind for kind in kinds if kind.stream == "always")
    progress = _names(kind for kind in kinds if kind.asks_progress)
    padded = _names(kind for kind in kinds if kind.pads_streams)
    counting = _names(kind for kind in kinds if kind.counts_tokens)
    return [
        f"- **A stream is always asked for** of {streamed}, also for a client that wants one "
        "object: llama.cpp notices that a client has gone only when it has something to write. "
        "`stream: auto` means that there.",
        f"- **Prefill progress is asked for** with every stream of {progress} "
        "(`return_progress`, and SwiftLM's header). Who did not ask for it is not told; but a "
        "whole reply's progress is known that way too.",
        "- **Fields that are not sent**: "
        + "; ".join(
            f"to `{kind.name}` {', '.join(f'`{name}`' for name in kind.unsent)}"
            for kind in kinds
            if kind.unsent
        )
        + ". The client is told of its own in `x-strictwire-dropped`.",
        "- **Modes of rules**: "
        + "; ".join(
            f"`{rule}: {mode}` for `{kind.name}`" for kind in kinds for rule, mode in kind.modes
        )
        + ". A provider's `repairs` outrank them.",
        "- **The key's header**: "
        + "; ".join(
            f"`{kind.key_header}` for `{kind.name}`, where keys that begin with "
            + " or ".join(f"`{one}`" for one in kind.token_prefixes)
            + " are tokens and go as bearer"
            for kind in kinds
            if kind.key_header != "authorization"
        )
        + ". All others get a bearer token. A header under `headers` outranks it.",
        f"- **Streams without padding** are asked for of {padded} "
        "(`stream_options.include_obfuscation: false`), unless the client said what it wants.",
        f"- **`POST /v1/messages/count_tokens`** is answered by {counting} with a true count, "
        "though Messages themselves are asked for over chat.",
        "- **`kv_bits`** in a request for an engine must be what the engine was started with, and "
        "is not sent on; other servers get it as it is.",
    ]


def _row(kind: ServerKind) -> tuple[str, ...]:
    place = kind.base_url
    if place == ENGINE_URL:
        place = "a unix socket of its own"
    return (
        f"`{kind.name}`",
        kind.title,
        f"`{place}`" if place.startswith("http") else place,
        ", ".join(kind.dialects) or "found out",
        ", ".join(f"[{number}](quirks.md#quirk-{number})" for number in kind.quirks),
        kind.note,
    )


def _names(kinds: Iterable[ServerKind]) -> str:
    names = [f"`{kind.name}`" for kind in kinds]
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
