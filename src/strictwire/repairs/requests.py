"""What is mended of a request, not of its reply. These rows have no object of their own: the
exchange does the work, because it must see the refusal. They cannot be switched off: where nothing
is refused, nothing is mended."""

from __future__ import annotations

from strictwire.repairs.row import RuleRow

FIELD_REFUSED = RuleRow(
    "request.field-refused",
    "The server refuses a field that it does not know or support",
    (89,),
    "lab:refuses-several",
    "A 400 or 422 that names a field of which the answer does not depend (sampling, bookkeeping, "
    "hints) leads to one more try without it, under its other name (`max_tokens` and "
    "`max_completion_tokens`), or, where streaming itself is refused, as a whole reply. What the "
    "client sent and the server did not get stands in the header `x-strictwire-dropped`. Once the "
    "second try was taken, it is remembered for the provider and model.",
    "request",
)

REQUEST_RULES: tuple[RuleRow, ...] = (FIELD_REFUSED,)
