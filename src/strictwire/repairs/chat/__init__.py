"""Chunk rules of Chat Completions, in the order in which they run.

The order matters: first what makes a chunk a chunk, then its choices, then their deltas, then the
tool calls, and last what splits one chunk into several.
"""

from strictwire.repairs.chat.deltas import (
    ContentParts,
    EmptyDelta,
    LogprobsLists,
    ReasoningKey,
    RoleAlone,
    RoleMissing,
    RoleRepeated,
)
from strictwire.repairs.chat.envelope import (
    ChoiceIndex,
    ChoicesNull,
    ChoicesTogether,
    DeltaMissing,
    Envelope,
    ErrorShape,
    ForeignFrame,
    ProgressFrame,
)
from strictwire.repairs.chat.finishes import (
    FinishAlone,
    FinishEmpty,
    FinishMissing,
    FinishValue,
)
from strictwire.repairs.chat.function_call import FunctionCall
from strictwire.repairs.chat.tool_arguments import ToolArguments
from strictwire.repairs.chat.tool_index import ToolIndex
from strictwire.repairs.chat.tools import ToolId, ToolName, ToolShape
from strictwire.repairs.chat.usage import UsagePlacement, UsageShape
from strictwire.repairs.rule import ChunkRule

CHAT_RULES: tuple[type[ChunkRule], ...] = (
    ErrorShape,
    ForeignFrame,
    ProgressFrame,
    ChoicesNull,
    ChoiceIndex,
    DeltaMissing,
    ChoicesTogether,
    ContentParts,
    ReasoningKey,
    LogprobsLists,
    FinishMissing,
    FinishEmpty,
    FinishValue,
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
    UsageShape,
    UsagePlacement,
    Envelope,
)
