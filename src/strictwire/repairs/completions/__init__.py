"""Chunk rules of text completions, in the order in which they run.

What chat's rules say of errors, choices, finish reasons, usage and progress holds here too, so the
same classes run under the same names. Rows of this dialect's own are named ``completions.*``.
"""

from strictwire.repairs.chat.characters import SplitCharacter
from strictwire.repairs.chat.choice_usage import UsageOfChoice
from strictwire.repairs.chat.choices import (
    ChoiceCounting,
    ChoiceIndex,
    ChoicesNull,
    ChoicesTogether,
)
from strictwire.repairs.chat.envelope import ErrorShape, ForeignFrame, ProgressFrame
from strictwire.repairs.chat.finishes import FinishEmpty, FinishMissing, FinishValue
from strictwire.repairs.chat.usage import UsageElsewhere, UsagePlacement, UsageShape
from strictwire.repairs.completions.envelope import CompletionsEnvelope
from strictwire.repairs.completions.known import CompletionsCumulativeText, CompletionsExtraFields
from strictwire.repairs.completions.logprobs import LogprobsShape
from strictwire.repairs.completions.shape import ChatShape, TextMissing
from strictwire.repairs.completions.text import EmptyText, FinishAfterText
from strictwire.repairs.rule import ChunkRule

COMPLETIONS_RULES: tuple[type[ChunkRule], ...] = (
    SplitCharacter,
    ErrorShape,
    UsageElsewhere,
    UsageOfChoice,
    ForeignFrame,
    ProgressFrame,
    ChoicesNull,
    ChoiceIndex,
    ChoiceCounting,
    ChatShape,
    TextMissing,
    ChoicesTogether,
    LogprobsShape,
    CompletionsExtraFields,
    FinishMissing,
    FinishEmpty,
    FinishValue,
    CompletionsCumulativeText,
    EmptyText,
    FinishAfterText,
    UsageShape,
    UsagePlacement,
    CompletionsEnvelope,
)
