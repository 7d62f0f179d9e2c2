"""The real servers: how each is had, how it is started with the tiny model, what it can do.

A new server is a row of ``SERVERS``: its kind's name, and a context manager that yields where it
listens. Each is started in a folder in which the model lies as ``tiny``, and asked for that name.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from strictwire.config.server_kinds import KindName
from strictwire.engine.plan import DEMO_MODEL

from .processes import answers, free_port, running
from .venvs import UnavailableError, environment

ROOT = Path(__file__).resolve().parents[2]
MODEL = "tiny"
# Of llama.cpp: small enough that a prompt can be too long for it.
CONTEXT = 8192
# Of mlx-lm: a report of progress comes after each step.
_PREFILL_STEP = 128
_CONVERT_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Server:
    """``counts_progress``: it tells how far prefill is. ``context`` None: it takes prompts of any
    length. ``takes_any_model``: it answers under its one model's name, whatever was asked for."""

    kind: KindName
    start: Callable[[Path], AbstractContextManager[str]]
    counts_progress: bool
    context: int | None = None
    takes_any_model: bool = False


@contextmanager
def llama_cpp(place: Path) -> Iterator[str]:
    port = free_port()
    script = Path(__file__).with_name("llama_cpp_server.py")
    command = [sys.executable, str(script), str(DEMO_MODEL), str(port), str(CONTEXT)]
    with running(command, place, {}, is_up=lambda: answers(f"http://127.0.0.1:{port}/health")):
        yield f"http://127.0.0.1:{port}/v1"


@contextmanager
def mlx_lm(place: Path) -> Iterator[str]:
    found = environment("mlx-lm")
    _convert(found, place / MODEL)
    port = free_port()
    command = [
        str(found / "mlx_lm.server"), "--model", MODEL, "--host", "127.0.0.1", "--port", str(port),
        "--prefill-step-size", str(_PREFILL_STEP),
    ]  # fmt: skip
    with running(command, place, _offline(place), is_up=_is_up(port)):
        yield f"http://127.0.0.1:{port}/v1"


@contextmanager
def transformers(place: Path) -> Iterator[str]:
    found = environment("transformers")
    _convert(found, place / MODEL)
    port = free_port()
    command = [
        str(found / "transformers"), "serve", MODEL, "--host", "127.0.0.1", "--port", str(port),
        "--device", "cpu",
    ]  # fmt: skip
    with running(command, place, _offline(place), is_up=_is_up(port)):
        yield f"http://127.0.0.1:{port}/v1"


SERVERS: tuple[Server, ...] = (
    Server("llama.cpp", llama_cpp, counts_progress=True, context=CONTEXT, takes_any_model=True),
    Server("mlx-lm", mlx_lm, counts_progress=True),
    Server("transformers", transformers, counts_progress=False),
)


def _is_up(port: int) -> Callable[[], bool]:
    return lambda: answers(f"http://127.0.0.1:{port}/health")


def _offline(place: Path) -> dict[str, str]:
    """Their library of models must be there, empty: one of them lists it."""
    models = place / "hub"
    models.mkdir(exist_ok=True)
    return {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(models)}


def _convert(found: Path, folder: Path) -> None:
    command = [str(found / "python"), "-m", "tools.tiny_model.hugging_face", str(DEMO_MODEL)]
    done = subprocess.run(
        [*command, str(folder)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=_CONVERT_TIMEOUT_S,
    )
    if done.returncode != 0:
        raise UnavailableError(f"the model was not converted: {done.stderr[-300:]}")
