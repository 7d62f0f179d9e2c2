"""Text that is told again: a message beside the deltas or instead, or all of it each time."""

from __future__ import annotations

from collections.abc import Callable

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import Answer, tell_calls, tell_reasoning, tell_two
from strictwire.lab.scenarios.scenario import Scenario, chunks_by
from strictwire.lab.scenarios.strict import strict_chunks, strict_frames, whole_object
from strictwire.lab.scenarios.walk import choices_of, is_role_only
from strictwire.lab.script import Json, Reply

_TEXTS = ("content", "reasoning_content")
_ON = {"chat.cumulative-text": "on"}


def _message_so_far(said: dict[str, str]) -> Json:
    return {"role": "assistant", "content": "", **said}


def _adding_up(
    change: Callable[[Json, dict[str, str]], None],
) -> Callable[[list[Json]], list[Json]]:
    """Each choice changed, told what was said of it so far, this delta included."""

    def changed(chunks: list[Json]) -> list[Json]:
        said: dict[int, dict[str, str]] = {}
        for choice in choices_of(chunks):
            mine = said.setdefault(choice["index"], {})
            for key in _TEXTS:
                if key in choice["delta"]:
                    mine[key] = mine.get(key, "") + choice["delta"][key]
            change(choice, mine)
        return chunks

    return changed


def _beside(choice: Json, said: dict[str, str]) -> None:
    choice["message"] = _message_so_far(said)


def _instead(choice: Json, said: dict[str, str]) -> None:
    choice["message"] = _message_so_far(said)
    del choice["delta"]


def _at_end(choice: Json, said: dict[str, str]) -> None:
    if choice["finish_reason"]:
        choice["message"] = _message_so_far(said)


def _cumulative(choice: Json, said: dict[str, str]) -> None:
    choice["delta"].update({key: said[key] for key in _TEXTS if key in choice["delta"]})


def _only_messages(chunks: list[Json]) -> list[Json]:
    return _adding_up(_instead)([told for told in chunks if not is_role_only(told)])


def _whole_in_one_frame(answer: Answer, ask: Ask) -> Reply:
    """One chat.completion as if it were a chunk; usage after it, if asked."""
    whole = whole_object(answer, ask)
    del whole["usage"]
    if ask.includes_usage:
        whole["usage"] = None
    usage = strict_chunks(answer, ask)[-1:] if ask.includes_usage else []
    return Reply(strict_frames([whole, *usage], ask))


ROWS = (
    Scenario(
        name="message-beside-delta",
        title="The whole message so far beside each delta",
        rules=("chat.message-beside-delta",),
        quirks=(43,),
        only="chat",
        tell=tell_reasoning,
        stream=chunks_by(_adding_up(_beside)),
    ),
    Scenario(
        name="message-at-end",
        title="The whole message once more in the finish chunk",
        rules=("chat.message-beside-delta",),
        quirks=(43,),
        only="chat",
        tell=tell_two,
        stream=chunks_by(_adding_up(_at_end)),
    ),
    Scenario(
        name="message-without-delta",
        title="The whole message so far in each chunk, and no delta",
        rules=(
            "chat.message-beside-delta",
            "chat.role-alone",
        ),
        quirks=(43,),
        only="chat",
        stream=chunks_by(_only_messages),
    ),
    Scenario(
        name="message-in-one-frame",
        title="One whole completion as the only chunk of a stream",
        rules=(
            "chat.message-beside-delta",
            "chat.role-alone",
            "chat.finish-alone",
            "chat.envelope",
        ),
        quirks=(43, 55),
        only="chat",
        stream=_whole_in_one_frame,
    ),
    Scenario(
        name="message-in-one-frame-tools",
        title="One whole completion with tool calls as the only chunk of a stream",
        rules=(
            "chat.message-beside-delta",
            "chat.role-alone",
            "chat.finish-alone",
            "chat.tool-shape",
            "chat.envelope",
        ),
        quirks=(43, 55),
        tell=tell_calls,
        stream=_whole_in_one_frame,
    ),
    Scenario(
        name="cumulative-text",
        title="The whole text so far in each delta",
        rules=("chat.cumulative-text",),
        quirks=(44,),
        only="chat",
        modes=_ON,
        stream=chunks_by(_adding_up(_cumulative)),
    ),
    Scenario(
        name="cumulative-text-reasoning",
        title="The whole reasoning, then the whole text so far in each delta",
        rules=("chat.cumulative-text",),
        quirks=(44,),
        only="chat",
        modes=_ON,
        tell=tell_reasoning,
        stream=chunks_by(_adding_up(_cumulative)),
    ),
    Scenario(
        name="cumulative-text-n2",
        title="The whole text so far in each delta, for two choices",
        rules=("chat.cumulative-text",),
        quirks=(44,),
        only="chat",
        modes=_ON,
        tell=tell_two,
        stream=chunks_by(_adding_up(_cumulative)),
    ),
)
