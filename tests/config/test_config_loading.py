"""Good settings files and flags: what they become."""

from __future__ import annotations

import pickle
from dataclasses import fields, replace

import pytest

from strictwire.config import (
    DEMO_NAME,
    SERVER_KINDS,
    Endpoints,
    Model,
    Provider,
    Secret,
    Settings,
    SettingsError,
    Timeouts,
    from_flags,
    is_loopback_host,
    load,
    shown_url,
)
from strictwire.config.model_files import model_name_of, provider_name_of
from strictwire.config.server_kinds import ENGINE_URL
from strictwire.config.settings import MEBIBYTE
from strictwire.config.table import rows
from strictwire.model.errors import MisuseError

ENVIRON = {"KEY": "sk-dummy", "PORT": "8000", "SECONDS": "2.5", "YES": "true", "WORD": "cut"}


def loaded(text: str, **more: object) -> Settings:
    arguments = {
        "source": "f.yaml",
        "environ": ENVIRON,
        "known_rules": {"chat.role": ("on", "off")},
        **more,
    }
    return load(text, **arguments)  # type: ignore[arg-type]


def provider_of(text: str) -> Provider:
    return loaded(f"providers:\n- name: one\n  base_url: http://h/v1\n  {text}\n").providers[0]


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "{}", "\ufeff"])
def test_an_empty_file_gives_the_defaults(text: str) -> None:
    assert loaded(text) == Settings()


def test_the_defaults() -> None:
    settings = Settings()
    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8080, 1)
    assert (settings.api_keys, settings.cors, settings.providers) == ((), (), ())
    assert (settings.keepalive, settings.nonstream_keepalive) == (15.0, 0.0)
    assert (settings.after_error, settings.reasoning_key) == ("done", "reasoning_content")
    assert (settings.linger_s, settings.drain_timeout) == (1.0, 30.0)
    assert settings.max_body_bytes == settings.max_reply_bytes == 64 * MEBIBYTE
    assert settings.allow_public_without_key is False
    assert settings.timeouts == Timeouts(
        request_body=60, connect=10, first_byte=600, idle=300, write_stall=120, total=0
    )


# (one line of the file, the field, its value)
TOP_LEVEL = [
    ("port: 8000", "port", 8000),
    ("port: 0x1f90", "port", 8080),
    ("port: ${PORT}", "port", 8000),
    ('port: "${PORT}"', "port", 8000),
    ("keepalive: 5", "keepalive", 5.0),
    ("keepalive: ${SECONDS}", "keepalive", 2.5),
    ("keepalive: 0", "keepalive", 0.0),
    ("after_error: ${WORD}", "after_error", "cut"),
    ("allow_public_without_key: ${YES}", "allow_public_without_key", True),
    ("allow_public_without_key: on", "allow_public_without_key", True),
    ("allow_public_without_key: off", "allow_public_without_key", False),
    ("host: '[::1]'", "host", "::1"),
    ("host: localhost", "host", "localhost"),
    ('cors: "*"', "cors", ("*",)),
    ("cors: https://A.Example:443", "cors", ("https://a.example",)),
    (
        "cors: [http://a:3000, 'vscode-webview://x']",
        "cors",
        ("http://a:3000", "vscode-webview://x"),
    ),
    ("cors: ['http://[::1]:80']", "cors", ("http://[::1]",)),
    ('api_keys: ["${KEY}", b]', "api_keys", (Secret("sk-dummy"), Secret("b"))),
    ('api_keys: ["a$${b"]', "api_keys", (Secret("a${b"),)),
    ("force-upstream-stream: true", "stream", "always"),
    ("force-upstream-stream: false", "stream", "auto"),
    ("timeouts: {idle: 1, total: 0}", "timeouts", Timeouts(idle=1.0)),
    ("endpoints: {audio: off, files: true}", "endpoints", Endpoints(audio=False)),
    ("endpoints: {responses: off}", "endpoints", Endpoints(responses=False)),
    ("dialects: auto", "dialects", ("auto",)),
    ("dialects: chat", "dialects", ("chat",)),
    ("dialects: [messages, chat]", "dialects", ("messages", "chat")),
    ("responses_done: false", "responses_done", False),
]


@pytest.mark.parametrize(("text", "name", "value"), TOP_LEVEL)
def test_a_setting_of_the_top_level(text: str, name: str, value: object) -> None:
    assert loaded(text) == replace(Settings(), **{name: value})


