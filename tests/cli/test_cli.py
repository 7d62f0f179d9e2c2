"""The command line: what it prints, which exit code it leaves, what it hands to the gateway."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from strictwire import __version__
from strictwire.cli.app import app
from strictwire.cli.outside import Outside
from strictwire.config import Secret, Settings
from strictwire.model.errors import CallerError
from strictwire.net.client_side.listen import ServeError

SCENARIO = SimpleNamespace(name="finish-empty", title="An empty finish reason", rules=("a.b",))
PROVIDER = "providers: [{name: one, base_url: http://127.0.0.1:9}]\n"


@dataclass
class World:
    """A gateway and a lab that only note what they were given."""

    environ: Mapping[str, str] = field(default_factory=dict)
    error: BaseException | None = None
    has_engine: bool = True
    served: list[tuple[Settings, bool]] = field(default_factory=list)
    played: list[tuple[Any, ...]] = field(default_factory=list)
    proxied: list[tuple[Any, ...]] = field(default_factory=list)

    def run_gateway(self, settings: Settings, *, lab: bool, announce: Callable[[], None]) -> None:
        self.served.append((settings, lab))
        if self.error is not None:
            raise self.error
        announce()

    def run_lab(
        self,
        host: str,
        port: int,
        playback: Any,
        announce: Callable[[], None],
        recordings: Mapping[str, Path],
    ) -> None:
        self.played.append((host, port, playback, *recordings))
        if self.error is not None:
            raise self.error
        announce()

    def run_proxy(
        self, host: str, port: int, options: Mapping[str, Any], announce: Callable[[], None]
    ) -> None:
        self.proxied.append((host, port, dict(options)))
        announce()

    def parse_playback(self, text: str) -> str:
        if "bad" in text:
            raise CallerError("pace must be a time such as 20ms")
        return text

    def invoke(self, *arguments: str) -> Any:
        outside = Outside(
            environ=self.environ,
            run_gateway=self.run_gateway,
            has_engine=lambda: self.has_engine,
            run_lab=self.run_lab,
            run_proxy=self.run_proxy,
            parse_playback=self.parse_playback,
            rule_modes=lambda: {"chat.role": ("on", "off")},
            scenarios=lambda: [SCENARIO],
        )
        return CliRunner().invoke(app, list(arguments), prog_name="strictwire", obj=outside)


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    return tmp_path / "s.yaml"


# ---- serve ----


def test_serve_without_an_upstream_serves_the_demonstration_and_says_so() -> None:
    world = World()
    result = world.invoke("serve")
    assert result.exit_code == 0
    ((settings, is_lab),) = world.served
    assert not is_lab
    assert [one.model_name for one in settings.providers] == ["tiny-demo"]
    assert result.stdout == (
        f"strictwire {__version__} on http://127.0.0.1:8080/v1 -> tiny-demo, embedded\n"
    )
    for words in ("600 thousand parameters", "babbles", "strictwire serve --model", "--upstream"):
        assert words in result.stderr


def test_serve_with_a_model_says_which() -> None:
    world = World()
    result = world.invoke("serve", "--model", "m/Big-Q4.gguf", "--gpu-layers", "-1", "--queue", "0")
    ((settings, is_lab),) = world.served
    (provider,) = settings.providers
    assert (provider.kind, provider.gpu_layers, provider.queue, is_lab) == ("engine", -1, 0, False)
    assert result.output == (
        f"strictwire {__version__} on http://127.0.0.1:8080/v1 -> Big-Q4, embedded\n"
    )


@pytest.mark.parametrize("has_engine", [True, False])
def test_serve_the_lab(has_engine: bool) -> None:
    world = World(has_engine=has_engine)
    result = world.invoke("serve", "--lab")
    assert world.served == [(Settings(), True)]
    assert result.stdout.endswith("/v1 -> the built-in lab\n")
    assert "strictwire serve --upstream" in result.stderr
    assert "xllamacpp" not in result.stderr


def test_where_no_engine_is_installed_the_lab_is_served_and_why() -> None:
    world = World(has_engine=False)
    result = world.invoke("serve")
    assert world.served == [(Settings(), True)]
    assert "xllamacpp" in result.stderr
    assert "lab" in result.stdout


def test_a_file_without_providers_serves_the_demonstration_too(settings_file: Path) -> None:
    settings_file.write_text("port: 8099")
    world = World()
    result = world.invoke("serve", "--config", str(settings_file))
    ((settings, _),) = world.served
    assert (settings.port, settings.providers[0].is_demonstration) == (8099, True)
    assert "babbles" in result.stderr


def test_serve_in_front_of_one_server() -> None:
    world = World(environ={"MODEL_KEY": "sk-dummy"})
    result = world.invoke(
        *("serve", "--upstream", "http://127.0.0.1:9", "--upstream-key-env", "MODEL_KEY"),
        *("--host", "::1", "--port", "8099", "--workers", "2", "--stream", "always"),
        *("--api-key", "a", "--api-key", "b", "--cors", "http://localhost:3000"),
        *("--drain-timeout", "2.5", "--log-level", "warning"),
    )
    assert result.exit_code == 0, result.output
    ((settings, is_lab),) = world.served
    assert not is_lab
    assert (settings.host, settings.port, settings.workers) == ("::1", 8099, 2)
    assert settings.api_keys == (Secret("a"), Secret("b"))
    assert settings.cors == ("http://localhost:3000",)
    assert (settings.drain_timeout, settings.log_level) == (2.5, "warning")
    (provider,) = settings.providers
    assert (provider.name, provider.stream) == ("upstream", "always")
    assert provider.api_keys == (Secret("sk-dummy"),)
    assert result.output == (
        f"strictwire {__version__} on http://[::1]:8099/v1 -> http://127.0.0.1:9/v1\n"
    )


def test_flags_outrank_the_file(settings_file: Path) -> None:
    settings_file.write_text(f"port: 1\nlinger_s: 2\n{PROVIDER}")
    world = World()
    world.invoke("serve", "--config", str(settings_file), "--port", "2")
    ((settings, is_lab),) = world.served
    assert (settings.port, settings.linger_s, is_lab) == (2, 2.0, False)


def test_keys_come_from_the_environment_too() -> None:
    world = World(environ={"STRICTWIRE_API_KEYS": "sk-dummy-1,sk-dummy-2"})
    result = world.invoke("serve", "--host", "0.0.0.0")
    ((settings, _),) = world.served
    assert settings.api_keys == (Secret("sk-dummy-1"), Secret("sk-dummy-2"))
    assert "sk-dummy" not in result.output


def test_several_providers_are_listed_or_counted(settings_file: Path) -> None:
    for count, words in ((2, "p0 (http://h/v1), p1 (http://h/v1)"), (5, "5 providers")):
        entries = ", ".join(f"{{name: p{n}, base_url: http://h}}" for n in range(count))
        settings_file.write_text(f"providers: [{entries}]")
        assert f"-> {words}\n" in World().invoke("serve", "--config", str(settings_file)).stdout


@pytest.mark.parametrize("arguments", [("serve",), ("lab", "serve")])
def test_a_start_that_fails_is_told_alone(arguments: tuple[str, ...]) -> None:
    result = World(error=ServeError("cannot listen on X")).invoke(*arguments)
    assert (result.exit_code, result.output) == (1, "Error: cannot listen on X\n")


# (arguments, exit code, words on standard error)
MISTAKES = [
    (("serve", "--port", "0"), 2, "Error: --port: must be a whole number from 1 to 65535"),
    (("serve", "--port", "x"), 2, "'--port'"),
    (("serve", "--prt", "1"), 2, "--port"),
    (("serve", "--upstream", "h:1"), 2, "Error: --upstream: is not a URL"),
    (("serve", "--host", "0.0.0.0"), 2, "--allow-public-without-key"),
    (("serve", "--stream", "maybe"), 2, "one of auto, always, never"),
    (("serve", "extra"), 2, "extra"),
    (("serve", "--lab", "--model", "m.gguf"), 2, "Error: --lab: does not go with --model"),
    (("serve", "--workers", "2"), 2, "Error: --workers: an engine is served by one process"),
    (("serve", "--kv-bits", "5"), 2, "Error: --kv-bits: must be one of 4, 8, 16"),
    (("serve", "--kind", "gpt"), 2, "Error: --kind: must be one of auto, other, engine, llama.cpp"),
    (("serve", "--config", "/nowhere/s.yaml"), 1, "Error: /nowhere/s.yaml: No such file"),
    (("serve", "--config", "/"), 1, "Error: /: Is a directory"),
    (("config", "check"), 2, "FILE"),
    (("config", "check", "/nowhere/s.yaml"), 1, "No such file"),
    (("lab", "serve", "--port", "0"), 2, "--port"),
    (("lab", "proxy", "--upstream", "127.0.0.1:8000"), 2, "Error: --upstream must be a URL such"),
    (("lab", "serve", "--pace", "bad"), 2, "Error: pace must be a time such as 20ms"),
    (("lab", "serve", "--cut", "1,pace=1s"), 2, "Error: --cut takes one value, without a comma."),
    (("config", "check", "/no\n\x1b[31mä"), 1, "Error: /no\\n\\x1b[31mä: No such file"),
    (("nonsense",), 2, "nonsense"),
]


@pytest.mark.parametrize(("arguments", "exit_code", "words"), MISTAKES)
def test_mistakes(arguments: tuple[str, ...], exit_code: int, words: str) -> None:
    world = World()
    result = world.invoke(*arguments)
    assert result.exit_code == exit_code
    assert words in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""
    assert not world.served
    assert not world.played


def test_every_problem_is_a_line(settings_file: Path) -> None:
    settings_file.write_text("prot: 1\nlinger_s: -1\n")
    result = World().invoke("serve", "--config", str(settings_file), "--port", "0")
    assert result.stderr.splitlines() == [
        "Error: --port: must be a whole number from 1 to 65535",
        f"Error: {settings_file}:1:1: prot: unknown setting (hint: did you mean port?)",
        f"Error: {settings_file}:2:11: linger_s: must be seconds from 0 up to 604800 "
        "(hint: 0 does not wait)",
    ]


def test_an_address_in_use_is_one_line() -> None:
    result = World(error=OSError(98, "Address already in use")).invoke("serve")
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (
        1,
        "Error: Address already in use",
    )


def test_a_defect_of_ours_is_not_hidden() -> None:
    result = World(error=ZeroDivisionError()).invoke("serve")
    assert isinstance(result.exception, ZeroDivisionError)


@pytest.mark.parametrize("command", ["serve", "lab serve"])
def test_ctrl_c_is_quiet(command: str) -> None:
    result = World(error=KeyboardInterrupt()).invoke(*command.split())
    assert result.exit_code == 130
    assert "Abort" not in result.output


# ---- config ----


def test_config_check_of_a_good_file(settings_file: Path) -> None:
    settings_file.write_text(f"{PROVIDER}")
    result = World().invoke("config", "check", str(settings_file))
    assert (result.exit_code, result.output) == (0, f"{settings_file}: good, 1 provider\n")


def test_config_check_names_line_and_column(settings_file: Path) -> None:
    settings_file.write_text(f"{PROVIDER}repairs: 1\n")
    result = World().invoke("config", "check", str(settings_file))
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {settings_file}:2:1: repairs: unknown setting")


def test_config_check_knows_the_rules(settings_file: Path) -> None:
    settings_file.write_text(PROVIDER.replace("}]", ", repairs: {chat.rule: off}}]"))
    result = World().invoke("config", "check", str(settings_file))
    assert "did you mean chat.role?" in result.stderr


def test_a_file_that_is_not_text(settings_file: Path) -> None:
    settings_file.write_bytes(b"port: 1\nhost: \xff\n")
    result = World().invoke("config", "check", str(settings_file))
    assert result.stderr == f"Error: {settings_file}:2:7: not UTF-8\n"


def test_a_file_too_large_is_not_read_whole() -> None:
    result = World().invoke("config", "check", "/dev/zero")
    assert result.exit_code == 2
    assert "not a settings file" in result.stderr


def test_config_schema_is_json_and_knows_the_rules() -> None:
    result = World().invoke("config", "schema")
    schema = json.loads(result.stdout)
    provider = schema["properties"]["providers"]["items"]
    assert list(provider["properties"]["repairs"]["properties"]) == ["chat.role"]


# ---- lab ----


def test_lab_serve() -> None:
    world = World()
    arguments = ("--port", "8090", "--pace", "20ms", "--cut", "7", "--body", "close")
    result = world.invoke("lab", "serve", *arguments)
    assert world.played == [("127.0.0.1", 8090, "pace=20ms,cut=7,body=close")]
    assert result.stdout.startswith(f"strictwire {__version__} lab on http://127.0.0.1:8090/v1;")


def test_lab_serve_breaks_replies_and_plays_recordings(tmp_path: Path) -> None:
    (tmp_path / "one.http").write_bytes(b"HTTP/1.1 200 OK\r\n\r\n")
    world = World()
    flags = ("--fault", "reset:300", "--encoding", "gzip", "--type", "text/plain")
    result = world.invoke("lab", "serve", *flags, "--recordings", str(tmp_path))
    assert result.exit_code == 0
    assert world.played == [
        ("127.0.0.1", 8081, "fault=reset:300,encoding=gzip,type=text/plain", "one")
    ]
    listed = world.invoke("lab", "list", "--recordings", str(tmp_path))
    assert "recording:one" in listed.stdout


def test_lab_serve_has_only_the_dialects_that_are_named() -> None:
    world = World()
    assert world.invoke("lab", "serve", "--dialects", "chat, responses").exit_code == 0
    assert world.played == [("127.0.0.1", 8081, "dialects=chat+responses")]


def test_lab_proxy() -> None:
    world = World()
    url = "http://127.0.0.1:8000/v1"
    result = world.invoke("lab", "proxy", "--upstream", url)
    assert result.exit_code == 0
    assert result.stdout.endswith("lab proxy on http://127.0.0.1:8082/v1/responses\n")
    flags = ("--host", "::1", "--port", "9000", "--bearer-env", "LAB_KEY", "--final-only")
    assert world.invoke("lab", "proxy", "--upstream", url, *flags).exit_code == 0
    plain = {"upstream": url, "bearer_env": None, "is_final_only": False}
    final = {"upstream": url, "bearer_env": "LAB_KEY", "is_final_only": True}
    assert world.proxied == [("127.0.0.1", 8082, plain), ("::1", 9000, final)]


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "holds no recordings"), (b"no reply", "not a recorded HTTP/1 reply")],
)
@pytest.mark.parametrize("command", ["serve", "list"])
def test_a_folder_without_good_recordings_is_a_clear_error(
    command: str, content: bytes | None, words: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "bad.http").write_bytes(content)
    result = World().invoke("lab", command, "--recordings", str(tmp_path))
    assert result.exit_code == 2
    assert words in result.stderr


def test_lab_list_names_the_scenarios() -> None:
    result = World().invoke("lab", "list")
    assert result.exit_code == 0
    for words in (SCENARIO.name, SCENARIO.title, "a.b"):
        assert words in result.stdout
    assert all(line == line.rstrip() for line in result.stdout.splitlines())


# ---- help and processes ----


def test_help_of_serve_tells_defaults_and_where_keys_are_safe() -> None:
    text = " ".join(World().invoke("serve", "--help").stdout.split())
    told = ("[default: 8080]", "STRICTWIRE_API_KEYS", "process list", "0 does not wait")
    for words in (*told, "4|8|16", "--model FILE.gguf", "lm-studio"):
        assert words in text


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=20,
        env={**clean, **environ},
        check=False,
    )


@pytest.mark.parametrize("module", ["strictwire", "strictwire.cli"])
def test_as_a_process(module: str) -> None:
    result = run("-m", module, "--version")
    assert (result.returncode, result.stdout) == (0, f"strictwire {__version__}\n")


def test_a_process_takes_keys_from_its_environment_and_never_prints_them() -> None:
    result = run(
        *("-m", "strictwire", "serve", "--port", "0"), STRICTWIRE_API_KEYS="sk-dummy-1,sk dummy-2"
    )
    assert result.returncode == 2
    assert "STRICTWIRE_API_KEYS: must be an API key" in result.stderr
    assert "dummy" not in result.stdout + result.stderr
