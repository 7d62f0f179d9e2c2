"""Pure decisions: which provider, which name, which key; what was learned from refusals, and what
is done about it."""

from strictwire.routing.amendments import (
    ADDED_FIELDS,
    DROPPABLE,
    STREAM_REFUSED,
    WHOLE_REFUSED,
    Amendment,
    amend,
    amendable,
)
from strictwire.routing.choice import KnownModel, Offer, Route, choose, known_models
from strictwire.routing.refusals import Refusals, refused_fields, refuses_way

__all__ = [
    "ADDED_FIELDS",
    "DROPPABLE",
    "STREAM_REFUSED",
    "WHOLE_REFUSED",
    "Amendment",
    "KnownModel",
    "Offer",
    "Refusals",
    "Route",
    "amend",
    "amendable",
    "choose",
    "known_models",
    "refused_fields",
    "refuses_way",
]
