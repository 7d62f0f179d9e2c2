"""``strictwire serve`` as a real process: what it serves, how it stops, how its workers add up."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from gateway_process import GatewayProcess, free_port, running, until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")

DONE = b"data: [DONE]\n\n"
# Half a second from end to end, and one that outlives every test.
SHORT = "role-with-content@pace=50ms"
LONG = "role-with-content@pace=60s"
LAB = ("--lab",)


def clean(gateway: GatewayProcess) -> None:
    """Nothing was left undone when the process ended."""
    # Workers' standard input (uvicorn's) and metrics files (prometheus-client's) are left to the
    # end of the process on purpose.
    told = [line for line in gateway.err.splitlines() if "unclosed file" not in line]
    for word in ("Traceback", "ResourceWarning", "was destroyed", "never retrieved", "leaked"):
        assert word not in "\n".join(told)


def metric(text: str, name: str, *labels: str) -> float:
    """The sum of a metric's samples that have all these labels."""
    total = 0.0
    for line in text.splitlines():
        if re.match(rf"{name}[ {{]", line) and all(label in line for label in labels):
            total += float(line.rsplit(" ", 1)[1])
    return total


# ---- what it serves ----


def test_it_serves_the_lab_and_says_so(tmp_path: Path) -> None:
    with running(tmp_path, *LAB) as gateway:
        assert "the built-in lab" in gateway.out
        assert gateway.stream("finish-empty").rest().endswith(DONE)
        assert b"healthy-text" in gateway.ask("GET", "/v1/models")[1]
        gateway.signal()
        assert gateway.ended() == 0
        clean(gateway)


def test_it_serves_the_demonstration_model_and_says_so(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        assert "tiny-demo, embedded" in gateway.out
        for text in (gateway.err, gateway.ask("GET", "/")[1].decode()):
            assert "600 thousand parameters" in text
            assert "strictwire serve --model FILE.gguf" in text
        (model,) = json.loads(gateway.ask("GET", "/v1/models")[1])["data"]
        assert (model["id"], model["context_length"]) == ("tiny-demo", 32_768)
        assert metric(_metrics(gateway), "strictwire_engine_places") == 4
        (engine,) = _engines(gateway.process.pid)
        stream = gateway.stream("tiny-demo")
        gateway.signal()
        body = stream.rest()
        assert body.endswith(DONE)
        assert b'"error"' not in body
        assert gateway.ended() == 0
        assert not Path(f"/proc/{engine}").exists()
        clean(gateway)


def test_a_model_that_does_not_load_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.gguf").write_text("not a model")
    for name, words in (("text.gguf", "no GGUF file"), ("nowhere.gguf", "nowhere.gguf")):
        result = _serve(tmp_path, "--port", str(free_port()), "--model", name)
        assert result.returncode == 1
        (line,) = [one for one in result.stderr.splitlines() if one.startswith("Error:")]
        assert line.startswith(f"Error: The engine {name.removesuffix('.gguf')} does not run. ")
        assert words in line
        assert result.stdout == ""  # no start is told
        assert "Traceback" not in result.stderr


def test_a_port_in_use_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for workers in ("1", "2"):
            result = _serve(tmp_path, *LAB, "--port", str(port), "--workers", workers)
            assert result.returncode == 1
            assert f"cannot listen on 127.0.0.1:{port}" in result.stderr
            assert "in use" in result.stderr
            assert "strictwire 0" not in result.stdout + result.stderr  # no start is told
            assert "Traceback" not in result.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_public_address_without_a_key_is_refused_with_a_hint(tmp_path: Path, host: str) -> None:
    result = _serve(tmp_path, "--host", host)
    assert result.returncode != 0
    assert "--api-key" in result.stderr
    assert "--allow-public-without-key" in result.stderr
    assert "Traceback" not in result.stderr


def _serve(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "strictwire", "serve", *arguments],
        capture_output=True,
        text=True,
        timeout=20,
        cwd=folder,
        check=False,
    )


# ---- how it stops ----


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_open_stream_finish(tmp_path: Path, number: int) -> None:
    with running(tmp_path, *LAB) as gateway:
        stream = gateway.stream(SHORT)
        gateway.signal(number)
        until(gateway.refuses_connections)
        assert gateway.process.poll() is None
        body = stream.rest()
        assert body.endswith(DONE)
        assert b'"error"' not in body
        assert gateway.ended() == 0
        clean(gateway)


