"""The list of quirks: what servers that call themselves OpenAI-compatible really send.

Each was reported in public (``owner/repo#number``; what an issue says is its reporter's claim) or
recorded from a real server. Numbers never change and are never reused; new ones go to the end.
Which rules mend a quirk and which scenarios show it stands in those tables; here is what it is,
and, where no rule is needed, why. ``tools/docs.py`` makes docs/quirks.md of it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quirk:
    """``says`` is Markdown. ``how``: what meets it beside its rules, or why it is legal and
    passes. ``page``: the page of the docs that promises so, where no rule's own page does.
    ``shown`` is a model name of the lab that shows it, where no scenario is its own."""

    number: int
    says: str
    how: str = ""
    page: str = ""
    shown: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    quirks: tuple[Quirk, ...]


SECTIONS = (
    Section(
        "Framing and transport",
        (
            Quirk(
                1,
                "No space after `data:` (tontinton/maki#345, nullclaw/nullclaw#509, "
                "freellmapi#1092, farion1231/cc-switch#1664; openai-python#498, #559). Some "
                "clients dropped every line without a word.",
                how="The decoder reads it with and without the space; the writer puts one.",
                page="contract.md#streams",
            ),
            Quirk(
                2,
                "Lines that end in CRLF (hey-api#3054, iOfficeAI/aionrs#134, "
                "OrcaRouter-Lite#98, Routstr/routstr-core#543). Clients that split at two LFs "
                "wait for ever.",
                how="The decoder takes every line end of the standard; the writer says LF.",
                page="contract.md#streams",
            ),
            Quirk(
                3,
                "Lines that end in CR alone (pentect#1438, a2a-js#714). The standard allows it;"
                " parsers stall.",
                how="As 2.",
                page="contract.md#streams",
            ),
            Quirk(
                4,
                "Comments between the chunks, such as `: OPENROUTER PROCESSING` "
                "(deepnoodle-ai/dive#206, symfony/ai#1068, docker/docker-agent#2349, "
                "shell_gpt#358, openai-go#227).",
                how="Legal. Comments are read and not passed on.",
                page="contract.md#streams",
            ),
            Quirk(
                5,
                "DeepSeek: `: keep-alive` comments in streams (tmc/langchaingo#942, #1171, "
                "CopilotChat.nvim#944), blank lines before the JSON of a whole reply "
                "(sgl-project/sglang#3689).",
                how="Legal. Comments and blank lines are read and not passed on.",
                page="contract.md#whole-objects",
            ),
            Quirk(
                6,
                "llama.cpp: a bare `:` as ping every 30 s.",
                how="Legal. Not passed on; the gateway makes its own keepalives.",
                page="contract.md#streams",
            ),
            Quirk(
                7,
                "A proxy wraps a comment as data: `data: : OPENROUTER PROCESSING` "
                "(mnfst/llm-gateway#2053); openai-node throws.",
            ),
            Quirk(
                8,
                "A comment and a blank line after any `id:` field: openai-python up to 2.37.0 "
                "dispatches an empty event and fails on it (theopenco/llmgateway#2334, "
                "openai-python#2722).",
                how="An `id:` field is never sent, so a comment can do no harm.",
                page="contract.md#streams",
            ),
            Quirk(
                9,
                "Clients that parse comment lines as JSON (OmniRoute#7031, #10524).",
                how="`keepalive: 0` sends no comments, for one provider or for all.",
                page="settings.md#keepalive",
                shown="prefill-silent",
            ),
            Quirk(
                10,
                "`[DONE]` never comes (ik_llama.cpp#467, hermes-agent#90848, mlc-llm#1300, "
                "private-ai-gateway#114, Perplexity api-discussion#209, mpp#975).",
                how="Added where every choice finished; without a reason the reply is "
                "truncated, and that is an error.",
            ),
            Quirk(
                11,
                "`data: DONE` without brackets, or a socket that stays open after the terminal "
                "(openai/codex#8708, agentscope-java#2073: a turn up to a minute late).",
                how="A socket that stays open after the terminal: the terminal ends the reply "
                "at once.",
            ),
            Quirk(
                12,
                "A Responses client that waits for `[DONE]` after `response.completed` (kent#504).",
                how="`[DONE]` follows the last event of a Responses stream, unless the setting "
                "`responses_done` is off.",
                page="contract.md#responses",
                shown="responses-no-done-marker",
            ),
            Quirk(
                13,
                "A stream labelled `application/json` (microsoft/foundry-dev-tools#195), or not"
                " labelled (nearai/private-ml-sdk#20).",
                how="A body is judged by its first bytes, never by its label.",
                page="contract.md#whole-objects",
            ),
            Quirk(
                14,
                "A whole object labelled as a stream, with `data: [DONE]` behind it "
                "(decolua/9router#3492, #3301); broke the Vercel AI SDK.",
                how="As 13; what stands behind the object is dropped.",
                page="contract.md#whole-objects",
            ),
            Quirk(
                15,
                "A request without `stream` answered with a stream (OmniRoute#10239), or "
                "`Accept` that outranks `stream: false` (OmniRoute#6740).",
                how="A stream is collected into one object where one was promised.",
                page="contract.md#whole-objects",
                shown="sse-for-whole",
            ),
            Quirk(
                16,
                "`stream: false` answered with a stream, under several labels (AiNiee#920, "
                "sub2api#2826, owndev/Open-WebUI-Functions#54, litellm#34095).",
                how="As 15.",
                page="contract.md#whole-objects",
            ),
            Quirk(
                17,
                "`stream: true` answered with one object (hermes-agent#21522, neo#10484); "
                'conversions that drop tools and reasoning and force "stop" (opencodex#3770).',
                how="An object is laid out as the stream that it would have been; nothing is "
                "dropped.",
                page="contract.md#whole-objects",
            ),
            Quirk(
                18,
                "Status 200, an event stream, and an empty body (earendil-works/pi#2537): a "
                "silent empty success.",
                how="An error, 502 `upstream_empty_reply`, never an empty success.",
                page="contract.md#errors-before-the-commit",
            ),
            Quirk(
                19,
                "`data: null` and other data that is no object (pi#2466).",
            ),
            Quirk(
                20,
                "Characters cut in two by the network (aisix#111, liter-llm#152) or by the "
                "tokenizer (llama.cpp#28926, lucebox#641, vmlx#129).",
                how="How the network cuts the bytes never matters: the decoder joins them.",
            ),
            Quirk(
                21,
                "JSON cut across reads, frames joined by middleboxes (ruby-openai#332), data "
                "over several lines (routstr#543).",
                how="How the network cuts the bytes never matters: the decoder joins them.",
            ),
            Quirk(
                22,
                "An error written into an unfinished event, so that one event holds two objects"
                " (sub2api#1471).",
            ),
            Quirk(
                23,
                "A bare JSON error in an open stream, without `data:` and `[DONE]` "
                "(OpenFlowLM-Next#64).",
            ),
            Quirk(
                24,
                "Buffering on the way: 16 KB in a gateway (dstackai/dstack#4269), nginx "
                "(koboldcpp#1168, llama.cpp#20872), gzip in a rewriting proxy "
                "(open-notebook#750), all tokens in one millisecond (litellm#26102).",
                how="Nothing is held back or compressed; `x-accel-buffering: no` and "
                "`no-transform` are sent, identity is asked for.",
                page="contract.md#streams",
            ),
            Quirk(
                25,
                "A body without length and without chunks, ended by the close (gdllm#6).",
                how="The close ends the body; whether the reply was whole is judged by its "
                "content.",
                page="contract.md#the-end-of-a-reply",
                shown="healthy-text@body=close",
            ),
        ),
    ),
    Section(
        "The chunk",
        (
            Quirk(
                26,
                '`finish_reason: ""` on every chunk (SGLang#3912, ollama#4357, '
                "together-python#239, dstack#2229).",
            ),
            Quirk(
                27,
                "`finish_reason` missing, or null for ever (openai-workflow#52, one-api#1299, "
                "bifrost#1489, liteLLM-proxy#19).",
            ),
            Quirk(
                28,
                '"stop" on every chunk, in reasoning too (gcli2api#403).',
            ),
            Quirk(
                29,
                "Reasons of the server's own: `eos` (openai-dotnet#267), `eos_token` "
                "(dstack#2229), `end_turn` (modelfusion#343, bedrock-access-gateway#11), `end` "
                "(pi#2107), `abort`, `sensitive`, `network_error` (pi#1509), `error` "
                "(bifrost#5425).",
                how="`error`, `abort`, `network_error` and their like say that the reply is not"
                " whole: they become errors.",
            ),
            Quirk(
                30,
                '"stop" although tools were called (python-genai#2868, ollama#7963, '
                "litellm#35663, mlx-vlm#990, vercel/workflow#1387, strands#3206), or the reason"
                " before the calls (envoy ai-gateway#2399).",
            ),
            Quirk(
                31,
                '"tool_calls" without a call (mastra#14187): agents loop for ever.',
            ),
            Quirk(
                32,
                "The last token and the reason in one chunk (vLLM#36944, #35705).",
            ),
            Quirk(
                33,
                '"length" where a stop string of the request was met (koboldcpp#2481).',
                how="Legal, passes: nothing on the wire tells it from a real one.",
                page="contract.md#chat-chunks",
                shown="healthy-length",
            ),
            Quirk(
                34,
                "The role on every chunk: openai-python joins it to `assistantassistant` "
                "(litellm#9986, foundry-local#144).",
            ),
            Quirk(
                35,
                'Role `""` (opencode#28427), null later (one-api#1299, SGLang#3912), or never '
                "(llama.cpp#5880).",
            ),
            Quirk(
                36,
                "Content null in the first chunk (kyutai unmute#80).",
            ),
            Quirk(
                37,
                "Azure: a first chunk of filter results with empty choices, id and object, and "
                "time 0 (mentat#429, simonw/llm#294, logfire#64, pydantic-ai#164, "
                "meilisearch#6477, grafana-llm-app#790).",
                how="What the first chunk told beside its empty choices goes along with the "
                "next one.",
            ),
            Quirk(
                38,
                "`choices: null` (Roo-Code#9105).",
            ),
            Quirk(
                39,
                "A choice without a delta, or `delta: null` (autogen#6465, LlamaIndexTS#2118, "
                "agent-framework#5734, qwen-code#1448).",
            ),
            Quirk(
                40,
                "Another id in each chunk (foundry-local#144, #221, llama.cpp#5876, "
                "litellm#1571, #14429, Rapid-MLX#752, omlx#2462).",
            ),
            Quirk(
                41,
                "No id, model, created or object (spring-ai#6928, client-python#16).",
            ),
            Quirk(
                42,
                "A choice index that grows with each chunk (foundry-local#144: 197, 198).",
            ),
            Quirk(
                43,
                "`message` and `delta` in one choice, the message cumulative (Perplexity#209, "
                "foundry-local#144).",
            ),
            Quirk(
                44,
                "Cumulative text instead of deltas (macparakeet#1087, swuecho/chat#687).",
            ),
            Quirk(
                45,
                "The same id in every reply (koboldcpp#2481), the wrong prefix in legacy "
                "completions (litellm#14429).",
                how="A completion's id gets its own prefix. An id that repeats from reply to "
                "reply is legal within each, and passes.",
            ),
            Quirk(
                46,
                "Empty deltas between the others (ollama#16450, #12420).",
            ),
            Quirk(
                47,
                "Content as a list of thinking and text (ruby_llm#420, agent-framework#6978, "
                "prism#862).",
            ),
        ),
    ),
    Section(
        "Tool calls",
        (
            Quirk(
                48,
                "No index (ollama#7881, openai-python#2806, mistral.rs#1507, AstrBot#6661, "
                "vercel/ai#5885): exceptions, silent loss, hangs (open-webui#26860).",
            ),
            Quirk(
                49,
                "A wrong index: 0 for all (litellm#37792, LM Studio#723, #759), -1 "
                "(litellm#15884), another one for the arguments (agno#8879).",
            ),
            Quirk(
                50,
                'No id (continue#13225, LangBot#2261, litellm#11262), `""` (lmstudio#830), null'
                " (opencode#30247).",
            ),
            Quirk(
                51,
                "The name on each delta (hermes#8259: `read_fileread_file`, open-webui#22177), "
                '`""` later (lmstudio#649), in pieces (continue#5849), null first '
                "(opencode#32666).",
            ),
            Quirk(
                52,
                "Arguments as an object (llama.cpp#20198, fixed in #20202, picoclaw#1287, "
                "claudette#238: executed with `{}`, litellm#37792).",
            ),
            Quirk(
                53,
                'Arguments `""` for a tool without any (qwen-code#6249, hermes-evolution#1170, '
                "langchainjs#11355), `{}` before the real ones (openai-agents-js#712), two "
                "whole objects at one index (open-webui#22235).",
                how="Two objects that differ, at one index and under one name, pass as they come: "
                "which of them was meant nobody knows.",
            ),
            Quirk(
                54,
                "A delta whose name and arguments are both null (haystack#9581).",
            ),
            Quirk(
                55,
                "A whole call in one chunk, or no streaming with tools (ollama#9092, #11633, "
                "koboldcpp#2480).",
            ),
            Quirk(
                56,
                "Arguments that also leak into the content (MTPLX#249), a call as raw JSON text"
                " (litellm#12481).",
                how="Text is left alone unless the rule is switched on: only the request's "
                "author knows whether JSON is the answer.",
            ),
            Quirk(
                57,
                "Ids in the stream that differ from those of the final object (vLLM#38227).",
                how="A client is given one of the two, never both: the stream's ids stay, "
                "whatever is told later.",
                page="contract.md#chat-chunks",
                shown="tool-id-repeated",
            ),
        ),
    ),
    Section(
        "Reasoning and usage",
        (
            Quirk(
                58,
                "`reasoning` or `reasoning_content` (strands#2182, localharness#142, "
                "litellm#20246).",
                how="The setting `reasoning_key` says under which name, or names, it goes out.",
            ),
            Quirk(
                59,
                "`<think>` in the content (lmstudio#649), only its end (vllm#17144, #13125, "
                "xinference#2805), leaked (lobehub#17453), never closed (imp#509).",
                how="Left alone unless the rule is switched on: text about such tags is text.",
            ),
            Quirk(
                60,
                "Cumulative usage on every chunk (ogx#5122, open-webui#29064), or inside the "
                "last content chunk (routstr#543): sums come out wrong.",
            ),
            Quirk(
                61,
                "Usage under `x_groq` (vercel/ai#1651: NaN).",
            ),
            Quirk(
                62,
                "Usage with nulls (bifrost#5425), or none when there are tools (koboldcpp#2480).",
                how="Usage that was never told is not invented.",
            ),
            Quirk(
                63,
                "The last usage chunk has `choices: []`, and clients read `choices[0]` "
                "(anything-llm#6380, #5112).",
                how="Legal, passes, and only to clients that asked for usage.",
                page="contract.md#chat-chunks",
            ),
            Quirk(
                64,
                "llama.cpp: a chunk of timings with `choices: []` (llama.cpp#15827).",
                how="The timings go along with the next chunk; after the last content they are "
                "dropped.",
            ),
        ),
    ),
    Section(
        "Errors",
        (
            Quirk(
                65,
                "An error in a stream under status 200, often without `[DONE]` (goose#8021, "
                "octo-agent#910, rocketmq-dashboard#2178); read as an empty success "
                "(OmniRoute#8210).",
                how="An error that is well said is the reply's last word as it is; the terminal is "
                "added.",
                page="contract.md#the-end-of-a-reply",
            ),
            Quirk(
                66,
                'OpenRouter: an error beside `finish_reason: "error"` or empty choices '
                "(local-operator#223, genkit#6079, jp#978).",
            ),
            Quirk(
                67,
                '`{"error": "text"}` (autogen#279, #757, Psycheros#44), `{"detail": …}`, '
                '`{"message": …}` (openai-node#1734).',
                how="Error replies are shaped by the same words.",
            ),
            Quirk(
                68,
                'Status 200 and `finish_reason: "error"` in a whole object (koboldcpp#2481, '
                "bifrost#5425).",
            ),
            Quirk(
                69,
                "MiniMax: `base_resp` (Roo-Code#9105). LM Studio: 200 for an unknown route "
                "(lmstudio#2055).",
            ),
            Quirk(
                70,
                "An outage of a gateway's database told as 401 (litellm#34479).",
                how="Legal, passes: only that server knows better.",
                page="contract.md#errors-before-the-commit",
                shown="error-401",
            ),
            Quirk(
                71,
                "An HTML page as an error.",
                how="An error in OpenAI's shape that names the page's title.",
                page="contract.md#errors-before-the-commit",
            ),
        ),
    ),
    Section(
        "Responses API",
        (
            Quirk(
                72,
                "`sequence_number` missing (OmniRoute#13964), 0 dropped (sub2api#7128), "
                "constant (litellm#28899), with gaps (GoModel#953), nested (vllm#37071); it is "
                "required (onyx#13624).",
            ),
            Quirk(
                73,
                "`output`, `status`, `created_at` missing in nested objects (OmniRoute#13964, "
                "sub2api#5601).",
            ),
            Quirk(
                74,
                "Items without `output_item.added` (vllm#48274), `*.done` events missing "
                "(vllm#37071).",
            ),
            Quirk(
                75,
                "`output_index` reused, item ids that change, completed lists with new ids "
                "(litellm#36375, vllm#24788).",
            ),
            Quirk(
                76,
                "No `response.completed` (ollama#14600, CLIProxyAPI#2358), no "
                "`response.created` (openai-agents-python#4333).",
            ),
            Quirk(
                77,
                "`completed` with an empty output although deltas came (sub2api#2826), a null "
                "item (openai-python#3126).",
            ),
            Quirk(
                78,
                "An HTTP error envelope inside the stream (ogx#5224).",
            ),
        ),
    ),
    Section(
        "Anthropic Messages",
        (
            Quirk(
                79,
                "`message_start` or its usage missing: Claude Code crashes "
                "(free-claude-code#121, #123, #209, cc-switch#1945).",
            ),
            Quirk(
                80,
                "`message_start` without `content: []` (cc-switch#7390).",
            ),
            Quirk(
                81,
                "`input_tokens` 0 in streams (grok2api#612), cache reads counted twice "
                "(commandcode-proxy#25).",
                how="A prompt that nobody counted is estimated; cached tokens are told apart from "
                "`input_tokens`, and counted once.",
                page="contract.md#messages",
            ),
            Quirk(
                82,
                "`event: error` under 200 ignored (clicky#132), no `count_tokens` "
                "(codex-proxy#612, lmstudio#2055).",
                how="An error is the last thing said. Where the upstream has no `count_tokens`, "
                "the answer is an estimate that says so.",
                page="contract.md#counting-tokens",
            ),
            Quirk(
                83,
                "No `input_json_delta` for tools without arguments "
                "(oai-compatible-copilot#151), `tool_use` with empty content (mastra#14187).",
            ),
        ),
    ),
    Section(
        "Progress",
        (
            Quirk(
                84,
                "llama.cpp: `prompt_progress` on a chunk with a role and null content "
                "(unsloth#11161), in a vLLM proposal (#40371) with empty choices. Both break "
                "clients that they leak to.",
            ),
            Quirk(
                85,
                "Lemonade told progress as tool calls (lemonade#347, closed).",
                how="Legal, passes: a call that reports progress cannot be told from one that "
                "the model made. That server mended it.",
                page="contract.md#chat-chunks",
            ),
            Quirk(
                86,
                "Ollama's own API (`/api/chat`): a JSON object in each line, no finish reason for "
                "calls, calls without ids, arguments as objects, an error as a line of a good "
                "reply, and no count of a prompt that was cached.",
                how='It has a reader of its own (`dialects: [ollama]`): ids are made, "stop" '
                'after a call is "tool_calls", and unknown usage stays unknown. Most of its '
                "users ask its `/v1`, which speaks chat.",
                page="contract.md#ollamas-own-api",
            ),
        ),
    ),
    Section(
        "Recorded from real servers",
        (
            Quirk(
                87,
                "llama.cpp: `prompt_progress` per batch with a role each time, content null "
                "first, usage inside the finish chunk of completions, `timings` on the last "
                'chunk, ids without `call_`, `content: ""` beside whole tool calls, '
                "`error.code` a number, 500 for an unsupported image.",
                how="`timings` passes as an extra field, numbers as error codes become text.",
            ),
            Quirk(
                88,
                "mlx-lm: HTTP/1.0 ended by the close, the role in every delta, a usage chunk "
                "with the wrong object name, a whole tool call in one delta, `: keepalive P/T` "
                "comments, `stream_options: {}` truncates the stream, an unknown model is 404 "
                "with a text, the model list is empty.",
                how="The close, the string error and the empty model list are met by the "
                "connection, the error's shape and the list; an empty `stream_options` is "
                "not sent on.",
            ),
            Quirk(
                89,
                "transformers serve: no `finish_reason` key until the end, no `[DONE]`, usage "
                "unasked, 422 on fields that it does not know, plain text with 500, an error as"
                " text after a 200, `/v1/responses` always a stream, `@main` behind the model's"
                " name.",
                how="The model's name passes as the server tells it; a stream for a request "
                "without `stream` is collected.",
            ),
            Quirk(
                90,
                "vLLM: the reason rides on content, no `arguments` key in a call's first delta,"
                " an empty delta after prefill, `reasoning`, `error.code` a number, every "
                "optional key as null.",
                how="Nulls for optional keys are legal and pass; numbers as error codes become "
                "text.",
            ),
            Quirk(
                91,
                "A relay in front: a usage chunk with a choice, headers that leak the "
                "upstream's address.",
                how="Of an upstream's headers only those pass that tell a client of limits, and "
                "none that says where it is.",
            ),
            Quirk(
                92,
                "The Codex client: text before `output_item.added` is dropped, "
                "`completed.response.output` is not read, the connection must close after "
                "`response.failed`.",
                how="Every item is announced and done, and after a failure the connection closes.",
                page="contract.md#responses",
            ),
            Quirk(
                93,
                "openai-python: a byte order mark, blocks without data and malformed UTF-8 "
                "break it. openai-node: anything that begins with `[DONE]` and is longer is an "
                "error.",
                how="None of these is ever sent; tests look for each.",
                page="contract.md#streams",
            ),
            Quirk(
                94,
                "LocalAI: zero usage on every chunk, a role chunk without `object`, one call at"
                " several indexes, `mcp_tool_result` objects in the stream.",
            ),
            Quirk(
                95,
                "SwiftLM: CRLF but `[DONE]` with LF, a new id per chunk, `timings` inside "
                "usage, a held think tag lost at the end, usage after the finish.",
                how="Line ends, the order of the tail and `timings` in usage are read as they "
                "come.",
            ),
            Quirk(
                96,
                "llama.cpp, several choices: a stream tells usage once for each choice, of that "
                "choice alone and while others go on; a whole reply tells the first one's. Where "
                "several prompts were asked, its stream begins with `data: null`.",
                how="Its whole replies are collected from streams, whose usage is summed.",
                page="kinds.md",
            ),
        ),
    ),
)

QUIRKS: dict[int, Quirk] = {quirk.number: quirk for part in SECTIONS for quirk in part.quirks}
