"""The engine with the real child: answers, progress, the line, cancelling, and its end."""

from __future__ import annotations

import asyncio
import json
import os
import struct
from itertools import pairwise
from pathlib import Path

import pytest
from child_stand import (
    SLOW_MODEL,
    URL,
    Asker,
    ask,
    begin,
    chat,
    connect,
    endless,
    get,
    make_plan,
    running_engine,
    slots_at_work,
    until_idle,
    wait,
)

from strictwire.engine import DEMO_MODEL, Engine, EngineFailed
from strictwire.model.errors import CallerError, MisuseError, WireError
from strictwire.model.protocols import UpstreamRequest

EMBEDDING = UpstreamRequest("POST", f"{URL}/v1/embeddings", body=b'{"input": "Hello"}')
# About 8,000 tokens of the slow model: seconds of prefill, in a hundred batches.
LONG_PROMPT = "many words " * 700


async def test_it_tells_its_facts_and_answers() -> None:
    async with running_engine(make_plan(context=1000)) as engine:
        facts = engine.facts
        assert facts is not None
        assert facts.context == 1024  # llama.cpp rounds up
        assert facts.trained_context == 32768
        assert facts.parameters == 606_848
        assert facts.size_bytes > 1_000_000
        assert {"chat", "completions", "tools", "json_schema", "logprobs"} <= facts.capabilities
        assert "embeddings" not in facts.capabilities
        asker = await ask(engine, chat())
        assert asker.seen == [("head", 200), ("end", None)]
        assert asker.text
        assert asker.body.endswith(b"data: [DONE]\n\n")
        assert engine.status().busy == 0


async def test_the_context_is_the_models_own_unless_told() -> None:
    async with running_engine(make_plan(context=0, parallel=1)) as engine:
        assert engine.facts is not None
        assert engine.facts.context == 32768


async def test_each_place_has_the_whole_context() -> None:
    """Two prompts at once that fill theirs to three quarters: a shared pool would be too small."""
    prompt = "word " * 750
    async with running_engine(make_plan(context=1024, prefill_batch=256)) as engine:
        askers = await asyncio.gather(
            *(ask(engine, chat(f"{number} {prompt}")) for number in range(2))
        )
        totals = [asker.progress[-1]["total"] for asker in askers]
        assert all(750 < total < 1024 for total in totals)
        assert [asker.seen[-1] for asker in askers] == [("end", None)] * 2


async def test_progress_once_per_batch() -> None:
    async with running_engine(make_plan(SLOW_MODEL, parallel=1)) as engine:
        asker = await ask(engine, chat("x" * 400))
        read = [step["processed"] for step in asker.progress]
        total = asker.progress[0]["total"]
        assert read[0] == 0
        assert read[-1] == total > 400
        steps = [after - before for before, after in pairwise(read)]
        assert steps[:-2] == [64] * (len(steps) - 2)


async def test_kv_bits_and_prefill_batches_of_any_size_load() -> None:
    for changes in ({"kv_bits": 8}, {"kv_bits": 4}, {"prefill_batch": 1, "parallel": 3}):
        async with running_engine(make_plan(context=512, **changes)) as engine:
            assert (await ask(engine, chat())).seen[-1] == ("end", None)


# ---- the line ----


async def test_who_must_wait_is_told_where_and_served_in_order() -> None:
    async with running_engine(make_plan(parallel=1)) as engine:
        first = await begin(engine, endless())
        waiting = [await wait(engine, chat()) for _ in range(3)]
        assert [asker.places for _, asker in waiting] == [[1], [2], [3]]
        assert (engine.status().busy, engine.status().waiting) == (1, 3)
        assert first.call is not None
        first.call.cancel()
        ended: list[Asker] = []
        for task, asker in waiting:
            task.add_done_callback(lambda _, asker=asker: ended.append(asker))
        await asyncio.gather(*(task for task, _ in waiting))
        assert ended == [asker for _, asker in waiting]
        assert [asker.places for _, asker in waiting] == [[1, 0], [2, 1, 0], [3, 2, 1, 0]]
        # The line is told before the reply, and the wait's end before its head.
        assert [kind for kind, _ in waiting[0][1].seen] == ["queued", "queued", "head", "end"]


