"""Why a model did not load: lines of llama.cpp, provoked where a small machine can."""

from __future__ import annotations

import pytest

from strictwire.engine.log_reason import MAX_QUOTE, level_of, load_reason

START = [
    "0.00.001.760 I cmn  common_param: common_params_print_info: verbosity = 3",
    "0.00.003.869 I srv    load_model: loading model 'm.gguf'",
]
END = [
    "0.00.013.061 E llama_model_load: error loading model: llama_model_loader: failed to load "
    "model from m.gguf",
    "0.00.013.082 E cmn  common_init_: failed to load model 'm.gguf'",
    "0.00.015.346 E srv          init: exiting due to model loading error",
]
ROWS = [
    (
        "0.00.012.854 E gguf_init_from_file: failed to open GGUF file 'm.gguf' (No such file or "
        "directory)",
        "The model file does not exist. Models are not fetched: name a file of this machine.",
    ),
    (
        "0.00.012.854 E gguf_init_from_file: failed to open GGUF file 'm.gguf' (Permission denied)",
        "The model file may not be read by this user.",
    ),
    (
        "0.00.012.854 E gguf_init_from_file: failed to open GGUF file 'm.gguf' (Too many open "
        "files)",
        "The model file: Too many open files.",
    ),
    (
        "0.00.016.753 E gguf_init_from_reader: invalid magic characters: 'hell', expected 'GGUF'",
        "The model file is no GGUF file. Models in another form must be converted first.",
    ),
    (
        "0.00.017.090 E gguf_init_from_reader: this GGUF file is version 99 but this software "
        "only supports up to version 3",
        "The model file is of GGUF version 99, which this llama.cpp does not know. A newer "
        "xllamacpp may.",
    ),
    (
        "0.00.021.756 E llama_model_load: error loading model: unknown model architecture: 'klama'",
        "The model is of the architecture klama, which this llama.cpp does not know. A newer "
        "xllamacpp may.",
    ),
    (
        "0.00.021.756 E llama_model_load: error loading model: error loading model vocabulary: "
        "unknown pre-tokenizer type: 'mine'",
        "The model cuts text in a way (mine) which this llama.cpp does not know. A newer "
        "xllamacpp may.",
    ),
    (
        "0.00.022.239 E llama_model_load: error loading model: tensor 'token_embd.weight' data is "
        "not within the file bounds, model is corrupted or incomplete",
        "The model file is damaged or incomplete. Fetch it again.",
    ),
    (
        "0.00.004.002 E gguf_init_from_reader: failed to read key-value pairs",
        "The model file is damaged or incomplete. Fetch it again.",
    ),
    (
        "0.00.004.006 E gguf_init_from_reader: number of tensors is -1 but must be in [0, 5]",
        "The model file is damaged or incomplete. Fetch it again.",
    ),
    (
        "0.00.343.092 E llama_init_from_model: failed to initialize the context: n_seq_max must "
        "be <= 256",
        "It can have 256 places at most (setting: parallel).",
    ),
    (
        "0.00.343.092 E llama_init_from_model: K cache type q4_0 with block size 32 does not "
        "divide n_embd_head_k=40",
        "The model cannot keep its context in so few bits (setting: kv_bits; 16 always goes).",
    ),
    (
        "0.00.464.621 E ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of "
        "size 4194304000",
        "There is not enough memory for the model and its context. Give it less (settings: "
        "context, parallel, kv_bits, gpu_layers), or take a smaller model.",
    ),
    (
        "ggml_backend_cuda_buffer_type_alloc_buffer: allocating 80000.00 MiB on device 0: "
        "cudaMalloc failed: out of memory",
        "There is not enough memory for the model and its context. Give it less (settings: "
        "context, parallel, kv_bits, gpu_layers), or take a smaller model.",
    ),
    (
        "0.00.009.460 E srv         start: couldn't bind HTTP server socket, hostname: /x, port: 0",
        "Its unix socket could not be made.",
    ),
    (
        "/src/llama-context.cpp:2289: GGML_ASSERT(n_outputs_max <= cparams.n_outputs_max) failed",
        "llama.cpp gave up: GGML_ASSERT(n_outputs_max <= cparams.n_outputs_max) failed.",
    ),
    (
        "0.00.012.854 E something: quite new went wrong",
        "llama.cpp said: srv          init: exiting due to model loading error",
    ),
]


@pytest.mark.parametrize(("line", "reason"), ROWS)
def test_a_line_says_why(line: str, reason: str) -> None:
    assert load_reason([*START, line, *END]) == reason


def test_lines_without_an_error() -> None:
    assert load_reason([]) == "llama.cpp did not say why."
    last = "0.00.003.869 I srv    load_model: loading model 'm.gguf'"
    assert load_reason(["x", last]) == "llama.cpp said: srv    load_model: loading model 'm.gguf'"


def test_what_is_quoted_is_short() -> None:
    assert len(load_reason(["0.00.1 E " + "x" * 9000])) < MAX_QUOTE + 50


@pytest.mark.parametrize(
    ("line", "level"),
    [("0.00.003.869 I srv x", "I"), ("0.1 E x", "E"), ("GGML_ASSERT(x) failed", ""), ("", "")],
)
def test_the_level_of_a_line(line: str, level: str) -> None:
    assert level_of(line) == level