BASE_URLS = [
    ("http://h", "http://h/v1"),
    ("http://h/", "http://h/v1"),
    ("http://h/v1", "http://h/v1"),
    ("http://h/v1/", "http://h/v1"),
    ("http://h/v1//", "http://h/v1"),
    ("HTTP://Host:8000/api", "http://host:8000/api"),
    ("https://h/openai/v1/", "https://h/openai/v1"),
    ("http://[::1]:8000", "http://[::1]:8000/v1"),
    ("http://h/%7Eme", "http://h/%7Eme"),
]


@pytest.mark.parametrize(("given", "normal"), BASE_URLS)
def test_base_url_is_the_root_of_the_api(given: str, normal: str) -> None:
    (provider,) = loaded(f"providers: [{{name: one, base_url: '{given}'}}]").providers
    assert provider.base_url == normal


PROVIDER = [
    ('api_keys: ["${KEY}"]', "api_keys", (Secret("sk-dummy"),)),
    ("stream: always", "stream", "always"),
    ("dialects: [responses, completions]", "dialects", ("responses", "completions")),
    ("force_upstream_stream: true", "stream", "always"),
    ("force-upstream-stream: true\n  stream: always", "stream", "always"),
    ("force-upstream-stream: false\n  stream: never", "stream", "never"),
    ("headers: {X-A: 'b ${KEY}'}", "headers", (("x-a", Secret("b sk-dummy")),)),
    ("keepalive: 0", "keepalive", 0.0),
    ("repairs: {chat.role: off}", "repairs", (("chat.role", "off"),)),
    ("repairs: {chat.role: true}", "repairs", (("chat.role", "on"),)),
    ("models: [a/b, 'c d']", "models", (Model(name="a/b"), Model(name="c d"))),
    ("models: [{name: a, aliases: [b]}]", "models", (Model(name="a", aliases=("b",)),)),
    ("proxy: http://u:p@h:1/", "proxy", "http://u:p@h:1"),
    ("proxy: none", "proxy", None),
    ("proxy: null", "proxy", None),
    ("insecure_tls: true", "insecure_tls", True),
    ("ca_file: ./ca.pem", "ca_file", "./ca.pem"),
    ("timeouts: {connect: 3}", "timeouts", Timeouts(connect=3.0)),
    ("kind: vllm", "kind", "vllm"),
    ("dialects: ollama", "dialects", ("ollama",)),
]

ENGINE = [
    ("model: ~/m/a.gguf", "model", "~/m/a.gguf"),
    ("model: none", "model", None),
    ("parallel: 8", "parallel", 8),
    ("context: 4096", "context", 4096),
    ("gpu_layers: -1", "gpu_layers", -1),
    ("prefill_batch: 64", "prefill_batch", 64),
    ("kv_bits: 8", "kv_bits", 8),
    ("idle_unload: 600", "idle_unload", 600.0),
    ("queue: 0", "queue", 0),
    ("models: [{name: a, aliases: [b, c]}]", "models", (Model(name="a", aliases=("b", "c")),)),
    ("stream: never", "stream", "never"),
]
AN_ENGINE = "providers:\n- name: one\n  kind: engine\n  "


@pytest.mark.parametrize(("text", "name", "value"), ENGINE)
def test_a_setting_of_an_engine(text: str, name: str, value: object) -> None:
    (provider,) = loaded(AN_ENGINE + text).providers
    expected = Provider(name="one", kind="engine", base_url=ENGINE_URL)
    assert provider == replace(expected, **{name: value})


@pytest.mark.parametrize(("text", "name", "value"), PROVIDER)
def test_a_setting_of_a_provider(text: str, name: str, value: object) -> None:
    expected = Provider(name="one", base_url="http://h/v1")
    assert provider_of(text) == replace(expected, **{name: value})


def test_a_provider_inherits_what_it_does_not_say() -> None:
    settings = loaded(
        "keepalive: 3\nstream: never\ntimeouts: {idle: 4, connect: 5}\nproviders:\n"
        "- {name: one, base_url: http://h, timeouts: {connect: 6}}\n"
        "- {name: two, base_url: http://h, keepalive: 7, stream: auto}\n"
    )
    one, two = settings.providers
    assert (one.keepalive, one.stream) == (3.0, "never")
    assert one.timeouts == Timeouts(idle=4.0, connect=6.0)
    assert (two.keepalive, two.stream) == (7.0, "auto")
    assert two.timeouts == Timeouts(idle=4.0, connect=5.0)


