"""``python -m fuzz [--seconds N | --runs N] [TARGET ...]``: every target for its share of the time.

With ``--runs`` each target gets so many inputs, the same ones each time, and begins with fewer
seeds: a short check that says nothing of the machine.

Exit code 0: nothing was found. 1: something was, and the lines above name the input. 2: a mistake
in the command, or no atheris for this interpreter.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
FOUND = FOLDER / "found"
# make fuzz's ten minutes, start and seeds included.
DEFAULT_SECONDS = 580
# One input takes milliseconds; one that takes this long hangs for a user.
HANG_SECONDS = 10
# The process with its instrumented code takes some 200 MB; the rest is for what is read.
MAX_MEMORY_MB = 1024
# Of a short run's inputs: the others are what the fuzzer makes of them.
SEEDS_SHARE = 0.25


def main() -> int:
    options = _options()
    FOUND.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="strictwire-fuzz-") as folder:
        return _run_all(options, Path(folder))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=DEFAULT_SECONDS, help="for all together")
    parser.add_argument("--runs", type=int, default=0, help="inputs for each, in place of a time")
    parser.add_argument("targets", nargs="*", help="default: all")
    if find_spec("atheris") is None:
        parser.exit(
            2, "there is no atheris here: it has wheels for CPython 3.11 to 3.13 on Linux\n"
        )
    options = parser.parse_args()
    sys.path.insert(0, str(FOLDER.parent / "tests"))
    from fuzz.targets import TARGETS

    unknown = set(options.targets) - TARGETS.keys()
    if unknown:
        parser.error(f"there is no target {', '.join(sorted(unknown))}; try {', '.join(TARGETS)}")
    options.targets = options.targets or list(TARGETS)
    return options


def _run_all(options: argparse.Namespace, folder: Path) -> int:
    """As many at a time as there are processors, each for the same time."""
    from fuzz.seeds import write_words

    write_words(folder / "words")
    names = options.targets
    width = min(len(names), os.cpu_count() or 1)
    turns = -(-len(names) // width)
    seconds = max(1, int(options.seconds / turns))
    share = (
        (f"-runs={options.runs}", "-seed=1") if options.runs else (f"-max_total_time={seconds}",)
    )
    most_seeds = int(options.runs * SEEDS_SHARE) or None
    failed = []
    for at in range(0, len(names), width):
        running = {name: _start(name, share, folder, most_seeds) for name in names[at : at + width]}
        for name, process in running.items():
            output = process.communicate()[0]
            last = output.strip().splitlines()[-1] if output.strip() else ""
            print(f"{name}: {last}", flush=True)
            if process.returncode:
                failed.append(name)
                print(output[-6000:], flush=True)
    print("nothing found" if not failed else f"found something: {', '.join(failed)}")
    return 1 if failed else 0


def _start(
    name: str, share: tuple[str, ...], folder: Path, most_seeds: int | None
) -> subprocess.Popen[str]:
    from fuzz.seeds import write_seeds
    from fuzz.targets import TARGETS

    own, seeds, target = folder / name, folder / f"{name}-seeds", TARGETS[name]
    own.mkdir()
    write_seeds(seeds, min(target.max_seeds, most_seeds or target.max_seeds), target.max_bytes)
    command = [
        sys.executable, "-m", "fuzz.run", name, str(own), str(seeds),
        *share, f"-timeout={HANG_SECONDS}",
        f"-rss_limit_mb={MAX_MEMORY_MB}", f"-max_len={target.max_bytes}",
        f"-dict={folder / 'words'}", f"-artifact_prefix={FOUND}/{name}-", "-print_final_stats=0",
    ]  # fmt: skip
    return subprocess.Popen(
        command,
        cwd=FOLDER.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )


if __name__ == "__main__":
    sys.exit(main())
