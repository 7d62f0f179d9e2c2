"""What the life of a message mends, one row for each kind of break. The life does the work (see
``dialects.messages.life``), because it must know all that went out before."""

from __future__ import annotations

from strictwire.repairs.row import RuleRow


def _row(name: str, title: str, quirks: tuple[int, ...], scenario: str, text: str) -> RuleRow:
    return RuleRow(f"messages.{name}", title, quirks, f"lab:messages-{scenario}", text, "life")


LIFE_ROWS: tuple[RuleRow, ...] = (
    _row(
        "start-missing",
        "The first event is not message_start",
        (79,),
        "no-start",
        "A message begins with `message_start`; SDKs raise an error at any event before it. It is "
        "made from what the gateway knows: the model, an id of its own, and the prompt's length, "
        "or an estimate of it.",
    ),
    _row(
        "start-fields",
        "message_start lacks fields, holds content already, or comes twice",
        (79, 80),
        "bare-start",
        "`id`, `role`, `model`, `content: []` and `usage` are there, as clients read each without "
        "a look. Content that stands in the start already goes out as blocks of its own.",
    ),
    _row(
        "block-start-missing",
        "A block is told without its start, or its start tells text already",
        (79,),
        "no-block-start",
        "Accumulators keep a list of blocks and fail at a delta for one that never began. The "
        "block that a delta belongs to is begun before it. Clients that show only deltas would "
        "not show text that a start holds, so it goes out as a delta.",
    ),
    _row(
        "block-stop-missing",
        "A block is not ended before the next one begins, or ended twice",
        (79,),
        "no-block-stop",
        "Clients run a tool, or show a paragraph, when its block ends. A block is ended before "
        "the next begins and before the message ends, once.",
    ),
    _row(
        "block-index",
        "Blocks have no index, share one, leave one out, or come interleaved",
        (79,),
        "one-index",
        "Indexes count the blocks from 0, one block after the other. What comes for another block "
        "while the input of a call is not complete waits until that call ends.",
    ),
    _row(
        "tool-input",
        "A call's input is told in its start, as an object, or not at all",
        (83,),
        "tool-without-input",
        "Clients join the pieces of `input_json_delta`, and one that gets none has no input to "
        "parse. The start says `input: {}`, and the input goes out as a delta, `{}` where there "
        "is none.",
    ),
    _row(
        "tool-id",
        "A call has no id, or that of another",
        (83,),
        "tool-without-id",
        "The result of a tool names the call by its id, so each call gets one of its own.",
    ),
    _row(
        "stop-reason",
        "The stop reason is missing, unknown, or denies or invents a tool call",
        (79, 83),
        "tool-end-turn",
        'A client that reads "end_turn" does not run the tool, and one that reads "tool_use" '
        "without a call asks again for ever. The reason fits the calls; chat's words become "
        "Anthropic's. A limit or a refusal is a fact about the reply, and stays.",
    ),
    _row(
        "stop-missing",
        "The stop reason came, but message_stop did not",
        (10, 79),
        "no-stop",
        "All that was promised came, so the end is added. Without it some clients drop the last "
        "tool call. A stream that ends before its stop reason is cut short, which is an error.",
    ),
    _row(
        "usage",
        "Usage is missing, null, negative, or says that the prompt is empty",
        (79, 81),
        "no-usage",
        "Counts are numbers wherever a client reads them without a look. A start that counts no "
        "input tells the estimate instead, where one was made.",
    ),
    _row(
        "message-delta",
        "message_delta is missing, incomplete, or comes more than once",
        (79,),
        "no-message-delta",
        "The stop reason and the final usage are told once, at the end: what several events tell "
        "is joined, and what none told is inferred.",
    ),
)
