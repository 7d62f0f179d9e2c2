"""Pure decisions: which provider, which name, which key, which dialect; what a server is,
what was learned from its refusals, and what is done about it."""

from strictwire.routing.amendments import (
    ADDED_FIELDS,
    DROPPABLE,
    STREAM_REFUSED,
    WHOLE_REFUSED,
    Amendment,
    amend,
    amendable,
    as_sent,
)
from strictwire.routing.choice import KnownModel, Offer, Route, choose, known_models
from strictwire.routing.dialects import (
    dialect_refusal,
    dialects_listed,
    dialects_refused,
    lacks_endpoint,
    upstream_dialect,
)
from strictwire.routing.kinds import (
    Found,
    kind_of_headers,
    kind_of_models,
    kind_of_props,
    kind_of_refusal,
    kind_of_url,
)
from strictwire.routing.refusals import Refusals, joins_fields, refused_fields, refuses_way

__all__ = [
    "ADDED_FIELDS",
    "DROPPABLE",
    "STREAM_REFUSED",
    "WHOLE_REFUSED",
    "Amendment",
    "Found",
    "KnownModel",
    "Offer",
    "Refusals",
    "Route",
    "amend",
    "amendable",
    "as_sent",
    "choose",
    "dialect_refusal",
    "dialects_listed",
    "dialects_refused",
    "joins_fields",
    "kind_of_headers",
    "kind_of_models",
    "kind_of_props",
    "kind_of_refusal",
    "kind_of_url",
    "known_models",
    "lacks_endpoint",
    "refused_fields",
    "refuses_way",
    "upstream_dialect",
]
