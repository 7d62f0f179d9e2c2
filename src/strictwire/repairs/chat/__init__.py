"""Chunk rules of Chat Completions, in the order in which they run.

The order matters: first what makes a chunk a chunk, then its choices, then their deltas, then the
tool calls, and last what splits one chunk into several.
"""

from strictwire.repairs.chat.characters import SplitCharacter
from strictwire.repairs.chat.choice_usage import UsageOfChoice
from strictwire.repairs.chat.choices import (
    ChoiceCounting,
    ChoiceIndex,
    ChoicesNull,
    ChoicesTogether,
    DeltaMissing,
)
from strictwire.repairs.chat.content_parts import ContentParts
from strictwire.repairs.chat.cumulative import CumulativeText, MessageBesideDelta
from strictwire.repairs.chat.deltas import (
    EmptyDelta,
    ReasoningKey,
    RoleAlone,
    RoleMissing,
    RoleRepeated,
)
from strictwire.repairs.chat.envelope import Envelope, ErrorShape, ForeignFrame, ProgressFrame
from strictwire.repairs.chat.extra_fields import ExtraFields
from strictwire.repairs.chat.finishes import (
    FinishAlone,
    FinishEmpty,
    FinishMissing,
    FinishValue,
)
from strictwire.repairs.chat.function_call import FunctionCall
from strictwire.repairs.chat.leaked_call import LeakedCall
from strictwire.repairs.chat.logprobs import LogprobsLists
from strictwire.repairs.chat.think_tags import ThinkTags
from strictwire.repairs.chat.tool_arguments import ToolArguments
from strictwire.repairs.chat.tool_index import ToolIndex
from strictwire.repairs.chat.tools import ToolId, ToolName, ToolShape
from strictwire.repairs.chat.usage import UsageElsewhere, UsagePlacement, UsageShape
from strictwire.repairs.rule import ChunkRule

CHAT_RULES: tuple[type[ChunkRule], ...] = (
    SplitCharacter,
    ErrorShape,
    UsageElsewhere,
    UsageOfChoice,
    ForeignFrame,
    ProgressFrame,
    ChoicesNull,
    ChoiceIndex,
    ChoiceCounting,
    MessageBesideDelta,
    DeltaMissing,
    ChoicesTogether,
    ContentParts,
    ReasoningKey,
    LogprobsLists,
    ExtraFields,
    FinishMissing,
    FinishEmpty,
    FinishValue,
    CumulativeText,
    ThinkTags,
    RoleRepeated,
    RoleMissing,
    EmptyDelta,
    RoleAlone,
    FinishAlone,
    FunctionCall,
    ToolIndex,
    ToolShape,
    ToolId,
    ToolName,
    ToolArguments,
    LeakedCall,
    UsageShape,
    UsagePlacement,
    Envelope,
)
