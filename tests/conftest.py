"""What all tests share: how hard hypothesis tries, and the marker ``properties``.

``make test`` runs every test, property tests with few examples. ``make properties`` sets
``STRICTWIRE_PROPERTIES=1`` and runs those marked ``properties`` alone, with many.
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
    "many", max_examples=5000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("many" if os.environ.get("STRICTWIRE_PROPERTIES") == "1" else "quick")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "properties: a property test that is worth a long run (make properties)"
    )
