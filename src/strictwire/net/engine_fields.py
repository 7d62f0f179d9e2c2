"""The fields of a request that say how an engine is to be set up, which was done when it started.

Contract: ``check_engine_fields`` lets a request pass that says what is so anyway, and raises
``CallerError`` (400) for one that says otherwise. To an engine they are never sent; to other kinds
of servers they go as any field that is not ours to know (SwiftLM reads ``kv_bits``).
"""

from __future__ import annotations

from typing import Final

import msgspec

from strictwire.config import Provider
from strictwire.dialects.model_request import ModelRequest
from strictwire.model.errors import CallerError

KV_BITS: Final = "kv_bits"
ENGINE_FIELDS = frozenset((KV_BITS,))


def check_engine_fields(request: ModelRequest, provider: Provider) -> None:
    if not provider.is_engine or KV_BITS not in request.fields:
        return
    wanted = msgspec.json.decode(request.fields[KV_BITS])
    if wanted is None or (type(wanted) is int and wanted == provider.kv_bits):
        return
    # Not what was sent: it may be a text of any length.
    told = f"{wanted}" if type(wanted) is int else "what is no whole number"
    raise CallerError(
        f"Invalid value for '{KV_BITS}': the engine of this model was started with "
        f"{provider.kv_bits}, and the request asks for {told}. Leave the field out, or start the "
        f"engine with --kv-bits.",
        param=KV_BITS,
        code="invalid_value",
    )
