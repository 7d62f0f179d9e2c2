"""How long this client waits, and how often it asks again. Pure: chance is a parameter."""

from __future__ import annotations

from dataclasses import dataclass

from strictwire.client.errors import ClientError


@dataclass(frozen=True, slots=True)
class Timeouts:
    """In seconds. ``first_byte_s`` is the wait for the head of a reply: local servers read a long
    prompt before they send one. ``idle_s`` is a silence inside a reply; keepalives end it.
    ``event_s`` bounds a reply of which only keepalives come. ``linger_s`` is how long the tail of a
    reply that is finished is awaited (usage, a terminal)."""

    connect_s: float = 10.0
    first_byte_s: float = 600.0
    idle_s: float = 300.0
    event_s: float = 1800.0
    linger_s: float = 1.0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be more than 0 seconds")


@dataclass(frozen=True, slots=True)
class Retries:
    """``count`` more tries after the first, each after the server's own hint, or after a wait
    that doubles from ``backoff_s``. A hint of more than ``max_wait_s`` is not waited for: the
    error goes to the caller, who finds it in ``retry_after_s``."""

    count: int = 2
    backoff_s: float = 0.5
    max_backoff_s: float = 8.0
    max_wait_s: float = 60.0

    def __post_init__(self) -> None:
        if self.count < 0 or min(self.backoff_s, self.max_backoff_s, self.max_wait_s) < 0:
            raise ValueError("the settings of Retries must not be negative")

    def wait_s(self, error: ClientError, tries: int, chance: float) -> float | None:
        """How long to wait before the next try, None where there is none. ``tries`` have failed;
        ``chance`` (0 to 1) spreads clients that failed together, over a quarter of the wait."""
        if not error.is_retryable or tries > self.count:
            return None
        if error.retry_after_s is not None:
            # Never earlier than told: who comes early is refused again.
            return error.retry_after_s if error.retry_after_s <= self.max_wait_s else None
        # No exponent beyond which the bound holds anyway.
        wait_s = min(self.max_backoff_s, self.backoff_s * 2.0 ** min(tries - 1, 30))
        return wait_s * (1 - 0.25 * chance)
