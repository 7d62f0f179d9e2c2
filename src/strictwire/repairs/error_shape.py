"""Any server's error, in OpenAI's shape. Used for errors inside a stream and for error replies."""

from __future__ import annotations

import json
from typing import Any


def shape_error(error: Any) -> dict[str, Any]:
    """OpenAI's four fields, and the HTTP status where the code was one."""
    if not isinstance(error, dict):
        text = _as_sentence(error)
        return {"message": text, "type": "upstream_error", "param": None, "code": None}
    message = error.get("message") or error.get("detail") or error.get("msg")
    message = _as_sentence(message if message is not None else error)
    code, kind, param = error.get("code"), error.get("type"), error.get("param")
    shaped: dict[str, Any] = {
        "message": message,
        "type": kind if isinstance(kind, str) and kind else "upstream_error",
        "param": param if isinstance(param, str) else None,
        "code": None if code is None else str(code),
    }
    status = error.get("status", code)
    if isinstance(status, int) and not isinstance(status, bool) and 400 <= status < 600:
        shaped["status"] = status
    return shaped


def _as_sentence(value: Any) -> str:
    """Text as it is; FastAPI's list as "place: problem", without the input that it echoes."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        return "; ".join(
            f"{'.'.join(map(str, one.get('loc') or ('request',)))}: {one.get('msg', 'is wrong')}"
            for one in value
        )
    return json.dumps(value)
