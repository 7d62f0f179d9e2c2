"""Writes corpus/scripted: the streams of the lab's scenarios that are some rule's evidence.

    python tools/corpus_scripted.py [--check]

One file for each scenario, with the bytes of its streamed reply and nothing else, so that a
newcomer can look at a quirk and lint it without starting a server. ``--check`` writes nothing,
names what is stale, and exits with 1 if anything is.
"""

from __future__ import annotations

import sys
from pathlib import Path

from strictwire.lab.scenarios import ALL_SCENARIOS
from strictwire.repairs import RULES

FOLDER = Path(__file__).resolve().parent.parent / "corpus" / "scripted"
# A rule names its evidence by the scenario's name, or already by the file.
PREFIXES = ("lab:", "corpus/scripted/")
SUFFIX = ".sse"


def scripted_files() -> dict[str, bytes]:
    """The files that ought to be there: name -> bytes."""
    rows = {name: ALL_SCENARIOS[name] for name in evidence_names() if name in ALL_SCENARIOS}
    replies = {name: row.reply(row.ask) for name, row in sorted(rows.items()) if row.rules}
    return {f"{name}{SUFFIX}": b"".join(reply.frames) for name, reply in replies.items()}


def evidence_names() -> set[str]:
    names = set()
    for rule in RULES:
        for prefix in PREFIXES:
            if rule.evidence.startswith(prefix):
                names.add(rule.evidence.removeprefix(prefix).removesuffix(SUFFIX))
    return names


def stale(folder: Path = FOLDER) -> list[str]:
    """What is missing, other than it ought to be, or there for no reason."""
    due = scripted_files()
    there = {path.name: path.read_bytes() for path in folder.glob(f"*{SUFFIX}")}
    return sorted(name for name in due.keys() | there.keys() if due.get(name) != there.get(name))


def write(folder: Path = FOLDER) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    due = scripted_files()
    for path in folder.glob(f"*{SUFFIX}"):
        if path.name not in due:
            path.unlink()
    for name, data in due.items():
        (folder / name).write_bytes(data)


def main() -> None:
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(f"usage: {sys.argv[0]} [--check]")
    if not sys.argv[1:]:
        write()
        return
    found = stale()
    for name in found:
        print(f"corpus/scripted/{name} is stale: run tools/corpus_scripted.py", file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
