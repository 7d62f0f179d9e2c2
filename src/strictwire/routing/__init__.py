"""Pure decisions: which provider, which name, which key; and what was learned from refusals."""

from strictwire.routing.choice import KnownModel, Route, choose, known_models
from strictwire.routing.refusals import ADDED_FIELDS, Refusals, named_field, named_fields

__all__ = [
    "ADDED_FIELDS",
    "KnownModel",
    "Refusals",
    "Route",
    "choose",
    "known_models",
    "named_field",
    "named_fields",
]
