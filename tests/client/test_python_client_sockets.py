"""What a network does, over real sockets: silence, broken connections, odd framing, early leave."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from client_ways import Heard, Way, lab_in_a_thread, wait_until

from strictwire.client import (
    AsyncClient,
    Client,
    ClientTimeoutError,
    Finish,
    Retries,
    StreamClosed,
    Text,
    Timeouts,
    UnreachableError,
)
from strictwire.lab.scenarios import SCENARIOS
from strictwire.lab.server import LabServer

WHOLE_TEXT = SCENARIOS["healthy-text"].expect.choices[0].text
NO_RETRIES = Retries(count=0)
# What must not be waited for is far away, so that a test which waits for it fails by its time.
FAR_S = 20.0
PATIENCE_S = 5.0


def heard(way: Way, lab: LabServer, model: str, timeouts: Timeouts | None = None) -> Heard:
    options = {"retries": NO_RETRIES, "timeouts": timeouts or Timeouts(linger_s=0.15)}
    began_s = time.monotonic()
    told = way.hear(lab.url, options=options, model=model, input="Say hello.")
    assert time.monotonic() - began_s < PATIENCE_S
    return told


@pytest.mark.parametrize(
    "how",
    [
        "cut=1",
        "cut=random:7",
        "body=close",
        "body=http1.0",
        "body=length",
        "encoding=gzip",
        "encoding=deflate,cut=3",
        "type=none",
        "type=application/json",
        "type=text/html",
    ],
)
def test_odd_framing(how: str, way: Way, lab: LabServer) -> None:
    told = heard(way, lab, f"healthy-text@{how}")
    assert told.error is None
    assert told.text == WHOLE_TEXT


@pytest.mark.parametrize("fault", ["cut", "reset", "half-close"])
def test_a_connection_that_breaks_is_no_end(fault: str, way: Way, lab: LabServer) -> None:
    told = heard(way, lab, f"healthy-text@fault={fault}:900")
    assert isinstance(told.error, StreamClosed)
    assert told.text
    assert WHOLE_TEXT.startswith(told.text)
    assert not any(isinstance(event, Finish) for event in told.events)


@pytest.mark.parametrize("fault", ["cut", "reset"])
def test_a_connection_that_breaks_before_the_head(fault: str, way: Way, lab: LabServer) -> None:
    told = heard(way, lab, f"healthy-text@fault={fault}:head")
    assert isinstance(told.error, UnreachableError)
    assert told.events == ()


@pytest.mark.parametrize(
    ("model", "timeouts", "phase"),
    [
        ("@fault=stall:head", Timeouts(first_byte_s=0.2, idle_s=FAR_S), "first_byte"),
        ("@fault=stall:900", Timeouts(first_byte_s=FAR_S, idle_s=0.2), "idle"),
        ("@fault=stall:900", Timeouts(idle_s=FAR_S, event_s=0.2), "event"),
    ],
)
def test_each_silence_has_its_bound(
    model: str, timeouts: Timeouts, phase: str, way: Way, lab: LabServer
) -> None:
    told = heard(way, lab, f"healthy-text{model}", timeouts)
    assert isinstance(told.error, ClientTimeoutError)
    assert told.error.phase == phase
    assert told.error.message.count("Timeouts.") == 1


def test_nobody_there(way: Way) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        options = {"retries": NO_RETRIES}
        told = way.hear(f"http://127.0.0.1:{port}/v1", options=options, model="m", input="Hi")
    assert isinstance(told.error, UnreachableError)
    assert f"127.0.0.1:{port}" in told.error.message


def test_a_server_that_does_not_speak_http(way: Way) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        thread = _answering(server, b"220 smtp.example.com ESMTP\r\n")
        options = {"retries": NO_RETRIES}
        told = way.hear(f"http://127.0.0.1:{port}/v1", options=options, model="m", input="Hi")
        thread.join()
    assert told.error is not None
    assert "smtp" not in told.error.message


def _answering(server: socket.socket, data: bytes) -> threading.Thread:
    """Whatever the first client says, it is told this."""

    def answer() -> None:
        peer, _ = server.accept()
        with peer:
            peer.recv(1 << 16)
            peer.sendall(data)

    thread = threading.Thread(target=answer)
    thread.start()
    return thread


# ---- leaving, and coming again ----


@pytest.fixture
def own_lab() -> Iterator[LabServer]:
    """A lab whose log holds one test's requests."""
    with lab_in_a_thread() as server:
        yield server


