"""The child: the names it uses of llama.cpp, its context, and that it never outlives its parent."""

from __future__ import annotations

import ast
import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import xllamacpp

from strictwire.engine import DEMO_MODEL, child
from strictwire.engine.child import MAX_OWN_CONTEXT, UNKNOWN_CONTEXT, context_of, make_parameters
from strictwire.engine.child_options import ChildOptions
from strictwire.engine.gguf_header import Header
from strictwire.engine.process import EngineProcess


def options(**changes: object) -> ChildOptions:
    usual: dict[str, object] = {
        "parent": 1, "socket": "/x/1.sock", "model_path": "/x/m.gguf", "model_name": "m",
        "parallel": 2, "context": 0, "gpu_layers": -1, "prefill_batch": 256, "kv_bits": 16,
    }  # fmt: skip
    return ChildOptions(**(usual | changes))  # type: ignore[arg-type]


def test_every_parameter_that_is_set_exists() -> None:
    """An extension type refuses unknown names, but not one that became a plain attribute."""
    tree = ast.parse(Path(child.__file__).read_text("utf-8"))
    names = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "p"
    }
    assert {"n_ctx", "n_parallel", "hostnames", "cache_ram_mib"} <= names
    parameters = xllamacpp.CommonParams()
    missing = {name for name in names if not hasattr(parameters, name)}
    assert not missing
    assert hasattr(parameters.cpuparams, "n_threads")


@pytest.mark.parametrize("kv_bits", [4, 8, 16])
def test_parameters(kv_bits: int) -> None:
    header = Header(32768, 10**9)
    p = make_parameters(options(context=1000, parallel=3, kv_bits=kv_bits), header)
    assert (p.n_ctx, p.n_parallel, p.kv_unified) == (3000, 3, False)
    assert (p.n_batch, p.n_ubatch) == (256, 256)
    assert p.cache_ram_mib == 0
    assert p.hostnames == ["/x/1.sock"]
    assert not p.embedding
    assert p.cache_type_k == p.cache_type_v


def test_a_model_for_embeddings_reads_its_text_in_one_batch() -> None:
    p = make_parameters(options(), Header(2048, 10**9, is_embedder=True))
    assert p.embedding
    assert (p.n_batch, p.n_ubatch) == (2048, 2048)


@pytest.mark.parametrize(
    ("asked", "header", "context"),
    [
        (0, Header(4096, 1), 4096),
        (0, Header(1_000_000, 1), MAX_OWN_CONTEXT),
        (100_000, Header(1_000_000, 1), 100_000),
        (4096, Header(4096, 1), 4096),
        (0, None, UNKNOWN_CONTEXT),
        (100, None, 100),
    ],
)
def test_the_context(asked: int, header: Header | None, context: int) -> None:
    assert context_of(options(context=asked), header) == context


def test_a_context_beyond_what_the_model_was_made_for() -> None:
    with pytest.raises(ValueError, match=r"5000 tokens .* 4096 \(setting: context\)"):
        context_of(options(context=5000), Header(4096, 1))


# ---- orphans ----


def is_alive(pid: int) -> bool:
    """A zombie is not: nobody may have looked after it yet."""
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
@pytest.mark.parametrize("when", ["serving", "loading"])
def test_a_parent_that_is_killed_leaves_no_child(when: str, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("orphan_parent.py")), when],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while is_alive(pid):
        assert time.monotonic() < deadline, "the child outlived its parent"
        time.sleep(0.005)


async def test_the_pipe_alone_ends_it_while_llama_cpp_holds_the_lock(tmp_path: Path) -> None:
    """Without the parent-death signal: this parent lives on, and lets go of the pipe."""
    heavy = options(
        parent=os.getpid(),
        model_path=str(DEMO_MODEL),
        socket=str(tmp_path / "1.sock"),
        parallel=100,
        context=32768,
    )
    process = await EngineProcess.start(heavy)
    while not any("loading model" in line for line in process.lines):
        await asyncio.sleep(0.001)
    process.hang_up()
    how = await process.exited()
    await process.end()
    # The handler is the C library's own _exit, and so the signal's number is the status. A model
    # that was loaded first would end with 0, once somebody reads the pipe.
    assert how == f"status {signal.SIGIO:d}"
    assert not (tmp_path / "1.sock").exists() or "model loaded" not in " ".join(process.lines)
