"""The strict judge, of text completions."""

from __future__ import annotations

from functools import partial

from relay import judge

judge_stream = partial(judge.judge_stream, dialect="completions")
judge_object = partial(judge.judge_object, dialect="completions")
