"""What the life of a Responses reply mends. These rows have no object of their own: whether an
event is missing is known only to who keeps the whole reply in order (``dialects/responses``), and
it says the names. They cannot be switched off: what comes later counts on each of them."""

from __future__ import annotations

from strictwire.repairs.row import RuleRow

LIFE_ROWS: tuple[RuleRow, ...] = (
    RuleRow(
        "responses.created-missing",
        "The stream does not begin with `response.created` and `response.in_progress`, once each",
        (76,),
        "lab:responses-no-created",
        "What is missing of the beginning is added, from what the first response object tells and "
        "the request. Both helpers of OpenAI's SDKs fail at a stream without it.",
        "life",
    ),
    RuleRow(
        "responses.response-fields",
        "The response object lacks fields, or its usage does",
        (73,),
        "lab:responses-bare-response",
        "Every key that the official schema requires is there: what the server does not tell comes "
        "from the request, else it is the official default. Typed clients reject a response "
        "without `output`, `created_at` or `tools`, and a usage without its details.",
        "life",
    ),
    RuleRow(
        "responses.sequence",
        "Sequence numbers are missing, or do not count up by one from 0",
        (72,),
        "lab:responses-no-numbers",
        "Events are numbered anew. The number is a required field of each event, and what a "
        "client resumes by.",
        "life",
    ),
    RuleRow(
        "responses.item-added-missing",
        "An item was never announced",
        (74, 92),
        "lab:responses-no-added",
        "`response.output_item.added` is added before the first event of the item. Codex drops "
        "text that comes before it. A call is held until its name is known, for it cannot be "
        "announced without.",
        "life",
    ),
    RuleRow(
        "responses.item-fields",
        "An item or one of its events lacks fields, or the item is null",
        (73, 77),
        "lab:responses-null-item",
        "Id, status, role, the lists of parts, arguments and token probabilities are there, of the "
        "right type. A null is no item: the next event says what it is. Arguments that never came "
        "are `{}`.",
        "life",
    ),
    RuleRow(
        "responses.item-id",
        "The id of an item changes, or two items have the same",
        (75,),
        "lab:responses-changing-ids",
        "The id of the announcement stays. An event with an unknown id means the item at its "
        "index, else the one of its kind that is open. Clients that gather by id lose the text.",
        "life",
    ),
    RuleRow(
        "responses.output-index",
        "The index of an item is missing, changes, or is used for several",
        (75,),
        "lab:responses-one-index",
        "Items are counted from 0 in the order of their announcement, and keep their index. "
        "Clients that gather by index would mix them.",
        "life",
    ),
    RuleRow(
        "responses.part-missing",
        "A part was never announced, or its index is wrong",
        (74,),
        "lab:responses-no-parts",
        "`content_part.added`, or `reasoning_summary_part.added`, is added before the first text "
        "of a part, and parts are counted from 0. Helpers look up the part that a text belongs to.",
        "life",
    ),
    RuleRow(
        "responses.deltas-missing",
        "A text is told only, or in part, by an event that ends it",
        (74,),
        "lab:responses-only-items-done",
        "What the deltas did not tell goes out as one more before the end; no text goes out twice. "
        "Where the two contradict each other, what went out first holds. Clients that show deltas "
        "show nothing otherwise.",
        "life",
    ),
    RuleRow(
        "responses.done-missing",
        "An event that ends a text, a part or an item is missing, or told twice",
        (74,),
        "lab:responses-no-done",
        "Each is told once, in order, with all that was gathered. Codex takes an item into its "
        "history only when it is done.",
        "life",
    ),
    RuleRow(
        "responses.only-final",
        "An item is told only by the final response",
        (76, 92),
        "lab:responses-only-completed",
        "It is told as if it had been streamed, reasoning too. Codex ends with an empty answer and "
        "no error otherwise, and so do most SDKs.",
        "life",
    ),
    RuleRow(
        "responses.output-missing",
        "The final response lacks items that were told before",
        (77,),
        "lab:responses-empty-output",
        "`output` is the list of all items that went out. SDKs read the answer there when the "
        "stream is over.",
        "life",
    ),
    RuleRow(
        "responses.terminal-missing",
        "The stream ends with `[DONE]`, but without an event that ends the response",
        (76,),
        "lab:responses-done-without-terminal",
        "`[DONE]` says that the reply is whole, so `response.completed` is added. Codex takes a "
        "stream without it for a broken one.",
        "life",
    ),
    RuleRow(
        "responses.envelope",
        "The id, the time or the model of the response changes",
        (75,),
        "lab:responses-changing-response-id",
        "What was told first stays. OpenAI's helper fails at a response that changes its id.",
        "life",
    ),
)