def test_anchors_and_merges() -> None:
    settings = loaded(
        "providers:\n- &one {name: one, base_url: http://h, stream: always}\n"
        "- {<<: *one, name: two}\n- {name: three, <<: [{stream: never}, *one]}\n"
    )
    assert [(p.name, p.base_url, p.stream) for p in settings.providers] == [
        ("one", "http://h/v1", "always"),
        ("two", "http://h/v1", "always"),
        ("three", "http://h/v1", "never"),
    ]


def test_an_anchor_used_twice_warns_no_one() -> None:
    assert loaded("host: &a 127.0.0.1\nlog_level: &a debug").log_level == "debug"


def test_the_modes_are_those_that_the_file_names() -> None:
    assert provider_of("repairs: {chat.role: off}").modes == {"chat.role": "off"}
    assert provider_of("repairs: {}").modes == {}


# ---- flags ----

FLAGS = [
    ({"host": "::1", "port": 1, "workers": 2}, {"host": "::1", "port": 1, "workers": 2}),
    ({"api_keys": ["a", "b"]}, {"api_keys": (Secret("a"), Secret("b"))}),
    ({"cors": ["*"]}, {"cors": ("*",)}),
    ({"drain_timeout": 0.0, "log_level": "debug"}, {"drain_timeout": 0.0, "log_level": "debug"}),
    ({"host": None, "api_keys": [], "stream": None, "upstream": None}, {}),
]


@pytest.mark.parametrize(("flags", "changes"), FLAGS)
def test_flags_outrank_the_defaults(flags: dict[str, object], changes: dict[str, object]) -> None:
    assert from_flags(None, flags) == replace(Settings(), **changes)


def test_flags_outrank_the_file() -> None:
    text = "port: 1\nproviders: [{name: one, base_url: http://h, stream: never}]"
    settings = loaded(text, flags={"port": 2, "stream": "always"})
    assert (settings.port, settings.providers[0].stream) == (2, "always")
    assert from_flags(loaded(text), {"port": 2, "stream": "always"}) == settings


def test_upstream_makes_the_only_provider() -> None:
    text = "keepalive: 3\nproviders: [{name: one, base_url: http://h}]"
    flags = {"upstream": "http://u:1", "upstream_key_env": "KEY"}
    (provider,) = loaded(text, flags=flags).providers
    assert provider == Provider(
        name="upstream", base_url="http://u:1/v1", api_keys=(Secret("sk-dummy"),), keepalive=3.0
    )


def test_a_flag_may_mend_what_the_file_lacks() -> None:
    settings = loaded("host: 0.0.0.0", flags={"api_keys": ["a"]})
    assert (settings.host, settings.api_keys) == ("0.0.0.0", (Secret("a"),))


# ---- what is served ----


def test_the_model_flag_makes_the_only_provider() -> None:
    text = "keepalive: 3\ndialects: chat\nproviders: [{name: one, base_url: http://h}]"
    flags = {"model": "~/m/Qwen3 4B-Q4_K_M.gguf", "parallel": 3, "kv_bits": 8, "idle_unload": 60.0}
    (provider,) = loaded(text, flags=flags).providers
    assert provider == Provider(
        name="Qwen3-4B-Q4_K_M",
        kind="engine",
        base_url=ENGINE_URL,
        model="~/m/Qwen3 4B-Q4_K_M.gguf",
        parallel=3,
        kv_bits=8,
        idle_unload=60.0,
        keepalive=3.0,
    )
    assert provider.model_name == provider.own_model == "Qwen3 4B-Q4_K_M"
    assert not provider.is_demonstration


@pytest.mark.parametrize(
    ("path", "model", "provider"),
    [
        ("m.gguf", "m", "m"),
        ("big-00001-of-00003.gguf", "big", "big"),
        ("a.b.gguf", "a.b", "a.b"),
        ("no-suffix", "no-suffix", "no-suffix"),
        ("dir/été.gguf", "été", "t"),
        ("日本.gguf", "日本", "model"),
        ("a\nb.gguf", "a-b", "a-b"),
        ("/", "model", "model"),
    ],
)
def test_a_models_file_gives_names(path: str, model: str, provider: str) -> None:
    assert (model_name_of(path), provider_name_of(path)) == (model, provider)
    from_flags(None, {"model": path})  # and they are good ones
    assert Provider(name="a", kind="engine", model=path).model_name == model


