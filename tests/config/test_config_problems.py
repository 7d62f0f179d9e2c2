"""Wrong settings files: what is said, where, and with which hint."""

from __future__ import annotations

import pytest

from strictwire.config import Problem, SettingsError, load

RULES = {
    "chat.role": ("on", "off"),
    "chat.think-tags": ("keep", "split"),
    "reply.tool-finish": ("on", "off"),
    "reply.finish-early": (),
}
ENVIRON = {"KEY": "sk-dummy", "EMPTY": "", "SPACED": "sk dummy", "PORT": "8000", "WORD": "many"}
ONE = "providers:\n- name: one\n  base_url: http://h\n"


def problems_of(text: str) -> list[Problem]:
    with pytest.raises(SettingsError) as caught:
        load(text, source="f.yaml", environ=ENVIRON, known_rules=RULES)
    return caught.value.problems


def told(text: str) -> list[str]:
    return [str(problem) for problem in problems_of(text)]


# (file, "line:column: path", words that the line must hold)
WRONG = {
    "unknown": ("prot: 1", "1:1: prot", "did you mean port?"),
    "hyphens": ("max-body-bytes: 2048", "1:1: max-body-bytes", "did you mean max_body_bytes?"),
    "capitals": ("Host: a", "1:1: Host", "did you mean host?"),
    "legacy spelling": (
        "force-upstream_stream: true",
        "1:1: force-upstream_stream",
        "unknown setting",
    ),
    "unknown without a near name": (
        "timeouts: {zzz: 1}",
        "1:12: timeouts.zzz",
        "known here: connect",
    ),
    "duplicate key": ("port: 1\nport: 2", "2:1: port", "the first stands on line 1"),
    "text for a number": ("port: eighty", "1:7: port", "not a text"),
    "quoted number": ('port: "8080"', "1:7: port", "a whole number from 1 to 65535"),
    "fraction": ("port: 80.5", "1:7: port", "a whole number"),
    "switch for a number": ("workers: true", "1:10: workers", "not a true/false"),
    "port beyond": ("port: 65536", "1:7: port", "from 1 to 65535"),
    "huge integer": ("port: " + "9" * 5000, "1:7: port", "a whole number"),
    "date": ("host: 2001-01-01", "1:7: host", "must be a host"),
    "binary": ("host: !!binary aGk=", "1:7: host", "must be a host"),
    "private tag": ("host: !python/object x", "1:7: host", "must be a host"),
    "number for a switch": (
        "allow_public_without_key: 1",
        "1:27: allow_public_without_key",
        "true or false",
    ),
    "empty value": ("providers:\nport: 1", "1:1: providers", "take the line out"),
    "empty scalar": ("host:", "1:1: host", "not empty"),
    "empty text": ("host: ''", "1:1: host", "not empty"),
    "mapping for a scalar": ("host: {a: 1}", "1:7: host", "must be a host"),
    "list for a scalar": ("after_error: [done]", "1:14: after_error", "one of done, cut"),
    "list for a mapping": ("timeouts: []", "1:11: timeouts", "a mapping"),
    "mapping for a list": ("providers: {a: 1}", "1:12: providers", "a list"),
    "text for a list": ("api_keys: sk-dummy", "1:11: api_keys", "a list"),
    "file is a list": ("- a", "1:1: ", "a mapping of settings"),
    "file is a text": ("hello", "1:1: ", "a mapping of settings"),
    "complex key": ("? [a, b]\n: 1", "1:3: ", "a name must be a plain text"),
    "choice": ("after_error: stop", "1:14: after_error", "one of done, cut"),
    "negative": ("drain_timeout: -1", "1:16: drain_timeout", "0 does not wait"),
    "negative timeout": ("timeouts: {idle: -0.5}", "1:18: timeouts.idle", "above 0"),
    "zero where it makes no sense": ("timeouts: {idle: 0}", "1:18: timeouts.idle", "above 0"),
    "too long": ("keepalive: 99999999", "1:12: keepalive", "up to 604800"),
    "not a number": ("keepalive: .nan", "1:12: keepalive", "seconds"),
    "infinite": ("timeouts: {total: .inf}", "1:19: timeouts.total", "seconds"),
    "unit": ("linger_s: 5s", "1:11: linger_s", "a plain number of seconds"),
    "key with a space": ("api_keys: [a b]", "1:12: api_keys[0]", "without spaces"),
    "key is a number": ("api_keys: [123]", "1:12: api_keys[0]", "put it in quotes"),
    "host with a port": ("host: 127.0.0.1:80", "1:7: host", "give the port apart"),
    "host with a path": ("host: a/b", "1:7: host", "not a host"),
    "origin with a path": ("cors: [http://a/b]", "1:8: cors[0]", "a URL, not an origin"),
    "origin with a slash": ("cors: [http://a/]", "1:8: cors[0]", "a URL, not an origin"),
    "origin without a scheme": ("cors: a.example", "1:7: cors", "write scheme and host"),
    "origin with a wildcard": ("cors: ['https://*.a']", "1:8: cors[0]", "list each origin"),
    "origin with a bad port": ("cors: ['https://a:99999']", "1:8: cors[0]", "wrong"),
    "origin null": ("cors: ['null']", "1:8: cors[0]", "not an origin"),
    "variable missing": ("host: ${NOPE}", "1:7: host", "variable NOPE is not set"),
    "variable empty": ("host: ${EMPTY}", "1:7: host", "not empty"),
    "variable of the wrong kind": ("port: ${WORD}", "1:7: port", "a whole number"),
    "variable inside a number": ("port: 1${PORT}", "1:7: port", "a whole number"),
    "reference without a name": ("host: a${", "1:7: host", "write $${"),
    "public without a key": ("port: 1\nhost: 0.0.0.0", "2:7: host", "allow_public_without_key"),
    "public, keys empty": ("host: '::'\napi_keys: []", "1:7: host", "no API key is set"),
    "name is public": ("host: my-machine", "1:7: host", "no API key is set"),
    "merge of a scalar": ("<<: 3", "1:5: ", "must name another mapping"),
    "merge of itself": ("timeouts: &t\n  <<: *t", "1:11: timeouts", "must name another mapping"),
}
WRONG_IN_PROVIDER = {
    "no scheme": ("base_url: h:80", "base_url", "it has no scheme"),
    "other scheme": ("base_url: ftp://h", "base_url", "must begin with one of http://, https://"),
    "bad port": ("base_url: http://h:0/", "base_url", "host or port is wrong"),
    "no host": ("base_url: http:///v1", "base_url", "host or port is wrong"),
    "unclosed bracket": ("base_url: 'http://[::1'", "base_url", "host or port is wrong"),
    "space": ("base_url: http://h/a b", "base_url", "a space"),
    "password": ("base_url: http://u:p@h/", "base_url", "put the key under api_keys"),
    "query": ("base_url: http://h/?a=1", "base_url", "a query"),
    "endpoint": (
        "base_url: http://h/v1/chat/completions",
        "base_url",
        "cut /chat/completions off",
    ),
    "request_body": ("timeouts: {request_body: 1}", "timeouts.request_body", "the top level"),
    "unknown rule": ("repairs: {chat.roll: off}", "repairs.chat.roll", "did you mean chat.role?"),
    "unknown mode": ("repairs: {chat.role: no}", "repairs.chat.role", "one of on, off"),
    "always on": (
        "repairs: {reply.finish-early: off}",
        "repairs.reply.finish-early",
        "docs/rules.md",
    ),
    "another mode": ("repairs: {chat.think-tags: on}", "repairs.chat.think-tags", "keep, split"),
    "rules as a list": ("repairs: [chat.role]", "repairs", "a mapping of rule names"),
    "mode is a list": ("repairs: {chat.role: []}", "repairs.chat.role", "one of on, off"),
    "header of the connection": ("headers: {Host: a}", "headers.Host", "take it out"),
    "header name": ("headers: {'a b': c}", "headers.a b", "not a header name"),
    "header twice": ("headers: {X-A: b, x-a: c}", "headers.x-a", "given twice"),
    "header with a line end": (r'headers: {a: "b\nc"}', "headers.a", "in one line"),
    "header is a number": ("headers: {a: 1}", "headers.a", "put it in quotes"),
    "header is a list": ("headers: {a: [1]}", "headers.a", "must be a text"),
    "headers are a text": ("headers: a", "headers", "a mapping of header names"),
    "variable in a header": ("headers: {a: 'b ${NOPE}'}", "headers.a", "NOPE is not set"),
    "variable with a space in a key": ("api_keys: ['${SPACED}']", "api_keys[0]", "spaces"),
    "auto and more": ("dialects: [auto, chat]", "dialects", "say auto, or list"),
    "no dialect": ("dialects: [morse]", "dialects[0]", "one of auto, chat, completions"),
    "proxy": ("proxy: h:1", "proxy", "it has no scheme"),
    "proxy with a path": ("proxy: http://h:1/a", "proxy", "end after the host and port"),
    "model twice known": ("models: [a, {name: b, aliases: [a]}]", "models[1].aliases[0]", "taken"),
    "alias of itself": ("models: [{name: b, aliases: [b]}]", "models[0].aliases[0]", "taken by"),
    "model without a name": ("models: [{aliases: [b]}]", "models[0].name", "is missing"),
    "model is a number": ("models: [1.5]", "models[0]", "put it in quotes"),
    "model is a list": ("models: [[a]]", "models[0]", "a mapping"),
    "legacy against never": (
        "stream: never\n  force-upstream-stream: true",
        "force_upstream_stream",
        "contradicts stream: never",
    ),
    "legacy against always": (
        "stream: always\n  force_upstream_stream: false",
        "force_upstream_stream",
        "contradicts stream: always",
    ),
    "kind": ("kind: gpt", "kind", "one of auto, other, engine, llama.cpp"),
    "an engine's setting elsewhere": ("parallel: 2", "parallel", "kind: engine"),
    "a model elsewhere": ("kind: vllm\n  model: a.gguf", "model", "kind: engine"),
    "an engine somewhere": ("kind: engine", "base_url", "take it out"),
    "legacy is a text": ("force-upstream-stream: yes", "force_upstream_stream", "true or false"),
}
WRONG_IN_ENGINE = {
    "bits": ("kv_bits: 5", "kv_bits", "one of 4, 8, 16"),
    "bits as a switch": ("kv_bits: true", "kv_bits", "one of 4, 8, 16"),
    "no place": ("parallel: 0", "parallel", "from 1 to"),
    "dialects": ("dialects: chat", "dialects", "does not go with kind engine"),
    "keys": ("api_keys: [a]", "api_keys", "does not go with kind engine"),
    "headers": ("headers: {a: b}", "headers", "does not go with kind engine"),
    "proxy": ("proxy: http://h:1", "proxy", "does not go with kind engine"),
    "tls": ("insecure_tls: true", "insecure_tls", "does not go with kind engine"),
    "ca_file": ("ca_file: a.pem", "ca_file", "does not go with kind engine"),
    "two models": ("models: [a, b]", "models[1]", "an engine has one model"),
}
# (file, line and column, words of the message)
NOT_YAML = {
    "unclosed": ("a: [1\nb: 2", "2:2", "expected ',' or ']'"),
    "colon": ("host: a: b", "1:8", "needs quotes"),
    "star": ("cors: *", "1:8", "but found the end of the file"),
    "tab": ("timeouts:\n\tidle: 1", "2:1", "not tabs"),
    "reference in a flow list": ("api_keys: [${KEY}]", "1:13", 'quote it: ["${NAME}"]'),
    "two documents": ("port: 1\n---\nport: 2", "2:1", "one document"),
    "undefined anchor": ("host: *a", "1:7", "undefined alias"),
    "control character": ("port: 1\nhost: a\x00", "2:8", "a character that may not stand here"),
    "unknown escape": (r'host: "\q"', "1:9", "escape"),
    "too deep": ("a: " + "[" * 1500, "1:1", "nested too deep"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_setting_is_told_with_its_place(name: str) -> None:
    text, place, words = WRONG[name]
    (line,) = told(text)
    assert line.startswith(f"f.yaml:{place}"), line
    assert words in line


@pytest.mark.parametrize("name", WRONG_IN_PROVIDER)
def test_wrong_setting_of_a_provider(name: str) -> None:
    setting, path, words = WRONG_IN_PROVIDER[name]
    base = ONE.replace("  base_url: http://h\n", "") if setting.startswith("base_url") else ONE
    (problem,) = problems_of(f"{base}  {setting}\n")
    assert problem.path == f"providers[0].{path}"
    assert words in str(problem)
    assert problem.line > 2


@pytest.mark.parametrize("name", WRONG_IN_ENGINE)
def test_wrong_setting_of_an_engine(name: str) -> None:
    setting, path, words = WRONG_IN_ENGINE[name]
    (problem,) = problems_of(f"providers:\n- name: one\n  kind: engine\n  {setting}\n")
    assert problem.path == f"providers[0].{path}"
    assert words in str(problem)
    assert problem.line == 4


@pytest.mark.parametrize("kind", ["", ", kind: auto", ", kind: azure"])
def test_a_server_whose_place_nobody_knows(kind: str) -> None:
    (line,) = told(f"providers: [{{name: one{kind}}}]")
    assert "providers[0].base_url: is missing" in line


def test_several_workers_cannot_share_an_engine() -> None:
    (line,) = told("workers: 2\nproviders: [{name: one, kind: engine}]")
    assert line.startswith("f.yaml:1:10: workers: an engine is served by one process")


@pytest.mark.parametrize("name", NOT_YAML)
def test_not_yaml(name: str) -> None:
    text, place, words = NOT_YAML[name]
    (line,) = told(text)
    assert line.startswith(f"f.yaml:{place}: "), line
    assert words in line


def test_all_problems_come_at_once_in_the_order_of_the_file() -> None:
    lines = told(
        "host: 0.0.0.0\nprot: 1\ntimeouts: {idle: -1}\nproviders:\n"
        "- {name: one, base_url: h}\n- {name: one, base_url: http://h, stream: maybe}\n- {}\n"
    )
    assert [line.split(": ")[:2] for line in lines] == [
        ["f.yaml:1:7", "host"],
        ["f.yaml:2:1", "prot"],
        ["f.yaml:3:18", "timeouts.idle"],
        ["f.yaml:5:25", "providers[0].base_url"],
        ["f.yaml:6:10", "providers[1].name"],
        ["f.yaml:6:43", "providers[1].stream"],
        ["f.yaml:7:3", "providers[2].name"],
        ["f.yaml:7:3", "providers[2].base_url"],
    ]


def test_the_printed_form() -> None:
    (line,) = told(ONE.replace("http://h", "h"))
    assert line == (
        "f.yaml:3:13: providers[0].base_url: is not a URL: it has no scheme "
        "(hint: write it as in http://127.0.0.1:8000/v1)"
    )


@pytest.mark.parametrize("own", ["stream: never", "stream: auto", "force-upstream-stream: false"])
def test_a_provider_that_contradicts_the_legacy_setting_of_the_top_level(own: str) -> None:
    (problem,) = problems_of(f"force-upstream-stream: true\n{ONE}  {own}\n")
    assert "contradicts force_upstream_stream: true" in problem.message
    assert problem.line == 5


def test_merges_that_multiply_are_cut_short() -> None:
    text = "timeouts:\n  <<: &m0 {}\n"
    for level in range(1, 15):
        text += f"  <<: &m{level} {{<<: [{', '.join([f'*m{level - 1}'] * 9)}]}}\n"
    (problem,) = problems_of(text)
    assert "more than 10000 merges" in problem.message


def test_the_same_alias_at_two_providers_clashes() -> None:
    (problem,) = problems_of(
        "providers:\n"
        "- {name: one, base_url: http://h, models: [{name: a, aliases: [x]}]}\n"
        "- {name: two, base_url: http://h, models: [{name: b, aliases: [x]}]}\n"
    )
    assert problem.path == "providers[1].models[0].aliases[0]"
    assert "providers[0].models[0].aliases[0]" in problem.message


SECRET_FILES = [
    "api_keys: [sk-secret one]",
    "api_keys: {sk-secret: 1",
    "api_keys: sk-secret",
    "api_keys: [[sk-secret]]",
    "host: sk-secret/",
    f"{ONE}  proxy: http://sk-secret@h:1/p",
    f"{ONE}  headers: {{a: 'sk-secret\u00e9'}}",
    f"{ONE}  api_keys: ['sk-secret\u00e9']",
    ONE.replace("http://h", "http://sk-secret@h"),
    ONE.replace("http://h", "sk-secret"),
    ONE.replace("http://h", "http://sk-secret:x"),
]


@pytest.mark.parametrize("text", SECRET_FILES)
def test_a_wrong_value_is_never_repeated(text: str) -> None:
    assert "sk-secret" not in "\n".join(told(text))
