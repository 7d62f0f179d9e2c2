"""Whether models can be run on this machine at all."""

from __future__ import annotations

import importlib.util
import sys


def missing_here() -> str:
    """What is missing, and the next step, in sentences; empty where nothing is."""
    if sys.platform == "win32":
        return (
            "The embedded engine needs unix sockets, which Python has not got on Windows. "
            "Run it under WSL, or use --upstream with a model server of its own."
        )
    # Looked for, not imported: the library itself is the child's.
    if importlib.util.find_spec("xllamacpp") is None:
        return (
            "The package xllamacpp is not installed. Install it (pip install xllamacpp), or "
            "use --upstream with a model server of its own."
        )
    return ""
