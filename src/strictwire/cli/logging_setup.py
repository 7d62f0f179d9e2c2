"""The log of a process: standard error, one line per record, secrets blotted out.

Contract: what is logged should hold no secret in the first place; the filter is the last net. It
sees messages, arguments, tracebacks and stack dumps. A line break inside a record is escaped, so
that nothing from outside can forge a second record.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from typing import TextIO

from strictwire.config.secret import MASK

LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"
# A shorter secret would blot out half of every line ("a", "on"), and protects nothing anyway.
MIN_SECRET_CHARS = 4


class SecretFilter(logging.Filter):
    """Blots out known secrets. It never drops a record."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        # The longest first: a secret may be a part of another.
        known = {text for text in secrets if len(text) >= MIN_SECRET_CHARS}
        self._secrets = sorted(known, key=lambda text: (-len(text), text))
        self._formatter = logging.Formatter()

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = self._blotted(record.getMessage())
        record.args = None
        if record.exc_info and not record.exc_text:
            record.exc_text = self._formatter.formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = self._blotted(record.exc_text)
        if record.stack_info:
            record.stack_info = self._blotted(record.stack_info)
        return True

    def _blotted(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text


class OneLineFormatter(logging.Formatter):
    """A record in one line, its traceback included."""

    def format(self, record: logging.LogRecord) -> str:
        if record.name == "uvicorn.error":
            # uvicorn's only logger beside the access log: "error" misleads on a line of INFO.
            record.name = "uvicorn"
        line = super().format(record)
        return line.replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n")


def set_up_logging(level: str, secrets: Iterable[str], stream: TextIO | None = None) -> None:
    """Send this process's log to ``stream`` (standard error) from ``level`` on.

    Call it once per process; a second call replaces the first.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(OneLineFormatter(LINE))
    # At the handler, not at a logger: a logger's filter does not see its children's records.
    handler.addFilter(SecretFilter(secrets))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