def test_a_start_without_any_provider_may_run_the_demonstration() -> None:
    (provider,) = from_flags(None, {"demonstration": True, "context": 4096}).providers
    assert (provider.name, provider.kind, provider.model) == (DEMO_NAME, "engine", None)
    assert (provider.parallel, provider.context) == (4, 4096)
    assert provider.is_demonstration
    assert provider.model_name == DEMO_NAME
    for text in ("", "providers: []", "providers: [{name: one, kind: ollama}]"):
        flags = {"demonstration": True, "stream": "always"}
        names = [one.name for one in loaded(text, flags=flags).providers]
        assert names == (["one"] if "one" in text else [DEMO_NAME])
        assert [one.stream for one in loaded(text, flags=flags).providers] == ["always"]


def test_the_lab_takes_the_place_of_all_providers() -> None:
    text = "providers: [{name: one, base_url: http://h}]\nport: 1"
    settings = loaded(text, flags={"lab": True, "demonstration": True})
    assert (settings.providers, settings.port) == ((), 1)


def test_flags_of_the_engine_hold_for_every_engine_of_the_file() -> None:
    text = (
        "providers:\n- {name: one, kind: engine, model: a.gguf, parallel: 3, context: 100}\n"
        "- {name: two, kind: engine}\n- {name: three, base_url: http://h}\n"
    )
    settings = loaded(text, flags={"parallel": 5, "dialects": ["chat"]})
    one, two, three = settings.providers
    assert [(p.parallel, p.context) for p in (one, two)] == [(5, 100), (5, 0)]
    assert (one.base_url, two.is_demonstration) == (ENGINE_URL, True)
    assert three.parallel == Provider(name="x").parallel
    # How a server is asked is not for the engine, from a flag as little as from the top level.
    assert [p.dialects for p in settings.providers] == [("auto",), ("auto",), ("chat",)]
    assert [p.dialects for p in loaded(f"dialects: chat\n{text}").providers] == [
        *(("auto",), ("auto",), ("chat",))
    ]


def test_workers_of_the_file_do_not_go_with_an_engine() -> None:
    with pytest.raises(SettingsError) as caught:
        loaded("port: 1\nworkers: 2\n", flags={"model": "m.gguf"})
    (problem,) = caught.value.problems
    assert (problem.path, problem.line) == ("workers", 2)
    assert "--upstream" in problem.hint
    assert loaded("workers: 2", flags={"model": "m.gguf", "workers": 1}).workers == 1
    assert loaded("workers: 2", flags={"demonstration": True, "lab": True}).workers == 2


def test_a_provider_that_is_wrong_is_not_told_to_be_no_engine() -> None:
    for text in ("providers: [{name: one, kind: engin}]", "providers: [1]"):
        with pytest.raises(SettingsError) as caught:
            loaded(text, flags={"parallel": 2})
        assert not [one for one in caught.value.problems if one.path == "--parallel"]


def test_a_kind_has_its_usual_place() -> None:
    (provider,) = loaded("providers: [{name: one, kind: ollama}]").providers
    assert provider.base_url == SERVER_KINDS["ollama"].base_url != ""
    (provider,) = from_flags(None, {"kind": "ollama"}).providers
    assert (provider.name, provider.base_url) == ("upstream", SERVER_KINDS["ollama"].base_url)
    (provider,) = from_flags(None, {"kind": "azure", "upstream": "http://h"}).providers
    assert (provider.kind, provider.base_url) == ("azure", "http://h/v1")


OWN_PORT = "providers: [{name: one, kind: vllm}, {name: two, kind: llama.cpp}]"


def test_no_provider_is_the_gateway_itself() -> None:
    for settings in ("", "host: 0.0.0.0\napi_keys: [a]\n"):
        with pytest.raises(SettingsError) as caught:
            loaded(settings + OWN_PORT)
        (problem,) = caught.value.problems
        assert problem.path == "port"
        assert "of two is said to be" in problem.message
    assert loaded(OWN_PORT, flags={"port": 8090}).port == 8090
    with pytest.raises(SettingsError, match="--port: 8000 is where the server of one is said"):
        loaded(OWN_PORT, flags={"port": 8000})
    with pytest.raises(SettingsError, match="--port: 8000"):
        from_flags(loaded("port: 8090\n" + OWN_PORT), {"port": 8000})


