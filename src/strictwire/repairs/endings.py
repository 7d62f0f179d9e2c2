"""What the ending of a reply mends. These rows have no object of their own: the relay's ending
does the work, because it must know every choice and the transport's end, and it says the names.
They cannot be switched off: without them a failure could pass for a success."""

from __future__ import annotations

from strictwire.repairs.row import RuleRow

FINISH_EARLY = RuleRow(
    "reply.finish-early",
    "A finish reason comes before the choice's last content, or more than once",
    (28, 30),
    "lab:finish-on-every-chunk",
    "The finish reason is held until nothing more comes for its choice; later content cancels it "
    "and the last reason wins. A client that believed the first one would stop reading there.",
    "ending",
)
FINISH_INFERRED = RuleRow(
    "reply.finish-inferred",
    "The reply is ended by its terminal, but a choice never told its finish reason",
    (27,),
    "lab:tools-only-then-done",
    'The terminal says that the reply is whole, so the reason is inferred: "tool_calls" if a tool '
    'was called, else "stop".',
    "ending",
)
DONE_MISSING = RuleRow(
    "reply.done-missing",
    "Every choice finished, but the terminal never came",
    (10,),
    "lab:done-missing",
    "All that was promised came, so the missing terminal is added. Clients that wait for it would "
    "hang or report a broken stream.",
    "ending",
)
USAGE_REPEATED = RuleRow(
    "reply.usage-repeated",
    "Usage is told more than once, or before the end",
    (60, 94),
    "lab:usage-every-chunk",
    "Usage is held until the end and sent once: the last one told, save that zeros never replace "
    "counts. Clients that add up what they see would bill it several times.",
    "ending",
)

ENDING_RULES: tuple[RuleRow, ...] = (
    FINISH_EARLY,
    FINISH_INFERRED,
    DONE_MISSING,
    USAGE_REPEATED,
)
