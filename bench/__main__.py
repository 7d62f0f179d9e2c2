"""``python -m bench``: measure the gateways beside each other and print one table.

Exit status: 0 when all could be measured, whatever the figures; 1 with ``--strict`` when a target
was missed; 2 when something could not be measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from bench import gateways, table
from bench.cases import Site
from bench.control import BenchError, Worker, WorkerError
from bench.measure import raise_descriptor_limit
from bench.suite import CASES, Plan, Suite

# Four ends of sockets per open stream would be needed if one process held them all.
_DESCRIPTORS_PER_STREAM = 4
_DESCRIPTORS_BESIDE = 512
_DEFAULTS = Plan()


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=_DEFAULTS.rounds)
    parser.add_argument("--seconds", type=float, default=_DEFAULTS.seconds, help="of one round")
    parser.add_argument("--streams", type=int, default=_DEFAULTS.streams, help="paced, at once")
    parser.add_argument("--open", type=int, default=_DEFAULTS.open_streams, help="for memory")
    parser.add_argument("--chunks", type=int, default=_DEFAULTS.chunks, help="of the long stream")
    parser.add_argument("--only", default="*", help=f"patterns, by comma, of: {', '.join(CASES)}")
    parser.add_argument("--gateways", help="by comma: nginx, strictwire, command; twice is allowed")
    parser.add_argument("--command", help="another gateway, with {upstream_port} and {port}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures there")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a target is missed")
    options = parser.parse_args(arguments)
    for pattern in options.only.split(","):
        if not any(Plan(only=[pattern]).has(case) for case in CASES):
            parser.error(f"--only: no case is like {pattern!r}; there are {', '.join(CASES)}")
    return options


def _plan(options: argparse.Namespace, notes: list[str]) -> Plan:
    wanted = options.open * _DESCRIPTORS_PER_STREAM + _DESCRIPTORS_BESIDE
    allowed = raise_descriptor_limit(wanted)
    most = (allowed - _DESCRIPTORS_BESIDE) // _DESCRIPTORS_PER_STREAM
    if most < options.open:
        notes.append(f"Only {allowed} descriptors are allowed: memory was measured at {most} open.")
    return Plan(
        rounds=options.rounds,
        seconds=options.seconds,
        streams=options.streams,
        open_streams=min(options.open, most),
        chunks=options.chunks,
        only=options.only.split(","),
    )


def _commands(options: argparse.Namespace, notes: list[str]) -> dict[str, gateways.MakeCommand]:
    """What to start, by the name of its row; the second of the same name gets a number."""
    tested = "command" if options.command else "strictwire"
    commands: dict[str, gateways.MakeCommand] = {}
    nginx = gateways.find_nginx()
    for kind in (options.gateways or f"nginx,{tested}").split(","):
        name = kind if kind not in commands else f"{kind} ({len(commands) + 1})"
        match kind:
            case "nginx" if nginx is None:
                notes.append("nginx is not installed here: there is nothing to compare with.")
            case "nginx" if nginx is not None:
                commands[name] = gateways.nginx(nginx)
            case "strictwire":
                commands[name] = gateways.strictwire
            case "command" if options.command:
                commands[name] = gateways.command_line(options.command)
            case _:
                raise BenchError(f"--gateways: cannot start {kind!r}")
    return commands


def _describe_machine() -> str:
    nginx = gateways.find_nginx()
    version = gateways.nginx_version(nginx) if nginx else "no nginx"
    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, {version}"
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _print(suite: Suite, machine: str) -> None:
    plan = suite.plan
    print(table.render(suite.rows()))
    print(
        f"\nOne run on {machine}. Paced: {plan.streams} streams, a chunk per 20 ms each; flat: "
        f"{plan.flat_streams} streams.\nMedians of {plan.rounds} rounds of {plan.seconds:g} s; a "
        f"dot is not measured there; docs/benchmarks.md says how to read it."
    )
    for note in suite.notes:
        print(note)
    for miss in table.missed(suite.rows()):
        print(f"MISS {miss}")
    for problem in suite.problems:
        print(f"NOT MEASURED {problem}")


def _write_json(path: Path, suite: Suite, machine: str) -> None:
    told = {
        "machine": machine,
        "plan": asdict(suite.plan),
        "rows": table.plain(suite.rows()),
        "rounds": {name: [asdict(one) for one in many] for name, many in suite.rounds.items()},
        "notes": suite.notes,
        "problems": suite.problems,
    }
    path.write_text(json.dumps(told, indent=1) + "\n")


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    # By default SIGTERM would end the bench at once, and its gateways would live on.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    notes: list[str] = []
    try:
        plan, commands = _plan(options, notes), _commands(options, notes)
        with Worker("bench.upstream") as upstream, Worker("bench.load") as load:
            site = Site(upstream, load, upstream.ask("port")["port"])
            suite = Suite(site, plan, commands, _say, notes)
            suite.run()
            skipped = upstream.ask("state")["skipped_periods"]
            if skipped:
                notes.append(f"The machine stood still for over 20 ms {skipped} times.")
    except (BenchError, WorkerError) as problem:
        print(f"bench: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("bench: stopped", file=sys.stderr)
        return 128 + signal.SIGINT
    machine = _describe_machine()
    _print(suite, machine)
    if options.json:
        _write_json(options.json, suite, machine)
    if suite.problems:
        return 2
    return 1 if options.strict and table.missed(suite.rows()) else 0


if __name__ == "__main__":
    sys.exit(main())