@pytest.mark.parametrize(
    "text",
    [
        "providers: [{name: a, base_url: http://models.example:8080}]",
        "host: 127.0.0.2\nproviders: [{name: a, base_url: http://127.0.0.1:8080}]",
        'providers: [{name: a, base_url: "http://[::1]:8080"}]',
        "host: 192.0.2.1\napi_keys: [a]\nproviders: [{name: a, kind: llama.cpp}]",
        "providers: [{name: a, kind: llama.cpp, proxy: http://proxy.example:3128}]",
    ],
)
def test_the_same_port_elsewhere_is_not_the_gateways(text: str) -> None:
    assert loaded(text).providers[0].name == "a"


def test_keys_from_the_environment_rank_between_flag_and_file() -> None:
    environ = {"STRICTWIRE_API_KEYS": "a, b,"}
    assert loaded("api_keys: [c]", environ=environ).api_keys == (Secret("a"), Secret("b"))
    assert from_flags(None, {"api_keys": ["d"]}, environ=environ).api_keys == (Secret("d"),)


WRONG_FLAGS = [
    ({"port": 0}, "--port: must be a whole number"),
    ({"host": "0.0.0.0"}, "--host: 0.0.0.0 is an address that other machines can reach"),
    ({"api_keys": ["sk secret"]}, "--api-key: must be an API key"),
    ({"cors": ["a"]}, "--cors: is not an origin"),
    ({"stream": "maybe"}, "--stream: must be one of auto, always, never"),
    ({"dialects": ["chat,morse"]}, "--dialect: must be one of auto, chat, completions, respon"),
    ({"dialects": ["auto", "chat"]}, "--dialect: auto stands alone"),
    ({"upstream": "h:1"}, "--upstream: is not a URL"),
    ({"upstream": "http://h", "upstream_key_env": "sk-secret"}, "--upstream-key-env: no envir"),
    ({"upstream_key_env": "KEY"}, "--upstream-key-env: goes with --upstream"),
    ({"model": " "}, "--model: must be a path, not empty"),
    ({"model": "m.gguf", "upstream": "http://h"}, "--upstream: does not go with --model"),
    ({"lab": True, "model": "m.gguf"}, "--lab: does not go with --model"),
    ({"lab": True, "upstream": "http://h"}, "--lab: does not go with --upstream"),
    ({"model": "m.gguf", "kv_bits": 5}, "--kv-bits: must be one of 4, 8, 16"),
    ({"model": "m.gguf", "parallel": 0}, "--parallel: must be a whole number from 1"),
    ({"model": "m.gguf", "workers": 2}, "--workers: an engine is served by one process alone"),
    ({"demonstration": True, "workers": 2}, "--workers: an engine is served by one process"),
    ({"model": "m.gguf", "dialects": ["chat"]}, "--dialect: does not go with an engine"),
    ({"upstream": "http://h", "queue": 3}, "--queue: goes with an engine"),
    ({"lab": True, "demonstration": True, "queue": 3}, "--queue: goes with an engine"),
    ({"queue": 3}, "--queue: goes with an engine"),
    ({"kind": "gpt"}, "--kind: must be one of auto, other, engine, llama.cpp"),
    ({"kind": "azure"}, "--kind: goes with --upstream: this kind has no usual place"),
    ({"kind": "engine"}, "--kind: an engine is made by --model"),
    ({"kind": "vllm", "model": "m.gguf"}, "--kind: goes with --upstream"),
    ({"kind": "vllm", "lab": True}, "--kind: goes with --upstream"),
    ({"kind": "mlx-lm"}, "--port: 8080 is where the server of upstream is said to be"),
    ({"upstream": "http://[::1]:8080", "host": "::1"}, "--port: 8080 is where the server"),
    ({"upstream": "http://localhost:8080"}, "--port: 8080 is where the server of upstream"),
    ({"upstream": "http://127.0.0.1", "port": 80}, "--port: 80 is where the server of upst"),
]


