"""Readings of other processes: CPU time and resident memory of a process and its children.

Linux only: it reads ``/proc`` and the kernel's per-process CPU clocks.
"""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

_PROC = Path("/proc")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# What clock_getcpuclockid(3) computes: the process's own clock, all its threads together.
_PROCESS_CLOCK = 2


def _stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the command name, which may hold anything (proc(5))."""
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def process_tree(root_pid: int) -> list[int]:
    """The process and all that descend from it, now."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            try:
                parent_pid = int(_stat_fields(int(entry.name))[1])
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended while we looked
            children.setdefault(parent_pid, []).append(int(entry.name))
    tree = [root_pid]
    for pid in tree:  # grows while it is walked
        tree += children.get(pid, [])
    return tree


def cpu_s(pids: list[int]) -> float:
    """CPU time, user and system, that the processes have used since they began."""
    return sum(_process_cpu_s(pid) for pid in pids)


def _process_cpu_s(pid: int) -> float:
    # The same sum as utime + stime of /proc/PID/stat, in nanoseconds instead of ticks of 10 ms,
    # which would be several percent of what a gateway uses in a short round.
    try:
        return time.clock_gettime((~pid << 3) | _PROCESS_CLOCK)
    except OSError:
        fields = _stat_fields(pid)
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def resident_bytes(pids: list[int]) -> int:
    """Resident memory of the processes, summed; pages that they share count for each."""
    return sum(_process_resident_bytes(pid) for pid in pids)


def _process_resident_bytes(pid: int) -> int:
    # smaps_rollup walks the pages and is exact; statm may lag by some pages per core.
    try:
        for line in (_PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return int((_PROC / str(pid) / "statm").read_text().split()[1]) * _PAGE_BYTES


def open_descriptors(pids: list[int]) -> int:
    """How many descriptors the processes hold, summed."""
    return sum(len(list((_PROC / str(pid) / "fd").iterdir())) for pid in pids)


def raise_descriptor_limit(wanted: int) -> int:
    """Allow this process, and those it starts, up to ``wanted`` descriptors; tells how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        return limit
    return soft if soft != resource.RLIM_INFINITY else wanted