def test_a_reply_not_yet_begun_is_drained_too(tmp_path: Path) -> None:
    with running(tmp_path, *LAB) as gateway:
        connection = gateway.connect()
        messages = [{"role": "user", "content": "x"}]
        body = {"model": "prefill-silent@pace=100ms", "messages": messages}
        connection.request("POST", "/v1/chat/completions", json.dumps(body))
        until(lambda: metric(_metrics(gateway), "strictwire_requests_total") >= 0)
        gateway.signal()
        reply = connection.getresponse()
        assert reply.status == 200
        assert json.loads(reply.read())["choices"][0]["finish_reason"] == "stop"
        connection.close()
        assert gateway.ended() == 0
        clean(gateway)


def test_what_outlasts_the_drain_gets_an_error_in_band(tmp_path: Path) -> None:
    with running(tmp_path, *LAB, "--drain-timeout", "0.3") as gateway:
        stream = gateway.stream(LONG)
        gateway.signal()
        body = stream.rest()
        assert body.endswith(DONE)
        error = json.loads(body.split(b"data: ")[-2])["error"]
        assert error["code"] == "shutting_down"
        assert gateway.ended() == 0
        clean(gateway)


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    with running(tmp_path, *LAB, "--drain-timeout", "600") as gateway:
        stream = gateway.stream(LONG)
        gateway.signal()
        until(gateway.refuses_connections)
        assert gateway.process.poll() is None
        gateway.signal()
        assert gateway.ended() == 0
        stream.connection.close()
        clean(gateway)


def test_idle_connections_do_not_hold_the_end_up(tmp_path: Path) -> None:
    with running(tmp_path, *LAB, "--drain-timeout", "600") as gateway:
        connection = gateway.connect()
        connection.request("GET", "/health")
        connection.getresponse().read()
        gateway.signal()
        assert gateway.ended() == 0
        connection.close()
        clean(gateway)


# ---- workers ----


def _metrics(gateway: GatewayProcess) -> str:
    return gateway.ask("GET", "/metrics")[1].decode()


def _mended(text: str) -> float:
    return metric(text, "strictwire_repairs_total", 'rule="chat.finish-empty"')


def test_metrics_are_whole_over_all_workers(tmp_path: Path) -> None:
    with running(tmp_path, *LAB, "--workers", "2", "--drain-timeout", "0.3") as gateway:
        first, second = _children(gateway.process.pid)
        # While one is stopped the other has to serve; then either must tell the sum of both.
        for stopped, asked, count in ((first, 3, 3), (second, 4, 7)):
            os.kill(stopped, signal.SIGSTOP)
            for _ in range(asked):
                assert gateway.stream("finish-empty").rest().endswith(DONE)
            # A reply is counted just after its last byte went out.
            until(lambda served=count: _mended(_metrics(gateway)) >= served)
            os.kill(stopped, signal.SIGCONT)
        for stopped in (first, second):
            os.kill(stopped, signal.SIGSTOP)
            text = _metrics(gateway)
            os.kill(stopped, signal.SIGCONT)
            counted = metric(text, "strictwire_requests_total", 'route="/chat/completions"')
            assert counted == _mended(text) == 7
            assert metric(text, "strictwire_first_token_seconds_count") == 7
        streams = [gateway.stream(LONG) for _ in range(8)]
        assert metric(_metrics(gateway), "strictwire_open_streams") == len(streams)
        for stream in streams[:3]:
            stream.reply.close()
            stream.connection.close()
        until(lambda: metric(_metrics(gateway), "strictwire_open_streams") == len(streams) - 3)
        gateway.signal()
        for stream in streams[3:]:
            assert b"shutting_down" in stream.rest()
        assert gateway.ended() == 0
        clean(gateway)


def test_a_worker_that_was_killed_takes_its_open_streams_with_it(tmp_path: Path) -> None:
    with running(tmp_path, *LAB, "--workers", "2", "--drain-timeout", "0.3") as gateway:
        streams = [gateway.stream(LONG) for _ in range(6)]
        assert metric(_metrics(gateway), "strictwire_open_streams") == 6
        before = _children(gateway.process.pid)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        for stream in streams:
            stream.reply.close()
            stream.connection.close()
        until(lambda: _is_served_again(gateway))
        # One that is served again may be asked while the other still waits to be buried.
        until(lambda: metric(_metrics(gateway), "strictwire_open_streams") == 0)
        gateway.signal()
        assert gateway.ended() == 0


def _is_served_again(gateway: GatewayProcess) -> bool:
    try:
        return gateway.ask("GET", "/ready")[0] == 200
    except OSError:
        return False


def _children(pid: int, module: bytes = b"spawn_main") -> list[int]:
    """The serving children, without multiprocessing's resource tracker."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    if not listed.exists():
        pytest.skip("child processes are read from /proc")
    children = [int(one) for one in listed.read_text().split()]
    return [one for one in children if module in Path(f"/proc/{one}/cmdline").read_bytes()]


def _engines(pid: int) -> list[int]:
    return _children(pid, b"strictwire.engine.child")
