"""llama.cpp's own server on TCP, until standard input ends.

    python llama_cpp_server.py MODEL PORT CONTEXT

The same library as the embedded engine's, here as an outside server that the gateway knows by its
address alone.
"""

from __future__ import annotations

import sys

import xllamacpp

SLOTS = 4
# Small, so that a prompt of some hundred tokens is several batches, each with its report.
BATCH = 64


def main(model: str, port: str, context: str) -> None:
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = {"tiny"}
    params.hostnames = ["127.0.0.1"]
    params.port = int(port)
    params.n_ctx = int(context)
    params.n_parallel = SLOTS
    params.kv_unified = True
    params.n_batch = params.n_ubatch = BATCH
    params.use_jinja = True
    params.warmup = False
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
