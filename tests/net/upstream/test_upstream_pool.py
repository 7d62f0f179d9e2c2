"""``HttpUpstream`` over transports in memory: reuse, retry, pause, release, cancel, close."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from upstream_fakes import (
    URL,
    MemoryConnector,
    MemoryTransport,
    Recorder,
    chunked,
    post,
    sized,
)

from strictwire.model.errors import MisuseError, PeerError, UpstreamTimeout
from strictwire.model.protocols import Upstream, UpstreamCall, UpstreamRequest
from strictwire.net.upstream import HttpUpstream, Origin

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class Stage:
    """An upstream over a memory connector, and short ways to play both sides."""

    def __init__(self, **settings: float) -> None:
        self.connector = MemoryConnector()
        self.upstream = HttpUpstream(
            connector=self.connector,  # type: ignore[arg-type]
            **settings,  # type: ignore[arg-type]
        )

    @property
    def peer(self) -> MemoryTransport:
        return self.connector.transports[-1]

    async def send(self, request: UpstreamRequest | None = None) -> tuple[UpstreamCall, Recorder]:
        events = Recorder()
        return await self.upstream.send(request or post(), events), events

    async def exchange(self, reply: bytes) -> Recorder:
        _, events = await self.send()
        self.peer.receive(reply)
        assert events.over.is_set()
        return events


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    yield stage
    await assert_leaves_nothing(stage)


async def assert_leaves_nothing(stage: Stage) -> None:
    await stage.upstream.close()
    assert stage.upstream.open_count == stage.upstream.idle_count == 0
    assert all(transport.is_gone for transport in stage.connector.transports)
    assert connection_timers() == []


def connection_timers() -> list[asyncio.TimerHandle]:
    """Timers of connections that may still fire; asyncio's own loop shows them."""
    timers = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    return [t for t in timers if not t.cancelled() and "Connection" in repr(t)]


async def test_the_request_on_the_wire(stage: Stage) -> None:
    await stage.send(UpstreamRequest("POST", "http://h:81/v1/x?y=1", ((b"x-a", b"b"),), b"{}"))
    assert bytes(stage.peer.written) == (
        b"POST /v1/x?y=1 HTTP/1.1\r\nhost: h:81\r\nx-a: b\r\n"
        b"accept-encoding: identity\r\ncontent-length: 2\r\n\r\n{}"
    )


async def test_events_come_within_the_read_and_once_per_read(stage: Stage) -> None:
    _, events = await stage.send()
    stage.peer.receive(HEAD + b"1\r\na\r\n1\r\nb\r\n")
    assert events.order == ["head", "body"]
    assert events.pieces == [b"ab"]
    stage.peer.receive(b"1\r\nc\r\n0\r\n\r\n")
    assert events.order == ["head", "body", "body", "end"]


@given(st.data())
def test_any_cut_of_a_reply_gives_the_same_events(draw: st.DataObject) -> None:
    reply = draw.draw(
        st.sampled_from(
            [
                chunked(b"abc", b"de"),
                b"HTTP/1.1 100 Continue\r\n\r\n" + sized(b"abc"),
                b"HTTP/1.0 200 OK\r\n\r\nabc",
                HEAD + b"3\r\nab",
                HEAD + b"3\r\nabcdef",
                sized(b"", b"location: /x", status=b"302 Found"),
            ]
        )
    )
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(reply)), max_size=6)))

    async def play(cuts: list[int]) -> tuple[object, ...]:
        stage = Stage()
        _, events = await stage.send()
        for start, end in zip([0, *cuts], [*cuts, len(reply)], strict=True):
            if start < end:
                stage.peer.receive(reply[start:end])
        stage.peer.receive_end()
        assert events.over.is_set()
        await assert_leaves_nothing(stage)
        return events.outcome

    async def compare() -> None:
        assert await play(cuts) == await play([])

    asyncio.run(compare())


# ---- reuse ----


