"""An engine whose child dies, cannot be started again, or is unloaded."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import shutil
import signal
from pathlib import Path

import pytest
from child_stand import (
    SLOW_MODEL,
    Asker,
    ask,
    begin,
    chat,
    endless,
    get,
    make_plan,
    running_engine,
    wait,
)

from strictwire.engine import DEMO_MODEL, Engine, EngineFailed
from strictwire.engine.supervisor import MAX_DOUBLINGS, Patience
from strictwire.model.errors import WireError


def kill(engine: Engine) -> None:
    pid = engine.status().process
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


async def until_state(engine: Engine, state: str) -> None:
    while engine.status().state != state:
        await asyncio.sleep(0.005)


async def test_the_child_dies_and_all_streams_are_told_and_the_next_is_answered() -> None:
    async with running_engine(make_plan(parallel=4)) as engine:
        streams = [await begin(engine, endless()) for _ in range(4)]
        for asker in streams:
            await asker.until(lambda asker=asker: asker.text)
        before = engine.status().process
        kill(engine)
        for asker in streams:
            await asker.over.wait()
            assert asker.error is not None
            assert (asker.error.status, asker.error.code) == (502, "engine_died")
            assert "signal 9" in asker.error.message
            assert [kind for kind, _ in asker.seen] == ["head", "error"]
        # The issue's own bound; it takes the time of a start.
        async with asyncio.timeout(2.0):
            asker = await ask(engine, chat())
        assert asker.seen == [("head", 200), ("end", None)]
        status = engine.status()
        assert status.process != before
        assert (status.restarts, status.busy, status.state) == (1, 0, "ready")


async def test_who_stands_in_line_stays_there_and_is_answered_by_the_next_child() -> None:
    async with running_engine(make_plan(parallel=1)) as engine:
        streaming = await begin(engine, endless())
        await streaming.until(lambda: streaming.text)
        waiting = [await wait(engine, chat()) for _ in range(2)]
        kill(engine)
        for task, asker in waiting:
            await task
            assert asker.error is None
            assert asker.seen[-1] == ("end", None)
        assert streaming.error is not None


async def test_a_connection_that_breaks_is_not_always_the_childs_end() -> None:
    async with running_engine() as engine:
        asker = await begin(engine, endless())
        await asker.until(lambda: asker.text)
        running = engine._supervisor.running
        assert running is not None
        await running.upstream.close()
        # Not yet free: if the child were dying, the next request would die with it.
        assert engine.status().busy == 1
        await asker.over.wait()
        assert asker.error is not None
        assert asker.error.code == "upstream_closed"
        assert (engine.status().busy, engine.status().restarts) == (0, 0)


async def test_a_call_that_was_cancelled_hears_nothing_of_the_death() -> None:
    async with running_engine() as engine:
        gone, stays = [await begin(engine, endless()) for _ in range(2)]
        for asker in (gone, stays):
            await asker.until(lambda asker=asker: asker.text)
        kill(engine)
        assert gone.call is not None
        gone.call.cancel()
        await stays.over.wait()
        assert gone.error is None


async def test_requests_meanwhile_wait_and_then_are_told_when_to_come_again() -> None:
    patience = Patience(first_pause_s=30.0, request_s=0.05)
    async with running_engine(patience=patience) as engine:
        kill(engine)
        await until_state(engine, "restarting")
        with pytest.raises(WireError) as caught:
            await engine.send(chat(), Asker())
        assert (caught.value.status, caught.value.code) == (503, "engine_loading")
        assert caught.value.retry_after
        assert engine.status().busy == 0


async def test_a_model_that_is_gone_fails_with_its_reason_and_comes_back(tmp_path: Path) -> None:
    model = tmp_path / "model.gguf"
    shutil.copy(DEMO_MODEL, model)
    patience = Patience(first_pause_s=0.01, longest_pause_s=0.05)
    async with running_engine(make_plan(model, context=512), patience) as engine:
        model.rename(tmp_path / "elsewhere.gguf")
        kill(engine)
        await until_state(engine, "failed")
        with pytest.raises(EngineFailed) as caught:
            await engine.send(chat(), Asker())
        assert caught.value.status == 503
        assert caught.value.retry_after
        assert "does not exist" in caught.value.message
        (tmp_path / "elsewhere.gguf").rename(model)
        await until_state(engine, "ready")
        assert (await ask(engine, chat())).seen[-1] == ("end", None)


async def test_a_long_way_down_is_no_end_of_numbers() -> None:
    patience = Patience(first_pause_s=0.0, failures=1)
    async with running_engine(patience=patience) as engine:
        supervisor = engine._supervisor
        supervisor._deaths = MAX_DOUBLINGS
        kill(engine)
        await until_state(engine, "restarting")
        await until_state(engine, "ready")
        assert supervisor._deaths <= MAX_DOUBLINGS


async def test_its_folder_was_swept_away(tmp_path: Path) -> None:
    async with running_engine() as engine:
        folder = engine._supervisor._folder
        assert folder is not None
        shutil.rmtree(folder)
        kill(engine)
        await until_state(engine, "restarting")
        assert (await ask(engine, chat())).seen[-1] == ("end", None)


async def test_close_while_it_is_being_started_again() -> None:
    async with running_engine(patience=Patience(first_pause_s=0.0)) as engine:
        kill(engine)
        await until_state(engine, "restarting")
        task = asyncio.create_task(engine.send(chat(), Asker()))
        await asyncio.sleep(0)
        await engine.close()
        with pytest.raises(WireError) as caught:
            await task
        assert caught.value.code == "engine_closed"
        assert engine.status().process is None


async def test_what_it_logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "strictwire.engine")
    async with running_engine() as engine:
        await ask(engine, chat("a secret prompt"))
        kill(engine)
        await until_state(engine, "restarting")
        await until_state(engine, "ready")
        bad = chat()
        body = b'{"messages": "a secret prompt'
        await ask(engine, type(bad)("POST", bad.url, body=body))
    lines = [(record.levelname, record.getMessage()) for record in caplog.records]
    told = [line for line in lines if line[0] != "DEBUG"]
    assert told[0][0] == "INFO"
    assert told[0][1].startswith("engine tiny: loaded tiny-demo in ")
    assert told[0][1].endswith(" s, 2 places of 8192 tokens each")
    assert told[1] == (
        "WARNING",
        "engine tiny: its process ended (signal 9); starting it again",
    )
    assert told[2][1].startswith("engine tiny: loaded")
    assert any("loading model" in text for level, text in lines if level == "DEBUG")
    assert not any("secret" in text for _, text in lines)


# ---- a child that lives and does nothing ----

# Each of 2,000 letters may be there or not: llama.cpp looks at all ways to go on, for each token.
ENDLESS_GRAMMAR = "root ::= " + '"a"? ' * 2000


def stop(engine: Engine) -> None:
    pid = engine.status().process
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)


async def test_a_child_that_does_not_get_on_is_ended_and_all_are_told() -> None:
    async with running_engine(patience=Patience(silent_s=0.1)) as engine:
        asker = await begin(engine, endless())
        await asker.until(lambda: asker.text)
        stop(engine)
        await asker.over.wait()
        assert asker.error is not None
        assert asker.error.code == "engine_died"
        assert (await ask(engine, chat())).seen[-1] == ("end", None)
        assert engine.status().restarts == 1


async def test_a_grammar_without_end_holds_up_nobody_for_ever() -> None:
    async with running_engine(patience=Patience(silent_s=0.3)) as engine:
        asker = await begin(engine, endless())
        await asker.until(lambda: asker.text)
        hostile = await begin(engine, chat(grammar=ENDLESS_GRAMMAR))
        for told in (asker, hostile):
            await told.over.wait()
            assert told.error is not None
            assert told.error.code == "engine_died"
        assert (await ask(engine, chat())).seen[-1] == ("end", None)


async def test_a_child_that_gets_on_is_left_alone_and_so_is_an_idle_one() -> None:
    async with running_engine(make_plan(SLOW_MODEL), Patience(silent_s=0.5)) as engine:
        stop(engine)
        await asyncio.sleep(1.2)  # long enough for two questions: none is asked of an idle one
        assert engine.status().restarts == 0
        pid = engine.status().process
        assert pid is not None
        os.kill(pid, signal.SIGCONT)
        asker = await begin(engine, chat("a" * 3000))  # two questions long, on a fast machine
        await asker.over.wait()
        assert asker.error is None
        assert (engine.status().restarts, engine.status().process) == (0, pid)


async def test_a_stopped_child_is_unloaded_all_the_same() -> None:
    async with running_engine(make_plan(idle_unload_s=0.05)) as engine:
        stop(engine)
        await until_state(engine, "unloaded")
        asker = await ask(engine, chat())
        assert asker.seen == [("head", 200), ("end", None)]


async def test_a_start_without_descriptors_is_tried_again() -> None:
    patience = Patience(first_pause_s=0.2, longest_pause_s=0.2)
    async with running_engine(patience=patience) as engine:
        kill(engine)
        await until_state(engine, "restarting")  # its own descriptors are closed by now
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        highest = max(map(int, os.listdir("/dev/fd")))
        held = [os.dup(0) for _ in range(highest)]  # every number below the limit is taken
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(held) + 1, hard))
        try:
            await until_state(engine, "failed")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for number in held:
                os.close(number)
        await until_state(engine, "ready")
        assert (await ask(engine, chat())).seen[-1] == ("end", None)


# ---- unloading ----


async def test_an_idle_model_is_unloaded_and_woken_by_the_next_request() -> None:
    async with running_engine(make_plan(idle_unload_s=0.05)) as engine:
        await until_state(engine, "unloaded")
        assert engine.status().process is None
        asker = await ask(engine, chat())
        assert asker.seen == [("head", 200), ("end", None)]
        assert engine.status().restarts == 0  # it did not die
        await until_state(engine, "unloaded")


async def test_who_asks_for_the_model_does_not_wake_it() -> None:
    async with running_engine(make_plan(idle_unload_s=0.05)) as engine:
        there = [await ask(engine, get(path)) for path in ("/v1/models", "/props")]
        await until_state(engine, "unloaded")
        for path, before in zip(("/v1/models", "/props"), there, strict=True):
            asker = await ask(engine, get(path))
            assert asker.seen == [("head", 200), ("end", None)]
            now, then = json.loads(asker.body), json.loads(before.body)
            assert now.get("object") == then.get("object")
            assert now.get("chat_template") == then.get("chat_template")
        assert (engine.status().state, engine.facts is None) == ("unloaded", False)


async def test_a_busy_model_is_not_unloaded() -> None:
    async with running_engine(make_plan(idle_unload_s=0.05)) as engine:
        asker = await begin(engine, endless())
        await asyncio.sleep(0.2)
        assert engine.status().state == "ready"
        assert asker.call is not None
        asker.call.cancel()
        await until_state(engine, "unloaded")


async def test_close_while_unloaded_and_a_request_just_as_it_unloads() -> None:
    async with running_engine(make_plan(idle_unload_s=0.05)) as engine:
        await until_state(engine, "unloaded")
        task = asyncio.create_task(ask(engine, chat()))
        await asyncio.sleep(0)
        assert engine.status().state == "loading"
        assert (await task).seen[-1] == ("end", None)
        await until_state(engine, "unloaded")
