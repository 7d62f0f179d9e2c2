"""The child process: llama.cpp's own server on a unix socket, for as long as its parent lives.

Started as ``python -m strictwire.engine.child``. It reads one JSON line from its input (the fields
of ``ChildOptions``), loads the model and writes one: ``{"ready": true, "embeddings": false}``, or
``{"failed": "why"}``. Where only llama.cpp knows why, it ends with ``NOT_LOADED`` and no line: the
reason stands on its error output, with the rest of its log. Then it serves until its input ends.

It never outlives its parent. Nothing is written to its input after that line, so that its end, or
anything else on it, means that the parent is gone. While a model is being loaded llama.cpp holds
the interpreter's lock and no thread of Python could see that: hence a signal on the pipe, and a
handler that is no Python (``watch_parent``).
"""

from __future__ import annotations

import ctypes
import fcntl
import importlib
import json
import os
import select
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn, TextIO

from strictwire.engine.child_options import NOT_LOADED, ChildOptions
from strictwire.engine.gguf_header import Header, read_header

# Where a model was trained for more, a whole one would take gigabytes of memory for a context that
# few requests fill. ``context`` asks for more.
MAX_OWN_CONTEXT = 32_768
# For a file whose header we cannot follow; llama.cpp can hardly load it either.
UNKNOWN_CONTEXT = 4096
# Besides the places: threads for the requests that take none (/props, /slots), and for those that
# were cancelled and are not yet through.
SPARE_HTTP_THREADS = 8
# The weights of such a model are in one core's cache: more threads wait for each other at every
# layer, and on a busy machine that takes three times as long.
SMALL_MODEL_BYTES = 16 * 1024 * 1024

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_INPUT = 0


def watch_parent(parent: int) -> None:
    """From here on the end of the input ends this process at once, whatever it does.

    The handler of the signal is the C library's ``_exit`` itself: it needs no lock of Python's.
    The parent-death signal comes on top where there is one; alone it is not enough, since it is
    sent when the parent's thread ends that started us, and Linux alone has it.
    """
    library = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "linux":
        library.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    library.signal.argtypes = (ctypes.c_int, ctypes.c_void_p)
    library.signal.restype = ctypes.c_void_p
    library.signal(signal.SIGIO, ctypes.cast(library._exit, ctypes.c_void_p))
    fcntl.fcntl(_INPUT, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(_INPUT, fcntl.F_GETFL)
    fcntl.fcntl(_INPUT, fcntl.F_SETFL, flags | os.O_ASYNC)
    # It may have happened before we began to watch.
    poll = select.poll()
    poll.register(_INPUT, select.POLLIN | select.POLLHUP)
    if os.getppid() != parent or poll.poll(0):
        os._exit(0)


def context_of(options: ChildOptions, header: Header | None) -> int:
    """Tokens for each request. Raises ``ValueError`` with the reason where the model has fewer:
    llama.cpp would take the memory for all of them and then give what the model can."""
    if header is None:
        return options.context or UNKNOWN_CONTEXT
    if not options.context:
        return min(header.trained_context, MAX_OWN_CONTEXT)
    if options.context > header.trained_context:
        raise ValueError(
            f"A context of {options.context} tokens was asked for, and the model was made for "
            f"{header.trained_context} (setting: context)."
        )
    return options.context


def make_parameters(options: ChildOptions, header: Header | None) -> Any:
    """The options in llama.cpp's words. Their names move with it: a test asks for each."""
    xllamacpp = importlib.import_module("xllamacpp")
    p = xllamacpp.CommonParams()
    p.model.path = options.model_path
    p.model_alias = {options.model_name}
    p.hostnames = [options.socket]
    p.port = 0
    _set_sizes(p, options, header)
    _set_cache(p, options.kv_bits, xllamacpp)
    p.n_gpu_layers = options.gpu_layers
    p.use_jinja = True
    p.reasoning_format = xllamacpp.common_reasoning_format.COMMON_REASONING_FORMAT_DEEPSEEK
    p.endpoint_slots = True
    p.endpoint_metrics = True
    p.n_threads_http = 2 * options.parallel + SPARE_HTTP_THREADS
    p.warmup = True  # the first request would pay for it
    p.ui = False
    p.offline = True
    return p


def _set_sizes(p: Any, options: ChildOptions, header: Header | None) -> None:
    context = context_of(options, header)
    # Each request has its whole context, whatever the others do: no pool that one of them empties.
    p.n_parallel = options.parallel
    p.n_ctx = context * options.parallel
    p.kv_unified = False
    p.embedding = header is not None and header.is_embedder
    # One batch is one report of progress, and the most that a cancelled prompt still costs. A
    # model for vectors looks at its whole text at once.
    batch = context if p.embedding else min(options.prefill_batch, context)
    # With fewer tokens than places llama.cpp fails an assertion.
    p.n_batch = p.n_ubatch = max(batch, options.parallel, 2)
    if header is not None and header.size_bytes < SMALL_MODEL_BYTES:
        p.cpuparams.n_threads = p.cpuparams_batch.n_threads = 1


def _set_cache(p: Any, kv_bits: int, xllamacpp: Any) -> None:
    types = xllamacpp.ggml_type
    kinds = {4: types.GGML_TYPE_Q4_0, 8: types.GGML_TYPE_Q8_0, 16: types.GGML_TYPE_F16}
    p.cache_type_k = p.cache_type_v = kinds[kv_bits]
    if kv_bits != 16:  # the values of a quantized cache cannot be read without it
        p.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_ENABLED
    # Memory is what it was at the start: no prompts kept beside the places' own.
    p.cache_ram_mib = 0
    p.cache_idle_slots = False
    p.ctx_shift = False  # a full context ends the reply; nothing is forgotten in silence


def main() -> NoReturn:
    """Serve until the input ends. Never returns: what llama.cpp does at an orderly exit takes
    time, and nobody waits for it."""
    line = sys.stdin.buffer.readline()
    if not line:
        os._exit(0)  # the parent was gone before it said what to do
    options = ChildOptions(**json.loads(line))
    watch_parent(options.parent)
    # What a library prints must not look like our line: from now on it goes with the log.
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    # To read a pipe would wait for whoever writes to it. These two raise nothing.
    if os.path.exists(options.model_path) and not os.path.isfile(options.model_path):
        _fail(told, "The model is no file, but a folder, a pipe or a device.")
    try:
        header = read_header(Path(options.model_path))
        parameters = make_parameters(options, header)
    except ImportError as problem:
        _fail(told, f"The package xllamacpp cannot be used here: {problem}.")
    except UnicodeEncodeError:
        _fail(told, "The model file's name is no UTF-8, which llama.cpp needs. Rename it.")
    except ValueError as problem:
        _fail(told, str(problem))
    try:
        server = importlib.import_module("xllamacpp").Server(parameters)
    except RuntimeError:
        # In order, and not by ``_exit``: llama.cpp writes its log in a thread of its own, and the
        # reason may be on its way.
        sys.exit(NOT_LOADED)
    is_embedder = header is not None and header.is_embedder
    print(json.dumps({"ready": True, "embeddings": is_embedder}), file=told, flush=True)
    told.close()
    while os.read(_INPUT, 1):
        pass
    del server
    os._exit(0)


def _fail(told: TextIO, reason: str) -> NoReturn:
    print(json.dumps({"failed": reason}), file=told, flush=True)
    os._exit(1)


if __name__ == "__main__":
    main()
