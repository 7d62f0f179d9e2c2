"""A GGUF file back to a Hugging Face style folder, for servers that read no GGUF.

    python -m tools.tiny_model.hugging_face MODEL.gguf FOLDER

The way back of gguf_file.py: the same weights, tokenizer and template for mlx-lm, transformers and
vLLM, without training anew. Only for models of that recipe's making; of another it says what it
cannot do. Needs gguf and numpy. The weights are written in single precision, in which llama.cpp
computes too, so that the same prompt has the same answer everywhere.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from .layers import named_tensors, pairs_to_halves
from .safetensors_file import Tensors, write_tensors

# How transformers is to take an answer apart. For a model whose family it does not know it does so
# only where the tokenizer says how; else its server tells a tool call as text.
_RESPONSE_TEMPLATE: dict[str, Any] = {
    "defaults": {"role": "assistant"},
    "start_anchor": "<|im_start|>assistant\n",
    "fields": {
        "reasoning_content": {"open": "<think>", "close": "</think>", "content": "text"},
        "tool_calls": {
            # The line end between two calls must not begin a content of its own.
            "open_pattern": r"\s*<tool_call>",
            "close": "</tool_call>",
            "repeats": True,
            "content": "json",
            "transform": {"type": "function", "function": "{content}"},
        },
        "content": {"close_pattern": r"\s*(?:<\|im_end\|>|<\|endoftext\|>)", "content": "text"},
    },
}


class UnknownModelError(Exception):
    """The file is of another making; the message says where."""


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        usage = "usage: python -m tools.tiny_model.hugging_face MODEL.gguf FOLDER"
        print(usage, file=sys.stderr)
        return 2
    try:
        write_folder(Path(arguments[0]), Path(arguments[1]))
    except UnknownModelError as error:
        print(f"{arguments[0]}: {error}", file=sys.stderr)
        return 1
    return 0


def write_folder(model: Path, folder: Path) -> None:
    """Raises ``UnknownModelError``."""
    facts = _Facts(gguf.GGUFReader(model))
    folder.mkdir(parents=True, exist_ok=True)
    tokens = facts.told("tokenizer.ggml.tokens")
    config = _config(facts, len(tokens))
    _write_json(folder / "config.json", config)
    _write_json(folder / "generation_config.json", _generation(config))
    _write_json(folder / "tokenizer.json", _tokenizer(facts, tokens))
    _write_json(folder / "tokenizer_config.json", _tokenizer_config(config, tokens))
    template = facts.told("tokenizer.chat_template")
    (folder / "chat_template.jinja").write_text(template, "utf-8")
    write_tensors(folder / "model.safetensors", _tensors(facts, config))


class _Facts:
    """What the file says, by its keys."""

    def __init__(self, reader: gguf.GGUFReader) -> None:
        self._reader = reader
        self.expect("general.architecture", "llama")
        self.expect("tokenizer.ggml.model", "gpt2")
        self.expect("tokenizer.ggml.pre", "gpt-2")

    def told(self, key: str) -> Any:
        field = self._reader.get_field(key)
        if field is None:
            raise UnknownModelError(f"{key} is missing")
        return field.contents()

    def expect(self, key: str, value: str) -> None:
        told = self.told(key)
        if told != value:
            raise UnknownModelError(f"{key} is {told}, and only {value} is known here")

    def tensors(self) -> Tensors:
        floats = (gguf.GGMLQuantizationType.F16, gguf.GGMLQuantizationType.F32)
        for tensor in self._reader.tensors:
            if tensor.tensor_type not in floats:
                raise UnknownModelError(f"{tensor.name} is quantized ({tensor.tensor_type.name})")
        return {tensor.name: tensor.data.astype(np.float32) for tensor in self._reader.tensors}


def _config(facts: _Facts, vocabulary: int) -> dict[str, Any]:
    theta = facts.told("llama.rope.freq_base")
    end_of_text = facts.told("tokenizer.ggml.bos_token_id")
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": vocabulary,
        "hidden_size": facts.told("llama.embedding_length"),
        "intermediate_size": facts.told("llama.feed_forward_length"),
        "num_hidden_layers": facts.told("llama.block_count"),
        "num_attention_heads": facts.told("llama.attention.head_count"),
        "num_key_value_heads": facts.told("llama.attention.head_count_kv"),
        "max_position_embeddings": facts.told("llama.context_length"),
        # A float of 32 bits, which JSON would write with digits that nobody meant.
        "rms_norm_eps": float(f"{facts.told('llama.attention.layer_norm_rms_epsilon'):.6g}"),
        # transformers 5 reads the one, mlx-lm 0.32 only the other.
        "rope_parameters": {"rope_type": "default", "rope_theta": theta},
        "rope_theta": theta,
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": True,
        "bos_token_id": end_of_text,
        "eos_token_id": facts.told("tokenizer.ggml.eos_token_id"),
        "pad_token_id": end_of_text,
        "dtype": "float32",
    }


def _generation(config: dict[str, Any]) -> dict[str, Any]:
    return {name: config[name] for name in ("bos_token_id", "eos_token_id", "pad_token_id")}


def _tokenizer(facts: _Facts, tokens: list[str]) -> dict[str, Any]:
    kinds = facts.told("tokenizer.ggml.token_type")
    level = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": True,
    }
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            _added(at, tokens[at], is_special=kind == gguf.TokenType.CONTROL)
            for at, kind in enumerate(kinds)
            if kind in (gguf.TokenType.CONTROL, gguf.TokenType.USER_DEFINED)
        ],
        "normalizer": None,
        "pre_tokenizer": level,
        "post_processor": None,
        "decoder": level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: at for at, token in enumerate(tokens)},
            "merges": [pair.split(" ") for pair in facts.told("tokenizer.ggml.merges")],
        },
    }


def _added(at: int, token: str, *, is_special: bool) -> dict[str, Any]:
    """``is_special``: detokenizing leaves it out. That must not befall the marks of a tool call."""
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {"id": at, "content": token, **plain, "special": is_special}


def _tokenizer_config(config: dict[str, Any], tokens: list[str]) -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": config["max_position_embeddings"],
        "bos_token": tokens[config["bos_token_id"]],
        "eos_token": tokens[config["eos_token_id"]],
        "pad_token": tokens[config["pad_token_id"]],
        "add_bos_token": False,
        "clean_up_tokenization_spaces": False,
        "response_template": _RESPONSE_TEMPLATE,
    }


def _tensors(facts: _Facts, config: dict[str, Any]) -> Tensors:
    known = facts.tensors()
    if "output.weight" in known:
        raise UnknownModelError("its output is not its embeddings")
    heads = {"query": config["num_attention_heads"], "key": config["num_key_value_heads"]}
    tensors = {}
    for theirs, ours, whose in named_tensors(config["num_hidden_layers"]):
        if ours not in known:
            raise UnknownModelError(f"{ours} is missing")
        tensor = known[ours]
        tensors[theirs] = pairs_to_halves(tensor, heads[whose]) if whose is not None else tensor
    return tensors


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
