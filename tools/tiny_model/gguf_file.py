"""A Hugging Face style folder to one GGUF file, for llama.cpp.

    python -m tools.tiny_model.gguf_file FOLDER OUT.gguf

Only for what train.py writes: the llama architecture, byte-level BPE, embeddings that are the
output too. Needs gguf and numpy. Matrices are written in half precision, norms in full.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from . import shape
from .layers import halves_to_pairs, named_tensors
from .safetensors_file import read_tensors


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print("usage: python -m tools.tiny_model.gguf_file FOLDER OUT.gguf", file=sys.stderr)
        return 2
    write_gguf(Path(arguments[0]), Path(arguments[1]))
    return 0


def write_gguf(folder: Path, out: Path) -> None:
    config: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
    writer = gguf.GGUFWriter(out, "llama")
    writer.add_name(shape.NAME)
    writer.add_license("apache-2.0")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    _add_sizes(writer, config)
    _add_tokenizer(writer, folder, config)
    _add_tensors(writer, folder, config)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_sizes(writer: gguf.GGUFWriter, config: dict[str, Any]) -> None:
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_dimension_count(config["hidden_size"] // config["num_attention_heads"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])


def _add_tokenizer(writer: gguf.GGUFWriter, folder: Path, config: dict[str, Any]) -> None:
    told: dict[str, Any] = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    tokens = [""] * config["vocab_size"]
    kinds = [gguf.TokenType.NORMAL] * len(tokens)
    for token, at in told["model"]["vocab"].items():
        tokens[at] = token
    for added in told["added_tokens"]:
        tokens[added["id"]] = added["content"]
        is_control = added["special"]
        kinds[added["id"]] = gguf.TokenType.CONTROL if is_control else gguf.TokenType.USER_DEFINED
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(pair) for pair in told["model"]["merges"]])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_pad_token_id(config["pad_token_id"])
    writer.add_add_bos_token(False)
    writer.add_chat_template((folder / "chat_template.jinja").read_text("utf-8"))


def _add_tensors(writer: gguf.GGUFWriter, folder: Path, config: dict[str, Any]) -> None:
    tensors = read_tensors(folder / "model.safetensors")
    heads = {"query": config["num_attention_heads"], "key": config["num_key_value_heads"]}
    for theirs, ours, whose in named_tensors(config["num_hidden_layers"]):
        tensor = tensors[theirs]
        if whose is not None:
            tensor = halves_to_pairs(tensor, heads[whose])
        is_matrix = tensor.ndim > 1
        writer.add_tensor(ours, tensor.astype(np.float16) if is_matrix else tensor)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
