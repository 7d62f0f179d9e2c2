"""Why a model did not load, in plain words, out of llama.cpp's own log.

Contract: ``load_reason`` takes the lines that the child wrote and returns one or two sentences for
people. Pure. The first row of the table that any line matches speaks; a row stands before what
follows from it (a file that cannot be opened is also a model that cannot be loaded). The lines are
those of llama.cpp in xllamacpp 2026.10; tests/engine provokes each that a small file can.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# One line of somebody else's, in a message of ours.
MAX_QUOTE = 300

_MEMORY = (
    "There is not enough memory for the model and its context. Give it less (settings: context, "
    "parallel, kv_bits, gpu_layers), or take a smaller model."
)
_DAMAGED = "The model file is damaged or incomplete. Fetch it again."

_REASONS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), reason)
    for pattern, reason in (
        (
            r"failed to open GGUF file .*No such file",
            "The model file does not exist. Models are not fetched: name a file of this machine.",
        ),
        (
            r"failed to open GGUF file .*Permission denied",
            "The model file may not be read by this user.",
        ),
        (r"failed to open GGUF file '.*' \((?P<what>[^()]*)\)", "The model file: {what}."),
        (
            r"invalid magic characters|failed to read magic",
            "The model file is no GGUF file. Models in another form must be converted first.",
        ),
        (
            r"GGUF file is version (?P<what>\d+) but this software only",
            "The model file is of GGUF version {what}, which this llama.cpp does not know. A newer "
            "xllamacpp may.",
        ),
        (
            r"unknown model architecture: '(?P<what>[^']*)'",
            "The model is of the architecture {what}, which this llama.cpp does not know. A newer "
            "xllamacpp may.",
        ),
        (
            r"unknown pre-tokenizer type: '(?P<what>[^']*)'",
            "The model cuts text in a way ({what}) which this llama.cpp does not know. A newer "
            "xllamacpp may.",
        ),
        (r"not within the file bounds|missing tensor", _DAMAGED),
        (
            r"failed to read (header|key-value pairs|tensor)|number of tensors is"
            r"|gguf_init_from_\w+: failed",
            _DAMAGED,
        ),
        (
            r"n_seq_max must be <= (?P<what>\d+)",
            "It can have {what} places at most (setting: parallel).",
        ),
        (
            r"[KV] cache (type|with type|quantization)\b",
            "The model cannot keep its context in so few bits (setting: kv_bits; 16 always goes).",
        ),
        (
            r"out of memory|(?:failed|unable) to allocate|bad_alloc|failed to create memory",
            _MEMORY,
        ),
        (r"couldn't bind HTTP server socket", "Its unix socket could not be made."),
        (r"(?P<what>GGML_ASSERT\(.*\) failed)", "llama.cpp gave up: {what}."),
    )
)
# "0.00.012.854 E gguf_init_from_file: ..."; what libraries print has no such head.
_HEAD = re.compile(r"^(?:\d+\.)+\d+ (?P<level>[IWED]) *")


def load_reason(lines: Iterable[str]) -> str:
    """The reason in one or two sentences; where no row knows, the last error as it stands."""
    told = list(lines)
    for pattern, reason in _REASONS:
        for line in told:
            match = pattern.search(line)
            if match is not None:
                return reason.format(**match.groupdict())
    errors = [line for line in told if level_of(line) == "E"] or told
    if not errors:
        return "llama.cpp did not say why."
    return f"llama.cpp said: {_HEAD.sub('', errors[-1]).strip()[:MAX_QUOTE]}"


def level_of(line: str) -> str:
    """The letter of a line's level, or "" where it has none."""
    match = _HEAD.match(line)
    return "" if match is None else match["level"]