async def test_a_connection_is_reused(stage: Stage) -> None:
    await stage.exchange(sized(b"a"))
    assert stage.upstream.idle_count == len(connection_timers()) == 1
    await stage.send()
    assert connection_timers() == []
    stage.peer.receive(sized(b"a"))
    assert (await stage.exchange(chunked(b"b"))).body == b"b"
    assert len(stage.connector.transports) == 1
    assert bytes(stage.peer.written).count(b"POST ") == 3


@pytest.mark.parametrize(
    "reply",
    [
        sized(b"a", b"connection: close"),
        sized(b"a").replace(b"1.1", b"1.0"),
        sized(b"a") + sized(b"b"),
        sized(b"a") + b"garbage",
        HEAD + b"zz\r\n",
    ],
    ids=["connection: close", "http/1.0", "two replies", "garbage", "bad chunk size"],
)
async def test_a_doubtful_connection_is_not_reused(stage: Stage, reply: bytes) -> None:
    await stage.exchange(reply)
    assert stage.upstream.idle_count == 0
    assert stage.peer.is_gone


async def test_a_connection_with_unsent_request_bytes_is_not_reused(stage: Stage) -> None:
    _, events = await stage.send()
    stage.peer.unsent = 5
    stage.peer.receive(sized(b"too large", status=b"413 Content Too Large"))
    assert events.status == 413
    assert stage.peer.is_gone


async def test_origins_do_not_share_connections(stage: Stage) -> None:
    await stage.exchange(sized(b"a"))
    await stage.send(post("http://127.0.0.1:10/"))
    await stage.send(post(URL.replace("http:", "https:")))
    assert len({*stage.connector.origins}) == 3


