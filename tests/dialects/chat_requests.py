"""Bad request bodies, what is wrong with each, and what must be said of it.

Each holds ``MARK`` where a request has its content: no message may ever repeat it.
"""

from __future__ import annotations

from dataclasses import dataclass

MARK = "zebra-7f3a"
_MESSAGES = f'"messages":[{{"role":"user","content":"{MARK}"}}]'
HEALTHY = f'{{"model":"m",{_MESSAGES}}}'
_DEEP = 100_000


@dataclass(frozen=True)
class Bad:
    name: str
    body: bytes
    param: str | None
    code: str


def _bad(code: str, name: str, body: str | bytes, param: str | None = None) -> Bad:
    return Bad(name, body if isinstance(body, bytes) else body.encode(), param, code)


def _json(name: str, body: str | bytes, param: str | None = None) -> Bad:
    return _bad("invalid_json", name, body, param)


def _with(code: str, param: str, text: str, name: str = "") -> Bad:
    """A healthy body and one more field, or several."""
    body = f'{{"model":"m",{_MESSAGES},{text}}}'
    return _bad(code, name or text[:60], body, param)


def _said(code: str, param: str, messages: str) -> Bad:
    return _bad(code, f"messages {messages[:60]}", f'{{"model":"m","messages":{messages}}}', param)


NOT_JSON = (
    _json("empty", ""),
    _json("blank", " \r\n\t "),
    _json("plain text", f"hello {MARK}"),
    _json("an array", f'["{MARK}"]'),
    _json("a string", f'"{MARK}"'),
    _json("a number", "5"),
    _json("null", "null"),
    _json("cut in a string", HEALTHY[:-4], "messages"),
    _json("cut in an array", '{"model":"m","messages":[', "messages"),
    _json("text behind the object", HEALTHY + MARK),
    _json("two objects", HEALTHY * 2),
    _json("a comma too many", HEALTHY[:-1] + ",}"),
    _json("single quotes", f"{{'model':'{MARK}'}}"),
    _json("a byte order mark", "\ufeff" + HEALTHY),
    _json("UTF-16", HEALTHY.encode("utf-16")),
    _json("invalid UTF-8 in a string", HEALTHY.encode().replace(b"7f", b"\xff"), "messages"),
    _json("invalid UTF-8 in a name", b'{"\xff":1,' + HEALTHY[1:].encode()),
    _json("a line end in a string", HEALTHY.replace("-", "\n"), "messages"),
    _json("NUL in a string", HEALTHY.replace("-", "\0"), "messages"),
    _json("half a surrogate pair", HEALTHY.replace("-", "\\ud83e"), "messages[0].content"),
    _json("the other half", HEALTHY.replace("-", "\\udd9c"), "messages[0].content"),
    _json("a model twice", '{"model":"a",' + HEALTHY[1:], "model"),
    _json("a model twice, once escaped", '{"mod\\u0065l":"a",' + HEALTHY[1:], "model"),
    _json("deep from the start", "[" * _DEEP),
    _json("deep content", HEALTHY.replace(f'"{MARK}"', "[" * _DEEP + "]" * _DEEP), "messages"),
    _with("invalid_json", "x", '"x":' + "[" * _DEEP + "]" * _DEEP, "deep arrays"),
    _with("invalid_json", "x", '"x":' + '{"a":' * _DEEP + "1" + "}" * _DEEP, "deep objects"),
    _with("invalid_json", "x", '"x":{"\\ud800":1}'),
    _with("invalid_json", "temperature", '"temperature":NaN'),
    _with("invalid_json", "temperature", '"temperature":Infinity'),
    _with("invalid_json", "top_p", '"top_p":-Infinity'),
    _with("invalid_json", "x.y[1]", '"x":{"y":[1,NaN]}'),
    _with("invalid_json", "temperature", '"temperature":1e999'),
    _with("invalid_json", "seed", '"seed":' + "9" * 30),
    _with("invalid_json", "max_tokens", '"max_tokens":' + "9" * 100_000),
    _with("invalid_json", "x.y", '"x":{"y":-' + "9" * 400 + "}"),
    _with("invalid_json", "temperature", '"temperature":18446744073709551616'),
)

