"""A settings file's text from the disk. What the text means is for ``strictwire.config``."""

from __future__ import annotations

from pathlib import Path

from strictwire.config import Problem, SettingsError

# A thousand providers fit in; a log file or a device named by mistake does not.
MAX_FILE_BYTES = 4 * 1024 * 1024


def read_settings_text(path: Path) -> str:
    """The file's text. ``OSError`` if it cannot be read, ``SettingsError`` if it is not text."""
    with path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        message = f"larger than {MAX_FILE_BYTES} bytes: not a settings file"
        raise SettingsError([Problem(1, 1, "", message, source=str(path))])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        message = "not UTF-8"
        raise SettingsError([Problem(line, column, "", message, source=str(path))]) from None
