"""Puts the stand of ``tests/net`` on the path; these tests are about the same gateway."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
