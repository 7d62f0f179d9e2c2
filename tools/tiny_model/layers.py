"""One model, two ways to name and lay out its tensors: Hugging Face's and llama.cpp's.

The two turn positions into rotations otherwise: the one pairs a head's first half with its second,
the other its even rows with its odd ones. So the rows of queries and keys are in another order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Heads = Literal["query", "key"]

WHOLE_MODEL = (
    ("model.embed_tokens.weight", "token_embd.weight"),
    ("model.norm.weight", "output_norm.weight"),
)
_LAYER: tuple[tuple[str, str, Heads | None], ...] = (
    ("input_layernorm", "attn_norm", None),
    ("self_attn.q_proj", "attn_q", "query"),
    ("self_attn.k_proj", "attn_k", "key"),
    ("self_attn.v_proj", "attn_v", None),
    ("self_attn.o_proj", "attn_output", None),
    ("post_attention_layernorm", "ffn_norm", None),
    ("mlp.gate_proj", "ffn_gate", None),
    ("mlp.up_proj", "ffn_up", None),
    ("mlp.down_proj", "ffn_down", None),
)


def named_tensors(layers: int) -> Iterator[tuple[str, str, Heads | None]]:
    """Every tensor of the model: Hugging Face's name, llama.cpp's, whose heads are reordered."""
    for theirs, ours in WHOLE_MODEL:
        yield theirs, ours, None
    for at in range(layers):
        for theirs, ours, heads in _LAYER:
            yield f"model.layers.{at}.{theirs}.weight", f"blk.{at}.{ours}.weight", heads


def halves_to_pairs(rows: NDArray[Any], heads: int) -> NDArray[Any]:
    """Hugging Face's order of rows to llama.cpp's."""
    split = rows.reshape(heads, 2, len(rows) // heads // 2, -1)
    return np.ascontiguousarray(split.swapaxes(1, 2)).reshape(rows.shape)


def pairs_to_halves(rows: NDArray[Any], heads: int) -> NDArray[Any]:
    """llama.cpp's order of rows to Hugging Face's."""
    split = rows.reshape(heads, len(rows) // heads // 2, 2, -1)
    return np.ascontiguousarray(split.swapaxes(1, 2)).reshape(rows.shape)
