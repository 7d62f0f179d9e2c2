"""What is left out of a reply on its way to a client of another dialect. The relay's crossing does
the work, since it knows the client's dialect; it says the name."""

from __future__ import annotations

from strictwire.repairs.row import RuleRow

UNTELLABLE = RuleRow(
    "reply.untellable",
    "An answer holds what the client's dialect has no place for",
    (),
    "lab:messages-web-search",
    "A search that the server ran, reasoning in a completion: no event of the client's dialect can "
    "say it, so it is left out, and this counts the replies in which that was so. Text, calls and "
    "finish reasons are never left out of chat, Responses or Messages.",
    "crossing",
)

CROSSING_ROWS: tuple[RuleRow, ...] = (UNTELLABLE,)
