"""Strategies for what a chat stream can say: events that the wire can hold, one to a chunk."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from strictwire.model.events import (
    FINISH_REASONS,
    NO_EXTRA,
    Begun,
    Event,
    Extension,
    Extra,
    Finished,
    ReasoningDelta,
    RefusalDelta,
    RoleTold,
    TextDelta,
    ToolCallBegun,
    ToolCallDelta,
    UsageTold,
)

TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
IDS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)
PLACES = st.integers(0, 3)

LOGPROBS: dict[str, Any] = {
    "content": [{"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}],
    "refusal": None,
}


def _some(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={name: st.just(v) for name, v in fields.items()})


TOP = _some(
    system_fingerprint="fp", service_tier="default", timings={"prompt_n": 1}, provider="lab"
)
EXTRAS = st.just(NO_EXTRA) | st.builds(
    Extra,
    top=TOP,
    choice=_some(logprobs=LOGPROBS, stop_reason=None, content_filter_results={"hate": {}}),
    delta=_some(annotations=[{"type": "url_citation"}], audio=None, vendor={"a": [1, None]}),
)


def _tells_more(extra: Extra) -> bool:
    """Whether a chunk with nothing but this is worth an event; constants and nulls
    of a choice alone are not."""
    constant = {"system_fingerprint", "service_tier"}
    is_told = any(extra.choice.values()) or extra.delta
    return bool(is_told or extra.top.keys() - constant)


BEGUN_CALLS = st.builds(
    ToolCallBegun,
    PLACES,
    PLACES,
    IDS,
    TEXTS,
    st.sampled_from(["function", "custom"]),
    extra=EXTRAS,
) | st.builds(ToolCallBegun, PLACES, st.just(0), st.just(""), TEXTS, st.just("legacy"))
ARGUMENTS = st.builds(
    ToolCallDelta,
    PLACES,
    PLACES,
    TEXTS,
    st.sampled_from(["function", "custom"]),
    extra=EXTRAS,
) | st.builds(ToolCallDelta, PLACES, st.just(0), TEXTS, st.just("legacy"))

EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(TextDelta, PLACES, TEXTS, extra=EXTRAS),
    st.builds(ReasoningDelta, PLACES, TEXTS, extra=EXTRAS),
    st.builds(RefusalDelta, PLACES, TEXTS, extra=EXTRAS),
    st.builds(RoleTold, PLACES, st.sampled_from(["assistant", "tool"]), extra=EXTRAS),
    st.builds(Finished, PLACES, st.sampled_from(sorted(FINISH_REASONS)), extra=EXTRAS),
    st.builds(Extension, PLACES, extra=EXTRAS.filter(_tells_more)),
    st.builds(
        UsageTold,
        st.dictionaries(IDS, st.integers(0, 9), max_size=3),
        extra=st.builds(Extra, top=TOP),
    ),
    BEGUN_CALLS,
    ARGUMENTS,
)
ENVELOPES = st.builds(Begun, IDS, st.integers(0, 2**40), TEXTS)
"""What a stream tells first. Empty fields are filled from the promise, so they do not return."""