ENDLESS = "healthy-long@pace=20ms"


def leave_by_break(url: str, notice: Callable[[], None]) -> None:
    with Client(url) as client:
        for event in client.stream(model=ENDLESS, input="Hi"):
            if isinstance(event, Text):
                break
        notice()


def leave_by_with(url: str, notice: Callable[[], None]) -> None:
    with Client(url) as client:
        with client.stream(model=ENDLESS, input="Hi") as stream:
            next(stream)
        notice()


def leave_by_close(url: str, notice: Callable[[], None]) -> None:
    with Client(url) as client:
        stream = client.stream(model=ENDLESS, input="Hi")
        next(stream)
        stream.close()
        notice()
        assert list(stream) == []


def leave_async(url: str, notice: Callable[[], None]) -> None:
    async def leave() -> None:
        async with AsyncClient(url) as client:
            async with client.stream(model=ENDLESS, input="Hi") as stream:
                await anext(stream)
            await asyncio.to_thread(notice)

    asyncio.run(leave())


def leave_by_cancel(url: str, notice: Callable[[], None]) -> None:
    async def leave() -> None:
        async with AsyncClient(url) as client:
            has_begun = asyncio.Event()

            async def listen() -> None:
                async for _ in client.stream(model=ENDLESS, input="Hi"):
                    has_begun.set()

            task = asyncio.create_task(listen())
            await has_begun.wait()
            task.cancel()
            await asyncio.wait((task,))
            assert task.cancelled()
            await asyncio.to_thread(notice)

    asyncio.run(leave())


Leave = Callable[[str, Callable[[], None]], None]


@pytest.mark.parametrize(
    "leave",
    [leave_by_break, leave_by_with, leave_by_close, leave_async, leave_by_cancel],
    ids=lambda leave: leave.__name__,
)
def test_who_leaves_hangs_up(leave: Leave, own_lab: LabServer) -> None:
    """While the client itself stays open, since that would close every connection as it goes."""
    noticed: list[str] = []

    def notice() -> None:
        wait_until(lambda: own_lab.log.ended == 1)
        noticed.append(own_lab.log[0].outcome)

    leave(own_lab.url, notice)
    assert noticed == ["disconnected"]


def test_calls_without_ids_get_others_in_every_turn(way: Way, lab: LabServer) -> None:
    """Else the second turn's result would answer the first turn's call."""
    asked = {"model": "tool-id-missing", "input": "The weather?"}
    ids = [way.ask(lab.url, **asked).tool_calls[0].id for _ in range(2)]
    assert all(ids)
    assert len(set(ids)) == 2


def test_nothing_is_sent_before_the_first_event_is_asked_for(own_lab: LabServer) -> None:
    with Client(own_lab.url) as client:
        client.stream(model="healthy-text", input="Hi").close()
        assert client.ask(model="healthy-text", input="Hi").text == WHOLE_TEXT
    assert len(own_lab.log) == 1


@pytest.mark.parametrize("body", ["chunked", "length"])
def test_a_connection_is_used_again(body: str, way: Way, own_lab: LabServer) -> None:
    for _ in range(3):
        told = way.hear(own_lab.url, model=f"healthy-text@body={body}", input="Hi")
        assert told.error is None
    assert own_lab.open_connections == 1


def test_the_partial_answer_goes_along_with_the_error(way: Way, lab: LabServer) -> None:
    options = {"retries": NO_RETRIES}
    with pytest.raises(StreamClosed) as caught:
        way.ask(lab.url, options=options, model="healthy-text@fault=cut:900", input="Hi")
    partial = caught.value.partial
    assert partial is not None
    assert partial.text
    assert WHOLE_TEXT.startswith(partial.text)
    assert partial.finish_reason is None


def test_a_tool_turn_goes_back_and_forth(way: Way, lab: LabServer) -> None:
    messages = [{"role": "user", "content": "The weather in Paris?"}]
    tools = [{"name": "get_weather", "parameters": {"type": "object"}}]
    first = way.ask(lab.url, model="healthy-tools", messages=messages, tools=tools)
    (call,) = first.tool_calls
    assert call.parsed() == {"city": "Paris"}
    result = {"role": "tool", "tool_call_id": call.id, "content": "Sunny, 21 degrees."}
    messages = [*messages, first.as_message(), result]
    second = way.ask(lab.url, model="healthy-tools", messages=messages, tools=tools)
    assert "Sunny, 21 degrees." in second.text
