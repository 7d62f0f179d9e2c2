"""The one table: rows of figures to aligned text, or to plain data for ``--json``.

Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.figures import Figure

# Key, heading. The order of the table.
COLUMNS = (
    ("cpu_us_per_chunk", "CPU us/chunk"),
    ("ratio_to_nginx", "x nginx"),
    ("chunks_per_s", "chunks/s"),
    ("first_token_p50_ms", "first token +p50 ms"),
    ("first_token_p99_ms", "+p99 ms"),
    ("kb_per_stream", "kB/open stream"),
    ("disconnect_p99_ms", "disconnect p99 ms"),
    ("growth_mb", "MB grown in 1M"),
    ("slot_free_p99_ms", "slot free p99 ms"),
    ("descriptors_left", "descriptors left"),
    ("soak_growth_mb", "MB grown in the soak"),
)
_NOT_MEASURED = "."


@dataclass(slots=True)
class Row:
    """One gateway on one kind of stream at one pace."""

    stream: str
    pace: str
    gateway: str
    figures: dict[str, Figure] = field(default_factory=dict)


def render(rows: Sequence[Row]) -> str:
    """The table as text; columns that no row fills are left out, groups are set apart."""
    columns = [(key, head) for key, head in COLUMNS if any(key in row.figures for row in rows)]
    lines = [["stream", "pace", "gateway", *(head for _, head in columns)]]
    for row in rows:
        cells = [str(row.figures.get(key, _NOT_MEASURED)) for key, _ in columns]
        lines.append([row.stream, row.pace, row.gateway, *cells])
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    texts = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
    printed = [texts[0], "  ".join("-" * width for width in widths)]
    for number, (row, text) in enumerate(zip(rows, texts[1:], strict=True)):
        before = rows[number - 1]
        if number and (before.stream, before.pace) != (row.stream, row.pace):
            printed.append("")
        printed.append(text)
    return "\n".join(printed)


def missed(rows: Sequence[Row]) -> list[str]:
    """The targets that were not reached, one line each."""
    heads = dict(COLUMNS)
    return [
        f"{row.gateway}, {row.stream} {row.pace}: {heads[key]} {figure}"
        for row in rows
        for key, figure in row.figures.items()
        if figure.is_missed
    ]


def plain(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows as JSON-ready data."""
    return [
        {
            "stream": row.stream,
            "pace": row.pace,
            "gateway": row.gateway,
            "figures": {
                key: {"value": figure.value, "limit": figure.limit, "missed": figure.is_missed}
                for key, figure in row.figures.items()
            },
        }
        for row in rows
    ]
