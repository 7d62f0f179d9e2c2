"""One target in this process: ``python -m fuzz.run TARGET [libFuzzer's own flags]``."""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> None:
    # The relay's tests know how to play a reply; their folder is no package.
    sys.path.insert(0, str(ROOT / "tests"))
    with atheris.instrument_imports(include=["strictwire"]):
        from fuzz.targets import TARGETS
    atheris.Setup([sys.argv[0], *arguments[1:]], TARGETS[arguments[0]].feed)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