async def test_a_request_for_several_answers_takes_several_places() -> None:
    async with running_engine(make_plan(parallel=3)) as engine:
        narrow = await begin(engine, endless())
        task, wide = await wait(engine, chat(n=3))
        behind, last = await wait(engine, chat())
        assert (wide.places, last.places) == ([1], [2])
        assert narrow.call is not None
        narrow.call.cancel()
        await asyncio.gather(task, behind)
        choices = {choice["index"] for chunk in wide.chunks for choice in chunk["choices"]}
        assert choices == {0, 1, 2}
        assert engine.status().busy == 0


async def test_more_answers_than_places_is_the_callers_mistake() -> None:
    async with running_engine() as engine:
        with pytest.raises(CallerError) as caught:
            await engine.send(chat(n=3), Asker())
        assert caught.value.param == "n"
        assert "3 answers" in caught.value.message
        assert "2 (setting: parallel)" in caught.value.message
        assert engine.status().busy == 0


async def test_a_full_line_says_so_and_when_to_come_again() -> None:
    async with running_engine(make_plan(parallel=1, queue=1)) as engine:
        first = await begin(engine, endless())
        task, _ = await wait(engine, chat())
        with pytest.raises(WireError) as caught:
            await engine.send(chat(), Asker())
        assert (caught.value.status, caught.value.code) == (503, "engine_queue_full")
        assert caught.value.retry_after
        assert first.call is not None
        first.call.cancel()
        await task


async def test_what_needs_no_place_waits_for_none() -> None:
    async with running_engine(make_plan(parallel=1, queue=0)) as engine:
        busy = await begin(engine, endless())
        for path in ("/v1/models", "/props", "/slots", "/health"):
            asker = await ask(engine, get(path))
            assert asker.seen == [("head", 200), ("end", None)]
        assert busy.call is not None
        busy.call.cancel()


# ---- cancelling ----


async def test_cancel_in_the_line_leaves_it() -> None:
    async with running_engine(make_plan(parallel=1)) as engine:
        first = await begin(engine, endless())
        gone, gone_asker = await wait(engine, chat())
        stays, stays_asker = await wait(engine, chat())
        gone.cancel()
        await asyncio.wait([gone])
        assert stays_asker.places == [2, 1]
        assert gone_asker.seen == [("queued", 1)]
        assert first.call is not None
        first.call.cancel()
        await stays
        assert engine.status().busy == 0


async def test_cancel_just_as_its_turn_comes_gives_the_place_on() -> None:
    async with running_engine(make_plan(parallel=1)) as engine:
        first = await begin(engine, endless())
        gone, _ = await wait(engine, chat())
        stays, stays_asker = await wait(engine, chat())
        assert first.call is not None
        first.call.cancel()  # the place is given to the next, who does not know it yet
        gone.cancel()
        await stays
        assert stays_asker.seen[-1] == ("end", None)
        assert engine.status().busy == 0


async def test_cancel_in_prefill_frees_the_place_and_the_slot() -> None:
    async with running_engine(make_plan(SLOW_MODEL, parallel=1)) as engine:
        asker = await begin(engine, chat(LONG_PROMPT))
        await asker.until(lambda: len(asker.progress) > 2)
        assert asker.progress[-1]["processed"] < asker.progress[-1]["total"] / 2
        assert asker.call is not None
        asker.call.cancel()
        assert engine.status().busy == 0
        seen = list(asker.seen)
        assert (await ask(engine, chat("x"))).seen[-1] == ("end", None)
        await until_idle(engine)
        assert asker.seen == seen