MISSING = (
    _bad("missing_required_parameter", "no model", f"{{{_MESSAGES}}}", "model"),
    _bad("missing_required_parameter", "no messages", '{"model":"m"}', "messages"),
    _bad("missing_required_parameter", "nothing", "{}", "model"),
    _said("missing_required_parameter", "messages[0].role", f'[{{"content":"{MARK}"}}]'),
)

WRONG_TYPE = (
    _bad("invalid_type", "model null", f'{{"model":null,{_MESSAGES}}}', "model"),
    _bad("invalid_type", "model 5", f'{{"model":5,{_MESSAGES}}}', "model"),
    _said("invalid_type", "messages", f'"{MARK}"'),
    _said("invalid_type", "messages", "null"),
    _said("invalid_type", "messages", f'{{"{MARK}":1}}'),
    _said("invalid_type", "messages[0]", f'["{MARK}"]'),
    _said("invalid_type", "messages[0].role", f'[{{"role":5,"content":"{MARK}"}}]'),
    _said("invalid_type", "messages[0].content", '[{"role":"user","content":5}]'),
    _said("invalid_type", "messages[0].content", f'[{{"role":"user","content":{{"{MARK}":1}}}}]'),
    _said("invalid_type", "messages[0].content[0]", '[{"role":"user","content":[5]}]'),
    _said("invalid_type", "messages[0].tool_calls", '[{"role":"user","tool_calls":{}}]'),
    _with("invalid_type", "stream", '"stream":"true"'),
    _with("invalid_type", "stream", '"stream":1'),
    _with("invalid_type", "stream_options", f'"stream_options":"{MARK}"'),
    _with("invalid_type", "stream_options", '"stream_options":[]'),
    _with(
        "invalid_type",
        "stream_options.include_usage",
        f'"stream_options":{{"include_usage":"{MARK}"}}',
    ),
    _with("invalid_type", "n", f'"n":"{MARK}"'),
    _with("invalid_type", "n", '"n":1.0'),
    _with("invalid_type", "max_tokens", '"max_tokens":1.5'),
    _with("invalid_type", "temperature", f'"temperature":"{MARK}"'),
    _with("invalid_type", "stop", '"stop":5'),
    _with("invalid_type", "stop[1]", f'"stop":["{MARK}",5]'),
    _with("invalid_type", "tools", '"tools":{}'),
    _with("invalid_type", "tools[0]", f'"tools":["{MARK}"]'),
    _with("invalid_type", "tool_choice", '"tool_choice":5'),
    _with("invalid_type", "logit_bias[...]", f'"logit_bias":{{"{MARK}":"x"}}'),
    _with("invalid_type", "logprobs", '"logprobs":"yes"'),
    _with("invalid_type", "response_format", '"response_format":"json"'),
    _with("invalid_type", "user", '"user":5'),
)

WRONG_VALUE = (
    _bad("invalid_value", "model empty", f'{{"model":"",{_MESSAGES}}}', "model"),
    _bad("invalid_value", "model blank", f'{{"model":" ",{_MESSAGES}}}', "model"),
    _said("invalid_value", "messages", "[]"),
    _with("invalid_value", "n", '"n":0'),
    _with("invalid_value", "n", '"n":-1'),
    _with("invalid_value", "n", '"n":129'),
    _with("invalid_value", "seed", '"seed":9223372036854775808'),
    _with("invalid_value", "max_tokens", '"max_tokens":9223372036854775808'),
)

BAD_BODIES = (*NOT_JSON, *MISSING, *WRONG_TYPE, *WRONG_VALUE)
