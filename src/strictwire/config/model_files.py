"""A model's file name into the names that people and clients read.

Contract: pure text in, text out; no file is looked at.
"""

from __future__ import annotations

import re
from pathlib import PurePath

# The model that comes along, and what every place that shows it says of it. It must not be taken
# for what a model can do.
DEMO_NAME = "tiny-demo"
DEMO_WORDS = (
    f"{DEMO_NAME} is a demonstration model of 600 thousand parameters. It babbles: it shows how "
    "everything here works, not what a model can do.",
    "For a real one: strictwire serve --model FILE.gguf, or --upstream URL of a server that runs "
    'already. With make: make serve ARGS="--model FILE.gguf".',
)

# llama.cpp splits large models into files numbered like this; the first one stands for them all.
_PART = re.compile(r"-\d{5}-of-\d{5}$")
_ILLEGAL = re.compile(r"[^A-Za-z0-9._-]+")
# What is left where a file's name holds nothing that a name may hold.
_NAMELESS = "model"


def model_name_of(path: str) -> str:
    """``models/Qwen3-4B-Q4_K_M.gguf`` is the model ``Qwen3-4B-Q4_K_M``."""
    name = _PART.sub("", PurePath(path).stem)
    shown = "".join(letter if letter.isprintable() else "-" for letter in name).strip()
    return shown or _NAMELESS


def provider_name_of(path: str) -> str:
    """The model's name as a provider may be called: what is not allowed becomes a dash."""
    return _ILLEGAL.sub("-", model_name_of(path)).strip("._-") or _NAMELESS
