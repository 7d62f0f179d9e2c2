"""The folders that engines have their sockets in: a fresh one for each, and none left behind.

Contract: ``make_folder`` makes one that this user alone may enter, so that no key is needed on the
sockets in it. A parent that was killed could not remove its own: the next to come does.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from pathlib import Path

# What a unix socket's address holds on macOS, less the name of the socket (sys/un.h: 104 bytes,
# and 108 on Linux).
MAX_FOLDER_BYTES = 90
# A folder that was touched since may be that of an engine which is just being started.
LEFT_AFTER_S = 60.0

_PREFIX = "strictwire-engine-"


def make_folder() -> Path:
    """A fresh folder with a short path. Removes what others left."""
    place = Path(tempfile.gettempdir())
    prefix = f"{_PREFIX}{os.getpid()}-"
    if len(os.fsencode(place / prefix)) + 10 > MAX_FOLDER_BYTES:
        place = Path("/tmp")  # noqa: S108 - the folder in it is private
    for folder in place.glob(f"{_PREFIX}*"):
        if _is_left(folder):
            shutil.rmtree(folder, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=prefix, dir=place))


def _is_left(folder: Path) -> bool:
    """Whether nobody uses it any more. Its name tells the process that made it; in another
    container that process may live all the same, and then something listens on its socket."""
    try:
        status = folder.lstat()
        if status.st_uid != os.getuid() or time.time() - status.st_mtime < LEFT_AFTER_S:
            return False
        os.kill(int(folder.name.removeprefix(_PREFIX).split("-")[0]), 0)
    except ProcessLookupError:
        return not any(_is_listening(path) for path in folder.glob("*.sock"))
    except (OSError, ValueError):
        return False
    return False


def _is_listening(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as asking:
        asking.setblocking(False)
        try:
            asking.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True  # it is there, and busy
    return True