@pytest.mark.parametrize("speak", [True, False])
async def test_an_idle_connection_that_speaks_or_ends_is_dropped(stage: Stage, speak: bool) -> None:
    await stage.exchange(sized(b"a"))
    if speak:
        stage.peer.receive(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    else:
        stage.peer.receive_end()
    assert stage.upstream.idle_count == 0
    assert (await stage.exchange(sized(b"b"))).body == b"b"
    assert len(stage.connector.transports) == 2


async def test_idle_connections_are_bounded_in_number() -> None:
    stage = Stage(max_idle=2)
    calls = [await stage.send() for _ in range(4)]
    for transport in stage.connector.transports:
        transport.receive(sized(b"a"))
    assert all(events.over.is_set() for _, events in calls)
    assert stage.upstream.idle_count == 2
    assert [transport.is_gone for transport in stage.connector.transports] == [
        True,
        True,
        False,
        False,
    ]
    await assert_leaves_nothing(stage)


async def test_without_a_pool_the_peer_is_asked_to_close() -> None:
    stage = Stage(max_idle=0)
    await stage.exchange(sized(b"a"))
    assert b"\r\nconnection: close\r\n" in stage.peer.written
    assert stage.peer.is_gone
    await assert_leaves_nothing(stage)


async def test_idle_connections_are_bounded_in_time() -> None:
    stage = Stage(idle_s=0.01)
    await stage.exchange(sized(b"a"))
    async with asyncio.timeout(5):
        while stage.upstream.open_count:
            await asyncio.sleep(0.005)
    assert stage.upstream.idle_count == 0
    await assert_leaves_nothing(stage)


# ---- stale connections ----


@pytest.mark.parametrize("error", [None, ConnectionResetError()])
async def test_a_stale_connection_is_replaced_once(stage: Stage, error: Exception | None) -> None:
    await stage.exchange(sized(b"a"))
    _, events = await stage.send()
    stale = stage.peer
    stale.lose(error)
    await until_connected(stage, 2)
    assert events.order == []
    sent = bytes(stale.written).partition(b"{}")[2]
    assert bytes(stage.peer.written) == sent
    stage.peer.receive_end()  # the fresh one dies, too: that is an error
    assert events.order == ["error"]
    assert events.error is not None
    assert events.error.code == "upstream_closed"
    assert "before the first byte" in events.error.message


async def test_no_retry_after_a_byte(stage: Stage) -> None:
    await stage.exchange(sized(b"a"))
    _, events = await stage.send()
    stage.peer.receive(b"H")
    stage.peer.receive_end()
    assert events.order == ["error"]
    assert len(stage.connector.transports) == 1


async def test_no_retry_on_a_fresh_connection(stage: Stage) -> None:
    _, events = await stage.send()
    stage.peer.receive_end()
    assert events.order == ["error"]
    assert len(stage.connector.transports) == 1


async def test_a_pause_outlives_a_stale_connection(stage: Stage) -> None:
    await stage.exchange(sized(b"a"))
    call, _ = await stage.send()
    stage.peer.lose(None)
    call.pause()
    await until_connected(stage, 2)
    assert stage.peer.is_paused
    call.resume()
    assert not stage.peer.is_paused


@pytest.mark.parametrize("how", ["cancel", "release"])
async def test_a_retry_ends_with_its_call(stage: Stage, how: str) -> None:
    await stage.exchange(sized(b"a"))
    call, events = await stage.send()
    stage.connector.gate.clear()
    stage.connector.connects_begun.clear()
    stage.peer.receive_end()
    await stage.connector.connects_begun.wait()
    getattr(call, how)()
    await turn()
    stage.connector.gate.set()
    await turn()
    assert len(stage.connector.transports) == 1
    assert events.order == []


async def test_a_retry_that_cannot_connect_is_an_error(stage: Stage) -> None:
    await stage.exchange(sized(b"a"))
    _, events = await stage.send()
    stage.connector.error = PeerError("refused", code="upstream_unreachable")
    stage.peer.receive_end()
    await events.over.wait()
    assert events.error is stage.connector.error


# ---- the call ----


async def test_cancel_closes_and_silences(stage: Stage) -> None:
    call, events = await stage.send()
    stage.peer.receive(HEAD + b"1\r\na\r\n")
    call.cancel()
    assert stage.peer.is_gone
    await turn()
    assert events.order == ["head", "body"]
    for act in (call.pause, call.resume, call.release, call.cancel):
        act()


@pytest.mark.parametrize("event", ["head", "body"])
@pytest.mark.parametrize("how", ["cancel", "release"])
async def test_within_a_callback_a_call_can_be_ended(stage: Stage, event: str, how: str) -> None:
    call, events = await stage.send()
    events.hooks[event] = getattr(call, how)
    stage.peer.receive(chunked(b"abc"))
    assert events.order == ["head", "body"][: ["head", "body"].index(event) + 1]
    assert stage.peer.is_gone == (how == "cancel")
    assert stage.upstream.idle_count == (how == "release")


async def test_pause_and_resume_can_be_repeated(stage: Stage) -> None:
    call, events = await stage.send()
    call.pause()
    call.pause()
    assert stage.peer.is_paused
    call.resume()
    call.resume()
    stage.peer.receive(sized(b"a"))
    for act in (call.pause, call.resume, call.pause):
        act()
    assert not stage.peer.is_paused  # it is idle, or another's
    assert events.body == b"a"


async def test_a_call_that_ends_paused_leaves_a_reading_connection(stage: Stage) -> None:
    call, events = await stage.send()
    events.hooks["body"] = call.pause
    stage.peer.receive(sized(b"a"))
    assert stage.upstream.idle_count == 1
    assert not stage.peer.is_paused


async def test_release_keeps_the_connection_if_the_body_ends(stage: Stage) -> None:
    call, events = await stage.send()
    stage.peer.receive(HEAD + b"1\r\na\r\n")
    call.pause()
    call.release()
    assert not stage.peer.is_paused
    stage.peer.receive(b"1\r\nb\r\n0\r\n\r\n")
    assert events.order == ["head", "body"]
    assert stage.upstream.idle_count == 1


@pytest.mark.parametrize("error", [None, ConnectionResetError()])
async def test_release_forgives_a_body_that_breaks(stage: Stage, error: Exception | None) -> None:
    call, events = await stage.send()
    stage.peer.receive(HEAD + b"1\r\na\r\n")
    call.release()
    stage.peer.lose(error)
    await turn()
    assert events.order == ["head", "body"]
    assert stage.upstream.open_count == 0


async def test_release_closes_after_the_grace_time() -> None:
    stage = Stage(grace_s=0.01)
    call, events = await stage.send()
    stage.peer.receive(HEAD + b"1\r\na\r\n")
    call.release()
    assert not stage.peer.is_gone
    async with asyncio.timeout(5):
        while stage.upstream.open_count:
            await asyncio.sleep(0.005)
    assert events.order == ["head", "body"]
    await assert_leaves_nothing(stage)


# ---- connecting and closing ----


async def test_a_failed_connect_comes_as_an_event(stage: Stage) -> None:
    stage.connector.error = PeerError("refused", code="upstream_unreachable")
    call, events = await stage.send()
    assert events.error is stage.connector.error
    call.cancel()


async def test_a_slow_connect_times_out() -> None:
    stage = Stage(connect_timeout_s=0.01)
    stage.connector.gate.clear()
    _, events = await stage.send()
    assert isinstance(events.error, UpstreamTimeout)
    assert (events.error.status, events.error.code) == (504, "upstream_connect_timeout")
    assert "timeouts.connect" in events.error.message
    await assert_leaves_nothing(stage)


async def test_a_cancelled_send_abandons_the_connect(stage: Stage) -> None:
    stage.connector.gate.clear()
    sending = asyncio.create_task(stage.send())
    await stage.connector.connects_begun.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert stage.connector.transports == []


class _LateConnector(MemoryConnector):
    """Is given up as it succeeds: the transport is there, but nobody is handed it. ``is_later``:
    the loop tells the protocol of it only then."""

    def __init__(self, *, is_later: bool) -> None:
        super().__init__()
        self.is_later = is_later

    async def connect(self, origin: Origin, factory: Callable[[], asyncio.Protocol]) -> object:
        protocol = factory()
        if not self.is_later:
            self.transports.append(MemoryTransport(protocol))
        try:
            self.connects_begun.set()
            await asyncio.Event().wait()
        finally:
            if self.is_later:
                loop = asyncio.get_running_loop()
                loop.call_soon(lambda: self.transports.append(MemoryTransport(protocol)))
        raise AssertionError


@pytest.mark.parametrize("is_later", [False, True])
async def test_a_connect_given_up_as_it_succeeds_leaves_nothing(is_later: bool) -> None:
    stage = Stage()
    stage.connector = _LateConnector(is_later=is_later)
    stage.upstream = HttpUpstream(connector=stage.connector)  # type: ignore[arg-type]
    sending = asyncio.create_task(stage.send())
    await stage.connector.connects_begun.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await asyncio.sleep(0)
    assert stage.peer.is_gone
    assert stage.upstream.open_count == 0
    await assert_leaves_nothing(stage)


async def test_close_tells_calls_under_way(stage: Stage) -> None:
    await stage.exchange(sized(b"a"))
    running = [await stage.send() for _ in range(2)]
    stage.connector.gate.clear()
    stage.connector.connects_begun.clear()
    connecting = asyncio.create_task(stage.send())
    await stage.connector.connects_begun.wait()
    await stage.upstream.close()
    async with asyncio.timeout(5):
        connected = await connecting
    for _, events in (*running, connected):
        assert events.order == ["error"]
        assert events.error is not None
        assert events.error.code == "upstream_closed"
    with pytest.raises(MisuseError):
        await stage.send()


async def test_close_during_a_retry(stage: Stage) -> None:
    await stage.exchange(sized(b"a"))
    _, events = await stage.send()
    stage.peer.receive_end()
    await stage.upstream.close()
    assert events.order == ["error"]
    assert len(stage.connector.transports) == 1


def test_it_is_an_upstream() -> None:
    upstream: Upstream = HttpUpstream()
    assert upstream


async def turn() -> None:
    """Let all that is ready run: a loss, then a retry's steps."""
    for _ in range(5):
        await asyncio.sleep(0)


async def until_connected(stage: Stage, count: int) -> None:
    while len(stage.connector.transports) < count:
        await asyncio.sleep(0)
    await turn()
