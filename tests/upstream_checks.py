"""The checks that every upstream passes, one function each; ``upstream_suite`` runs them.

A check says what it needs of the far side beyond the four kinds of answer. What an upstream told is
looked at after another request was answered: whatever must not come had the time to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from strictwire.model.errors import MisuseError, WireError
from strictwire.model.protocols import UpstreamCall
from upstream_stage import LARGE_BYTES, POLL_S, Ability, Answer, Recorder, Stage, open_descriptors

# Enough turns of a loop for a whole short reply over a socket, so that a sweep over them cancels at
# every stage of it.
MOST_TURNS = 24

Check = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Row:
    check: Check
    needs: frozenset[Ability]


CHECKS: dict[str, Row] = {}


def _check(*needs: Ability) -> Callable[[Check], Check]:
    def add(check: Check) -> Check:
        CHECKS[check.__name__.replace("_", "-")] = Row(check, frozenset(needs))
        return check

    return add


# ---- what the checks are made of ----


async def _begin(stage: Stage, answer: Answer, **more: int) -> tuple[UpstreamCall, Recorder]:
    events = Recorder()
    return await stage.upstream.send(stage.asking(answer, **more), events), events


async def _send_in_time(stage: Stage, events: Recorder, mark: int) -> None:
    """A short request that may have to wait; what ``send`` raises counts as told."""
    try:
        await stage.upstream.send(stage.asking("short", mark=mark), events)
    except WireError as error:
        events.on_error(error)


async def _exchange(stage: Stage, answer: Answer = "short", **more: int) -> Recorder:
    _, events = await _begin(stage, answer, **more)
    await events.over.wait()
    return events


async def _until_at_work(stage: Stage, count: int) -> None:
    while await stage.at_work() != count:
        await asyncio.sleep(POLL_S)


def _is_whole(events: Recorder) -> bool:
    """In order, each event as often as it may come. A place in line may be told before."""
    told = [one for one in events.order if not one.startswith("queued")]
    bodies = told.count("body")
    return told == ["head", *["body"] * bodies, "end"] and bodies > 0


async def _ends_in_silence(stage: Stage, events: Recorder) -> None:
    """The work ends, and of it nothing more is told."""
    told = list(events.order)
    await _until_at_work(stage, 0)
    await _is_still_well(stage)
    assert events.order == told


async def _is_still_well(stage: Stage) -> None:
    """Whatever went before, the next request is answered. Much would be told meanwhile that must
    not be: whoever looks for it looks after this."""
    assert _is_whole(await _exchange(stage))


# ---- replies ----


@_check()
async def a_reply_comes_in_order(stage: Stage) -> None:
    events = await _exchange(stage, mark=5)
    assert _is_whole(events)
    assert events.status == 200
    assert stage.mark_of(events.body) == 5
    assert all(name == name.lower() for name, _ in events.headers)


@_check()
async def a_refusal_is_a_reply(stage: Stage) -> None:
    events = await _exchange(stage, "refusal")
    assert _is_whole(events)
    assert events.status >= 400
    await _is_still_well(stage)


@_check()
async def many_at_once_do_not_mix(stage: Stage) -> None:
    marks = range(1, 11)
    many = await asyncio.gather(*(_exchange(stage, mark=mark) for mark in marks))
    assert all(map(_is_whole, many))
    assert [stage.mark_of(events.body) for events in many] == list(marks)


@_check()
async def one_after_another_holds_no_more(stage: Stage) -> None:
    for mark in range(1, 4):
        await _exchange(stage, mark=mark)
    held = open_descriptors()
    for mark in range(1, 9):
        assert stage.mark_of((await _exchange(stage, mark=mark)).body) == mark
    assert open_descriptors() <= held


@_check()
async def a_large_request_arrives(stage: Stage) -> None:
    events = await _exchange(stage, mark=3, padding_bytes=2 * 1024 * 1024)
    assert (events.status, stage.mark_of(events.body)) == (200, 3)


@_check("large")
async def a_large_reply_arrives(stage: Stage) -> None:
    events = await _exchange(stage, "large")
    assert _is_whole(events)
    assert len(events.body) >= LARGE_BYTES


# ---- pauses ----


@_check()
async def a_pause_holds_the_body_back(stage: Stage) -> None:
    call, events = await _begin(stage, "endless")
    events.hooks["body"] = call.pause
    await events.until_told("body")
    told = len(events.order)
    await _is_still_well(stage)  # another goes on
    assert len(events.order) == told
    del events.hooks["body"]
    call.resume()
    await events.until(lambda: len(events.order) > told + 1)
    call.cancel()


@_check()
async def a_pause_before_the_head_holds_it_back_too(stage: Stage) -> None:
    call, events = await _begin(stage, "short")
    if "head" not in events.order:
        call.pause()
        call.pause()
        told = len(events.order)
        await _is_still_well(stage)
        # The head may come, and what had been read with it.
        assert len(events.order) <= told + 2
        call.resume()
        call.resume()
    await events.over.wait()
    assert _is_whole(events)


@_check("backpressure")
async def who_does_not_read_holds_the_far_side_up(stage: Stage) -> None:
    call, events = await _begin(stage, "endless")
    events.hooks["head"] = call.pause
    await stage.stuck.wait()
    told = len(events.body)
    await _is_still_well(stage)
    assert len(events.body) == told
    call.resume()
    await events.until(lambda: len(events.body) > told)
    call.cancel()
    await _until_at_work(stage, 0)


# ---- cancel ----


@_check()
async def a_cancel_at_any_turn_of_the_loop_leaves_nothing(stage: Stage) -> None:
    """Whether it falls into ``send`` or behind it."""
    heard: list[tuple[Recorder, int]] = []
    for turns in range(MOST_TURNS):
        events = Recorder()
        sending = asyncio.create_task(_sent(stage, events))
        for _ in range(turns):
            await asyncio.sleep(0)
        if sending.done():
            sending.result().cancel()
        else:
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
        heard.append((events, len(events.order)))
    await _is_still_well(stage)
    assert [len(events.order) for events, _ in heard] == [told for _, told in heard]
    await _until_at_work(stage, 0)


async def _sent(stage: Stage, events: Recorder) -> UpstreamCall:
    return await stage.upstream.send(stage.asking("short"), events)


@_check()
async def a_cancel_before_the_answer_ends_the_work(stage: Stage) -> None:
    call, events = await _begin(stage, "slow")
    await _until_at_work(stage, 1)
    call.cancel()
    await _ends_in_silence(stage, events)


@_check()
async def a_cancel_between_pieces_ends_the_work(stage: Stage) -> None:
    call, events = await _begin(stage, "endless")
    await events.until_told("body", 2)
    call.cancel()
    await _ends_in_silence(stage, events)


@_check()
async def a_cancel_while_paused_ends_the_work(stage: Stage) -> None:
    call, events = await _begin(stage, "endless")
    events.hooks["body"] = call.pause
    await events.until_told("body")
    call.cancel()
    call.resume()
    await _ends_in_silence(stage, events)


@_check()
async def a_call_may_be_ended_inside_any_event(stage: Stage) -> None:
    for event in ("head", "body", "end"):
        for how in ("cancel", "release", "pause"):
            call, events = await _begin(stage, "short")
            events.hooks[event] = getattr(call, how)
            await events.until_told(event)
            await _is_still_well(stage)
            if event != "end" and how != "pause":
                assert events.order[-1] == event, f"{how} in {event}: {events.order}"
            call.cancel()
    await _until_at_work(stage, 0)


@_check()
async def nothing_of_a_call_that_is_over_does_anything(stage: Stage) -> None:
    call, events = await _begin(stage, "short")
    await events.over.wait()
    for act in (call.pause, call.cancel, call.resume, call.release, call.cancel):
        act()
    await _is_still_well(stage)
    assert _is_whole(events)


# ---- release ----


@_check()
async def a_release_silences_and_the_work_ends(stage: Stage) -> None:
    """An endless reply does not end in the grace time, so it is left then."""
    call, events = await _begin(stage, "endless")
    await events.until_told("body")
    call.release()
    call.release()
    await _ends_in_silence(stage, events)


@_check()
async def a_release_while_paused_reads_on(stage: Stage) -> None:
    """Or the far side would be held up for nobody."""
    call, events = await _begin(stage, "endless")
    events.hooks["body"] = call.pause
    await events.until_told("body")
    call.release()
    await _ends_in_silence(stage, events)


# ---- errors ----


def _is_told_failure(events: Recorder) -> bool:
    error = events.error
    assert error is not None
    assert error.message
    assert error.code
    return error.status in (502, 503, 504) and events.order.count("error") == 1


@_check()
async def a_failure_before_the_answer_is_one_error(stage: Stage) -> None:
    call, events = await _begin(stage, "slow")
    await _until_at_work(stage, 1)
    await stage.strike()
    await events.over.wait()
    assert events.order[-1] == "error"
    assert _is_told_failure(events)
    for act in (call.pause, call.resume, call.release, call.cancel):
        act()
    await _is_still_well(stage)


@_check("silent")
async def a_failure_before_the_head_tells_nothing_else(stage: Stage) -> None:
    _, events = await _begin(stage, "slow")
    await _until_at_work(stage, 1)
    await stage.strike()
    await events.over.wait()
    assert events.order == ["error"]


@_check()
async def a_failure_inside_the_body_is_one_error(stage: Stage) -> None:
    _, events = await _begin(stage, "endless")
    await events.until_told("body", 2)
    await stage.strike()
    await events.over.wait()
    assert events.order[-1] == "error"
    assert events.order.count("head") == 1
    assert _is_told_failure(events)
    await _is_still_well(stage)


@_check()
async def a_failure_reaches_every_call(stage: Stage) -> None:
    many = [await _begin(stage, "endless") for _ in range(2)]
    for _, events in many:
        await events.until_told("body")
    await stage.strike()
    for _, events in many:
        await events.over.wait()
        assert _is_told_failure(events)
    await _is_still_well(stage)


@_check()
async def a_failure_after_a_cancel_is_not_told(stage: Stage) -> None:
    call, events = await _begin(stage, "endless")
    await events.until_told("body")
    call.cancel()
    await stage.strike()
    await _is_still_well(stage)
    assert "error" not in events.order


# ---- the end of it all ----


@_check()
async def close_tells_each_call_once(stage: Stage) -> None:
    slow = (await _begin(stage, "slow"))[1]
    endless = (await _begin(stage, "endless"))[1]
    await endless.until_told("body")
    await stage.upstream.close()
    for events in (slow, endless):
        assert events.over.is_set()
        assert _is_told_failure(events)
    await stage.upstream.close()


@_check()
async def a_closed_upstream_takes_no_request(stage: Stage) -> None:
    await _is_still_well(stage)
    await stage.upstream.close()
    events = Recorder()
    with pytest.raises(MisuseError):
        await stage.upstream.send(stage.asking("short"), events)
    assert events.order == []


# ---- the line ----


async def _fill(stage: Stage) -> list[UpstreamCall]:
    """As many endless replies as there are places."""
    begun = [await _begin(stage, "endless") for _ in range(stage.places)]
    for _, events in begun:
        await events.until_told("body")
        assert "queued 1" not in events.order
    return [call for call, _ in begun]


async def _stand(stage: Stage, mark: int, place: int) -> tuple[asyncio.Task[None], Recorder]:
    """A short request in the line, at this place."""
    events = Recorder()
    waiting = asyncio.create_task(_send_in_time(stage, events, mark))
    await events.until_told(f"queued {place}")
    return waiting, events


@_check("line")
async def the_line_is_told_and_moves_up(stage: Stage) -> None:
    busy = await _fill(stage)
    waiting = [await _stand(stage, mark, mark) for mark in (1, 2, 3)]
    assert [events.order for _, events in waiting] == [["queued 1"], ["queued 2"], ["queued 3"]]
    waiting[1][0].cancel()  # whoever leaves lets the others move up
    last = waiting[2][1]
    await last.until_told("queued 2")
    busy[0].cancel()
    for (sending, events), mark in ((waiting[0], 1), (waiting[2], 3)):
        await sending
        await events.over.wait()
        assert _is_whole(events)
        assert stage.mark_of(events.body) == mark
        places = [int(one[7:]) for one in events.order if one.startswith("queued")]
        assert places == sorted(places, reverse=True)
        assert places[-1] == 0
    assert waiting[1][1].order == ["queued 2"]
    for call in busy[1:]:
        call.cancel()


@_check("line")
async def a_place_is_free_however_its_request_ended(stage: Stage) -> None:
    """By a cancel, a release, an end, a refusal or a failure."""
    busy = await _fill(stage)
    sending, events = await _stand(stage, 1, 1)
    busy[0].release()
    await sending
    await events.over.wait()
    assert _is_whole(events)
    for call in busy[1:]:
        call.cancel()
    await _until_at_work(stage, 0)
    for count in range(stage.places + 1):  # in a row: each leaves its place
        assert stage.mark_of((await _exchange(stage, mark=count + 1)).body) == count + 1
    for _ in range(stage.places + 1):
        await _exchange(stage, "refusal")
    await _fill(stage)
    await stage.strike()
    await _is_still_well(stage)


@_check("line")
async def the_line_outlives_a_failure(stage: Stage) -> None:
    """Who waits has asked for nothing yet that could be lost."""
    await _fill(stage)
    sending, events = await _stand(stage, 2, 1)
    await stage.strike()
    await sending
    await events.over.wait()
    assert _is_whole(events)
    assert stage.mark_of(events.body) == 2


@_check("line")
async def close_ends_the_line(stage: Stage) -> None:
    await _fill(stage)
    sending, events = await _stand(stage, 1, 1)
    await stage.upstream.close()
    await sending
    assert events.order == ["queued 1", "error"]
    assert _is_told_failure(events)
