"""What a client is made with: typed keyword arguments -> settings that are checked once."""

from __future__ import annotations

import random
import secrets
import ssl
import time
from collections.abc import Mapping
from typing import TypedDict

from strictwire.client.asked import DialectChoice
from strictwire.client.exchange import Settings, Surroundings
from strictwire.client.patience import Retries, Timeouts
from strictwire.client.question import Address
from strictwire.config.secret import Secret
from strictwire.model.request import Promise
from strictwire.repairs import MODES

DEFAULT_MAX_REPLY_BYTES = 64 * 1024 * 1024


class ClientOptions(TypedDict, total=False):
    """``api_key`` goes out as bearer token (and as ``x-api-key`` in the dialect messages).
    ``headers`` go along with every request, and replace our own. ``rules`` are modes of repair
    rules by name, as in the gateway's settings. ``proxy`` is the URL of an HTTP proxy; those that
    the environment names are not used. ``tls`` is for certificates that need a
    context of their own. ``dialect`` is that of questions which name none."""

    api_key: str
    dialect: DialectChoice
    timeouts: Timeouts
    retries: Retries
    headers: Mapping[str, str]
    rules: Mapping[str, str]
    max_reply_bytes: int
    proxy: str
    tls: ssl.SSLContext


_OPTIONS = frozenset(ClientOptions.__annotations__)


def settings_of(base_url: str, options: ClientOptions) -> Settings:
    """Raises TypeError and ValueError."""
    unknown = sorted(options.keys() - _OPTIONS)
    if unknown:
        raise TypeError(f"unknown argument {unknown[0]!r}")
    rules = dict(options.get("rules", {}))
    for rule, mode in rules.items():
        if mode not in MODES.get(rule, ()):
            known = ", ".join(MODES.get(rule, ())) or "no such rule"
            raise ValueError(f"rules: {rule!r} cannot be {mode!r} ({known})")
    max_reply_bytes = options.get("max_reply_bytes", DEFAULT_MAX_REPLY_BYTES)
    if max_reply_bytes <= 0:
        raise ValueError("max_reply_bytes must be more than 0")
    key = options.get("api_key")
    return Settings(
        address=Address(
            base_url=base_url,
            key=Secret(key) if key else None,
            headers=dict(options.get("headers", {})),
        ),
        promise=Promise(id="", created=0, model="", modes=rules, max_reply_bytes=max_reply_bytes),
        timeouts=options.get("timeouts", Timeouts()),
        retries=options.get("retries", Retries()),
    )


def real_surroundings() -> Surroundings:
    """Chance spreads clients over time; no secret rests on it."""
    return Surroundings(
        clock_s=time.monotonic,
        now_s=time.time,
        chance=random.random,
        new_id=lambda: secrets.token_hex(12),
    )