@pytest.mark.parametrize(("flags", "words"), WRONG_FLAGS)
def test_wrong_flags_are_told_by_their_name(flags: dict[str, object], words: str) -> None:
    for call in (lambda: from_flags(None, flags), lambda: loaded("", environ={}, flags=flags)):
        with pytest.raises(SettingsError) as caught:
            call()
        (problem,) = caught.value.problems
        assert str(problem).startswith(words)
        assert "secret" not in str(problem)


def test_flags_and_file_are_told_together() -> None:
    with pytest.raises(SettingsError) as caught:
        loaded("prot: 1", flags={"port": 0})
    assert [problem.path for problem in caught.value.problems] == ["--port", "prot"]


def test_a_wrong_key_in_the_environment_is_told_by_the_variable() -> None:
    with pytest.raises(SettingsError, match=r"^STRICTWIRE_API_KEYS: must be an API key"):
        from_flags(None, {}, environ={"STRICTWIRE_API_KEYS": "sk secret"})


def test_an_unknown_flag_is_a_defect() -> None:
    with pytest.raises(MisuseError):
        from_flags(None, {"prot": 1})


def test_public_is_allowed_in_so_many_words() -> None:
    flags = {"host": "0.0.0.0", "allow_public_without_key": True}
    assert from_flags(None, flags).host == "0.0.0.0"


# ---- secrets and addresses ----


def test_no_secret_is_printed() -> None:
    settings = loaded(
        "api_keys: [sk-dummy-1]\nproviders: [{name: one, base_url: http://h, "
        "api_keys: [sk-dummy-2], headers: {authorization: sk-dummy-3}, "
        "proxy: 'http://u:sk-dummy-4@h:1'}]"
    )
    assert "sk-dummy" not in f"{settings!r} {settings}"
    assert list(settings.secrets()) == ["sk-dummy-1", "sk-dummy-2", "sk-dummy-3", "u:sk-dummy-4"]


def test_a_secret_keeps_its_text() -> None:
    secret = Secret("sk-dummy")
    assert f"{secret} {secret!r}" == "*** Secret(***)"
    assert secret.reveal() == "sk-dummy"
    assert secret.matches("sk-dummy")
    assert not secret.matches("sk-dummies\udcff")
    assert secret == Secret("sk-dummy")
    assert secret != "sk-dummy"
    assert len({secret, Secret("sk-dummy")}) == 1
    assert pickle.loads(pickle.dumps(secret)) == secret
    with pytest.raises(AttributeError):
        secret.text = "other"  # type: ignore[attr-defined]


def test_settings_survive_a_process_border() -> None:
    settings = loaded("api_keys: [a]\nproviders: [{name: one, base_url: http://h, models: [m]}]")
    assert pickle.loads(pickle.dumps(settings)) == settings


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "::ffff:127.0.0.1"])
def test_loopback(host: str) -> None:
    assert is_loopback_host(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "localhost.example", "127.1", ""])
def test_not_loopback(host: str) -> None:
    assert not is_loopback_host(host)


def test_shown_url_has_no_password() -> None:
    assert shown_url("http://u:p@h:1/v1") == "http://h:1/v1"
    assert shown_url("http://h/v1") == "http://h/v1"


@pytest.mark.parametrize("cls", [Settings, Provider, Model, Timeouts, Endpoints])
def test_every_setting_is_a_row_with_words(cls: type) -> None:
    assert [row.name for row in rows(cls)] == [field.name for field in fields(cls)]
    for row in rows(cls):
        assert row.doc.endswith("."), row.name


def test_a_provider_inherits_dialects_and_says_which_are_listed() -> None:
    one, two = loaded(
        "dialects: [chat, responses]\nproviders:\n- {name: one, base_url: http://h}\n"
        "- {name: two, base_url: http://h, dialects: auto}\n"
    ).providers
    assert one.listed_dialects == ("chat", "responses")
    assert two.listed_dialects == ()


@pytest.mark.parametrize("given", [["chat", "responses"], ["chat,responses"], ["chat, responses"]])
def test_the_dialect_flag_takes_several_ways_to_list_them(given: list[str]) -> None:
    settings = from_flags(None, {"upstream": "http://h", "dialects": given})
    assert settings.providers[0].listed_dialects == ("chat", "responses")
    settings = loaded("providers: [{name: one, base_url: http://h}]", flags={"dialects": given})
    assert settings.providers[0].listed_dialects == ("chat", "responses")
