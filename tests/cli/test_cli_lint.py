"""``strictwire lint``: lines and JSON, exit codes, and clear words for what cannot be read."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from conformance import messages_bodies, responses_bodies
from strictwire.cli import lint_command
from strictwire.cli.app import app

CORPUS = Path(__file__).resolve().parents[2] / "corpus" / "chat"
ENVELOPE = '"id":"c","object":"chat.completion.chunk","created":1,"model":"m"'


def chunk(choice: str) -> str:
    return f'data: {{{ENVELOPE},"choices":[{{"index":0,{choice}}}]}}\n\n'


ROLE = chunk('"delta":{"role":"assistant"},"finish_reason":null')
TEXT = chunk('"delta":{"content":"Hi"},"finish_reason":null')
STOP = chunk('"delta":{},"finish_reason":"stop"')
DONE = "data: [DONE]\n\n"
HEALTHY = ROLE + TEXT + STOP + DONE
EMPTY_REASON = chunk('"delta":{"content":"Hi"},"finish_reason":""')


def lint(*arguments: str, stdin: str | bytes | None = None) -> Any:
    return CliRunner().invoke(app, ["lint", *arguments], prog_name="strictwire", input=stdin)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "reply.sse"


def test_a_healthy_reply_is_clean(file: Path) -> None:
    file.write_text(HEALTHY)
    result = lint(str(file))
    assert result.exit_code == 0
    assert result.stdout == f"{file}: nothing found in {len(HEALTHY)} bytes\n"


def test_each_finding_is_a_line_with_its_offset(file: Path) -> None:
    data = ROLE + EMPTY_REASON + STOP + DONE
    at = data.index('""')
    file.write_text(data)
    result = lint(str(file))
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"{file}:{at}: error chat.finish-empty: finish_reason is an empty string "
        "(breaks: openai-python, AI SDK, dstack)",
        f"{file}: 1 error in {len(data)} bytes",
    ]


def test_a_kind_of_finding_is_told_once_unless_all_are_wanted(file: Path) -> None:
    data = ROLE + EMPTY_REASON * 3 + STOP + DONE
    file.write_text(data)
    first, summary = lint(str(file)).stdout.splitlines()
    assert f":{data.index(chr(34) * 2)}: error chat.finish-empty" in first
    assert " [3 times] (breaks: " in first
    assert summary.endswith(f": 3 errors in {len(data)} bytes")
    assert len(lint(str(file), "--all").stdout.splitlines()) == 4


def test_several_files_are_judged_in_turn(tmp_path: Path) -> None:
    paths = [tmp_path / "good.sse", tmp_path / "bad.sse"]
    paths[0].write_text(HEALTHY)
    paths[1].write_text(ROLE + EMPTY_REASON + STOP + DONE)
    result = lint(*map(str, paths))
    assert (result.exit_code, len(result.stdout.splitlines())) == (1, 3)
    told = [json.loads(line) for line in lint("--json", *map(str, paths)).stdout.splitlines()]
    assert [len(one["findings"]) for one in told] == [0, 1]


def test_json_is_a_stable_object() -> None:
    result = lint("-", "--json", stdin=ROLE + TEXT + STOP)
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told == {
        "version": 1,
        "file": "-",
        "size_bytes": len(ROLE + TEXT + STOP),
        "http_status": None,
        "error": None,
        "findings": [
            {
                "offset": len(ROLE + TEXT + STOP),
                "rule": "reply.done-missing",
                "severity": "error",
                "message": "Every choice finished, but the terminal never came",
                "breaks": ["hermes-agent"],
                "quirks": [10],
                "page": "rules/reply.done-missing.md",
            }
        ],
    }


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        (("--whole",), "bridge.stream-for-object"),
        (("--usage",), "reply.usage-null"),
        (("--progress", "true"), ""),
        (("--dialect", "completions"), "completions.chat-shape"),
        (("--repairs", "chat.think-tags=opened"), "chat.think-tags"),
        (("--reasoning-key", "both", "--stream", "--no-usage"), ""),
    ],
)
def test_options_say_what_was_asked_for(options: tuple[str, ...], rule: str) -> None:
    result = lint("-", *options, stdin=HEALTHY)
    assert result.exit_code == (1 if rule else 0)
    assert rule in result.stdout


RESPONSES, MESSAGES = responses_bodies.HEALTHY, messages_bodies.HEALTHY
LAST = b"data: [DONE]\n\n"


@pytest.mark.parametrize(
    ("options", "data", "rule"),
    [
        ((), RESPONSES, ""),
        ((), MESSAGES, ""),
        (("--dialect", "responses"), RESPONSES, ""),
        (("--dialect", "messages"), RESPONSES, "messages.foreign-event"),
        (("--dialect", "responses"), MESSAGES, "responses.foreign-event"),
        (("--responses-done",), RESPONSES, ""),
        (("--no-responses-done",), RESPONSES, "responses.done-mark"),
        (("--responses-done",), RESPONSES.removesuffix(LAST), "responses.done-mark"),
        ((), RESPONSES.removesuffix(LAST), ""),
        ((), MESSAGES + LAST, "messages.done-mark"),
    ],
)
def test_responses_and_messages_are_judged_as_what_they_are(
    options: tuple[str, ...], data: bytes, rule: str
) -> None:
    result = lint("-", *options, stdin=data)
    assert result.exit_code == (1 if rule else 0)
    assert rule in result.stdout


def test_a_count_of_tokens_is_no_reply_of_a_model() -> None:
    result = lint("-", stdin=b'{"input_tokens":14}')
    assert result.exit_code == 2
    assert "The reply is a count of tokens" in result.stderr


def test_a_rule_that_is_off_is_not_looked_for() -> None:
    data = ROLE + EMPTY_REASON + STOP + DONE
    assert lint("-", "--repairs", "chat.finish-empty=off", stdin=data).exit_code == 0


def test_a_recorded_http_reply_is_judged_by_its_body() -> None:
    path = next(CORPUS.glob("*-llamacpp-chat-stream.http"))
    result = lint(str(path))
    assert result.exit_code == 1
    assert "; HTTP status 200, offsets of its body" in result.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        (("/no/such/file",), None, "/no/such/file: No such file"),
        (("/",), None, "/: Is a directory"),
        (("-",), "", "The input is empty"),
        (("-",), "HTTP/1.1 200 OK", "its head is broken"),
        (("-", "--repairs", "chat.nothing=on"), HEALTHY, "no rule is called 'chat.nothing'"),
        (("-", "--repairs", "chat.finish-emty=off"), HEALTHY, "did you mean chat.finish-empty?"),
        (("-", "--repairs", "chat.error-shape=off"), HEALTHY, "cannot be switched"),
        (("-", "--repairs", "chat.think-tags=x"), HEALTHY, "are keep, split, opened"),
        (("-", "--dialect", "x"), HEALTHY, "--dialect"),
        (("-", "--choices", "0"), HEALTHY, "--choices"),
        ((), None, "Missing argument"),
    ],
)
def test_a_mistake_is_one_clear_line(
    arguments: tuple[str, ...], stdin: str | None, words: str
) -> None:
    result = lint(*arguments, stdin=stdin)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_a_file_over_the_bound_is_refused(file: Path) -> None:
    with file.open("wb") as sparse:
        sparse.truncate(lint_command.MAX_INPUT_BYTES + 1)
    result = lint(str(file))
    assert result.exit_code == 2
    assert "is larger than 67108864 bytes" in result.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    ("before", "after", "exit_code", "words"),
    [
        ("", "<&-", 2, "Error: Standard input is closed."),
        ("echo 'data: {}' |", ">/dev/full", 1, "Error: No space left on device"),
    ],
)
def test_closed_and_full_files_leave_no_traceback(
    before: str, after: str, exit_code: int, words: str
) -> None:
    command = f"{before} {shlex.quote(sys.executable)} -m strictwire lint - {after}"
    ran = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=20)
    assert ran.returncode == exit_code
    assert ran.stderr.splitlines() == [words]


def test_bytes_that_are_no_text_are_judged() -> None:
    result = lint("-", stdin=b"data: \xff\xfe\n\n\x00")
    assert result.exit_code == 1
    assert "sse.foreign-event" in result.stdout
