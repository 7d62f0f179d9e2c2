"""What a request may say to an engine that is the engine's own: how it was set up, and its places.

Contract: ``check_engine_fields`` raises ``CallerError`` (400) for a field that says otherwise than
what is so, or that would take memory or places from everybody. Those of ``ENGINE_FIELDS`` are never
sent to an engine; to other kinds of servers they go as any field that is not ours to know (SwiftLM
reads ``kv_bits``).
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from strictwire.config import Provider
from strictwire.dialects.model_request import ModelRequest
from strictwire.model.errors import CallerError

KV_BITS: Final = "kv_bits"
# llama.cpp's own word for ``n``. What it asks for would come without a place.
N_CMPL: Final = "n_cmpl"
# ``id_slot`` asks for a slot by its number: those who wait for one hold the places of the others.
ENGINE_FIELDS = frozenset((KV_BITS, N_CMPL, "id_slot"))

# llama.cpp sets memory aside for as many tokens as these say, 4 bytes each and before it looks at
# the context.
_LOOKS_BACK = ("repeat_last_n", "dry_penalty_last_n")
MAX_LOOK_BACK = 1024 * 1024


def check_engine_fields(request: ModelRequest, provider: Provider) -> None:
    if not provider.is_engine:
        return
    _check_kv_bits(request, provider)
    if N_CMPL in request.fields and _said(request, N_CMPL) not in (None, request.choices or 1):
        raise CallerError(
            f"Invalid value for '{N_CMPL}': several answers are asked for with 'n'.",
            param=N_CMPL,
            code="invalid_value",
        )
    for name in _LOOKS_BACK:
        wanted = _said(request, name)
        if isinstance(wanted, int | float) and wanted > MAX_LOOK_BACK:
            raise CallerError(
                f"Invalid value for '{name}': must be at most {MAX_LOOK_BACK}.",
                param=name,
                code="invalid_value",
            )


def _check_kv_bits(request: ModelRequest, provider: Provider) -> None:
    wanted = _said(request, KV_BITS)
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


def _said(request: ModelRequest, name: str) -> Any:
    """The value of a field, None where it is not there."""
    raw = request.fields.get(name)
    return None if raw is None else msgspec.json.decode(raw)
