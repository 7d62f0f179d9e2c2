"""What all tests share: how hard hypothesis tries, and the marker ``fuzz``.

``make test`` runs every test, property tests with few examples. ``make fuzz`` sets
``STRICTWIRE_FUZZ=1`` and runs those marked ``fuzz`` alone, with many.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

# No deadline: how long one example takes says more about the machine than about the code.
settings.register_profile(
    "quick", max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "fuzz", max_examples=5000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("fuzz" if os.environ.get("STRICTWIRE_FUZZ") == "1" else "quick")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "fuzz: a property test that is worth a long run (make fuzz)")
