"""A short run of the fuzzer, so that what breaks a target is seen here and not in a long night."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Inputs for each target: a fourth are replies of the corpus and the lab, which other tests play as
# well, and the rest is what the fuzzer makes of them.
RUNS = 600
# Playing them took 15 s on two slow processors; this only ends what hangs.
TIMEOUT_S = 240
# Not "bounded", of which one input takes a second.
TARGETS = ("decoder", "chunks", "relay", "collect")


@pytest.mark.timeout(TIMEOUT_S + 10)
def test_nothing_is_found_in_a_short_run() -> None:
    if find_spec("atheris") is None:
        pytest.skip("atheris has no wheel for this interpreter")
    done = subprocess.run(
        [sys.executable, "-m", "fuzz", "--runs", str(RUNS), *TARGETS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_an_unknown_target_is_refused() -> None:
    if find_spec("atheris") is None:
        pytest.skip("atheris has no wheel for this interpreter")
    done = subprocess.run(
        [sys.executable, "-m", "fuzz", "nothing"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, "decoder" in done.stderr) == (2, True)