async def test_cancel_in_decode_frees_the_slot_while_others_stream_on() -> None:
    async with running_engine() as engine:
        gone, stays = [await begin(engine, endless()) for _ in range(2)]
        for asker in (gone, stays):
            await asker.until(lambda asker=asker: len(asker.text) > 20)
        assert await slots_at_work(engine) == 2
        assert gone.call is not None
        assert stays.call is not None
        gone.call.cancel()
        while await slots_at_work(engine) > 1:
            await asyncio.sleep(0.01)
        so_far = len(stays.body)
        await stays.until(lambda: len(stays.body) > so_far)
        stays.call.cancel()
        await until_idle(engine)


async def test_release_frees_the_place_once() -> None:
    async with running_engine() as engine:
        asker = await begin(engine, endless())
        await asker.until(lambda: asker.text)
        assert asker.call is not None
        asker.call.release()
        asker.call.cancel()
        assert engine.status().busy == 0
        assert not asker.over.is_set()


async def test_a_client_that_reads_slowly_holds_its_reply_up() -> None:
    async with running_engine() as engine:
        asker = await begin(engine, endless())
        await asker.until(lambda: asker.text)
        assert asker.call is not None
        asker.call.pause()
        so_far = len(asker.body)
        await ask(engine, chat())  # the other place works on meanwhile
        assert len(asker.body) <= so_far + 65536
        asker.call.resume()
        await asker.until(lambda: len(asker.body) > so_far)
        asker.call.cancel()


# ---- begin and end ----


