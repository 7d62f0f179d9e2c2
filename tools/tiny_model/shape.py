"""What the model is made of: its sizes, its special tokens, its template and its seed."""

from __future__ import annotations

from pathlib import Path

NAME = "strictwire-tiny-demo"
SEED = 5

# 607 thousand parameters: some 0.3 ms of one core for each token, and a file of 1.3 MB.
VOCABULARY = 2048
WIDTH = 128
FEED_FORWARD = 320
LAYERS = 2
HEADS = 4
KEY_VALUE_HEADS = 2
# No sequence in training is this long; what the model says beyond a thousand tokens is babble. A
# long context is there so that prefill can take seconds.
CONTEXT = 32_768
ROPE_THETA = 1_000_000.0
NORM_EPSILON = 1e-5

END_OF_TEXT, TURN_START, TURN_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
# Tokens that no reader ever sees.
CONTROL_TOKENS = (END_OF_TEXT, TURN_START, TURN_END)
# Marks in the text: a server's parsers look for them, so detokenizing must leave them in.
MARK_TOKENS = ("<tool_call>", "</tool_call>", "<think>", "</think>")

TEMPLATE = (Path(__file__).parent / "chat_template.jinja").read_text("utf-8")
