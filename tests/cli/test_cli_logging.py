"""The log: one line per record, no secrets."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from strictwire.cli.logging_setup import set_up_logging

SECRETS = ["sk-dummy-1", "sk-dummy-1-longer", "Bearer sk-dummy-2", "ab", ""]
LOGGER = logging.getLogger("strictwire.test.child")


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    set_up_logging("info", SECRETS, stream)
    yield stream
    root.handlers[:], root.level = handlers, level


def test_a_record_is_a_line(log: io.StringIO) -> None:
    LOGGER.info("one %s", "two\nERROR root: forged\r")
    LOGGER.debug("unseen")
    (line,) = log.getvalue().splitlines()
    assert line.endswith(r"INFO strictwire.test.child: one two\nERROR root: forged\r")


def test_secrets_are_blotted_out_wherever_they_stand(log: io.StringIO) -> None:
    LOGGER.info("key sk-dummy-1-longer")
    LOGGER.info("header %s of %d", "Bearer sk-dummy-2", 3)
    LOGGER.info({"key": "sk-dummy-1"})
    try:
        raise ValueError("sk-dummy-1")
    except ValueError:
        LOGGER.exception("failed", stack_info=True)
    text = log.getvalue()
    assert "dummy" not in text
    assert "longer" not in text
    assert "key ***" in text
    assert "header *** of 3" in text
    assert "ValueError: ***" in text
    assert len(text.splitlines()) == 4


def test_short_secrets_do_not_blot_out_words(log: io.StringIO) -> None:
    LOGGER.info("about")
    assert "about" in log.getvalue()


def test_a_second_call_replaces_the_first(log: io.StringIO) -> None:
    other = io.StringIO()
    set_up_logging("error", [], other)
    LOGGER.warning("unseen")
    LOGGER.error("seen")
    assert log.getvalue() == ""
    assert len(other.getvalue().splitlines()) == 1


def test_uvicorns_only_logger_does_not_call_every_line_an_error(log: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").info("Started")
    assert log.getvalue().endswith(" INFO uvicorn: Started\n")