async def test_a_model_that_does_not_load_says_why(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(DEMO_MODEL.read_bytes()[:400_000])
    unknown = tmp_path / "unknown.gguf"
    unknown.write_bytes(DEMO_MODEL.read_bytes().replace(b"llama", b"klama"))
    words = tmp_path / "words.gguf"
    words.write_text("hello")
    pipe = tmp_path / "pipe.gguf"
    os.mkfifo(pipe)  # whoever opens it waits until somebody writes
    unspeakable = tmp_path / os.fsdecode(b"\xff.gguf")
    unspeakable.write_bytes(DEMO_MODEL.read_bytes())
    cases = {
        tmp_path / "missing.gguf": "does not exist",
        tmp_path: "no file, but a folder",
        pipe: "no file, but a folder, a pipe",
        unspeakable: "is no UTF-8",
        words: "no GGUF file",
        damaged: "damaged or incomplete",
        unknown: "architecture klama",
    }
    for path, reason in cases.items():
        engine = Engine(make_plan(path), connect)
        with pytest.raises(EngineFailed) as caught:
            await engine.start()
        assert (caught.value.status, caught.value.code) == (503, "engine_failed")
        assert reason in caught.value.message, caught.value.message
        await engine.close()


async def test_a_context_that_the_model_has_not_is_refused() -> None:
    engine = Engine(make_plan(context=32769), connect)
    with pytest.raises(EngineFailed, match=r"32769 tokens .* made for 32768 \(setting: context\)"):
        await engine.start()
    await engine.close()


async def test_close_ends_the_child_and_tells_all() -> None:
    async with running_engine(make_plan(parallel=1)) as engine:
        pid = engine.status().process
        assert pid is not None
        streaming = await begin(engine, endless())
        await streaming.until(lambda: streaming.text)
        task, waiting = await wait(engine, chat())
        await engine.close()
        assert streaming.error is not None
        assert "shuts down" in streaming.error.message
        with pytest.raises(WireError) as caught:
            await task
        assert caught.value.code == "engine_closed"
        assert waiting.seen == [("queued", 1)]
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        with pytest.raises(MisuseError):
            await engine.send(chat(), Asker())
        assert engine.status().state == "closed"


async def test_close_while_it_loads_and_a_start_that_is_cancelled() -> None:
    for is_closed in (True, False):
        engine = Engine(make_plan(parallel=50, context=32768), connect)
        starting = asyncio.create_task(engine.start())
        while len(asyncio.all_tasks()) < 4:  # its load, and what reads the child's log
            await asyncio.sleep(0.001)
        if not is_closed:
            starting.cancel()
            await asyncio.wait([starting])
            assert starting.cancelled()
        await engine.close()
        if is_closed:
            with pytest.raises(WireError) as caught:
                await starting
            assert caught.value.code == "engine_closed"
        assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_nothing_stays_of_many_engines() -> None:
    async def begin_and_end() -> None:
        async with running_engine(make_plan(context=512)) as engine:
            asker = await begin(engine, endless())
            await asker.until(lambda: asker.text)

    await begin_and_end()  # what is opened once and for all is open now
    tasks, descriptors = asyncio.all_tasks(), len(os.listdir("/dev/fd"))
    for _ in range(5):
        await asyncio.gather(*(begin_and_end() for _ in range(4)))
    assert len(os.listdir("/dev/fd")) == descriptors
    assert asyncio.all_tasks() == tasks


async def test_several_engines_side_by_side() -> None:
    async with running_engine() as one, running_engine(make_plan(SLOW_MODEL)) as other:
        first, second = await asyncio.gather(ask(one, chat()), ask(other, chat(max_tokens=20)))
        assert second.text.startswith("Hello! This answer has café")
        assert not first.text.startswith("Hello! This answer has café")


async def test_its_socket_is_in_a_folder_of_its_own() -> None:
    paths: list[str] = []

    def noting(path: str) -> object:
        paths.append(path)
        return connect(path)

    engine = Engine(make_plan(context=512), noting)  # type: ignore[arg-type]
    await engine.start()
    folder = Path(paths[0]).parent
    assert folder.stat().st_mode & 0o777 == 0o700
    assert len(paths[0]) < 104
    await engine.close()
    assert not folder.exists()


async def test_an_embedding_model_gives_embeddings(tmp_path: Path) -> None:
    model = tmp_path / "embedder.gguf"
    model.write_bytes(made_for_embeddings(DEMO_MODEL.read_bytes()))
    async with running_engine(make_plan(model, context=512)) as engine:
        assert engine.facts is not None
        assert engine.facts.capabilities == {"embeddings"}
        asker = await ask(engine, EMBEDDING)
        assert asker.seen[0] == ("head", 200)
        assert len(json.loads(asker.body)["data"][0]["embedding"]) == 128
        with pytest.raises(CallerError, match="made for vectors alone: it has no chat"):
            await ask(engine, chat())
        assert engine.status().busy == 0


async def test_a_chat_model_says_that_it_gives_no_embeddings() -> None:
    """In words of ours: llama.cpp's 501 names a flag of its own, and SDKs would ask again."""
    async with running_engine(make_plan(context=512)) as engine:
        with pytest.raises(CallerError, match="not for vectors: it has no embeddings") as caught:
            await ask(engine, EMBEDDING)
        told = caught.value
        assert (told.status, told.code, told.param) == (400, "unsupported_model", "model")
        assert engine.status().busy == 0


def made_for_embeddings(model: bytes) -> bytes:
    """The same weights, with the one key that says so. What is put in must be a multiple of 32
    bytes: the weights are aligned to that."""
    name = b"llama.pooling_type"
    key = struct.pack("<Q", len(name)) + name + struct.pack("<II", 4, 1)
    filler = b"general.filler"
    begin_of_filler = struct.pack("<Q", len(filler)) + filler + struct.pack("<I", 8)
    length = -(len(key) + len(begin_of_filler) + 8) % 32
    added = key + begin_of_filler + struct.pack("<Q", length) + b"x" * length
    magic, version, tensors, keys = struct.unpack_from("<4sIQQ", model)
    return struct.pack("<4sIQQ", magic, version, tensors, keys + 2) + added + model[24:]
