"""Any server's error, in OpenAI's shape. Used for errors inside a stream and for error replies."""

from __future__ import annotations

import json
from typing import Any


def error_in(value: dict[str, Any], *, is_named_error: bool = False) -> Any | None:
    """What an object that is no part of a reply tells of an error; None where it tells none.

    ``message`` alone is no sign: status reports have one too. ``is_named_error``: it came in an
    event of that name.
    """
    if value.get("detail") or value.get("errors"):
        return value.get("detail") or value["errors"]
    words = value.get("error_msg") or value.get("error_message")
    if words:
        return {"message": words, "code": value.get("error_code", value.get("code"))}
    if is_named_error or value.get("object") == "error" or value.get("success") is False:
        return value
    if isinstance(value.get("message"), str) and _looks_like_an_error(value):
        return value
    return None


def _looks_like_an_error(value: dict[str, Any]) -> bool:
    kind, code = value.get("type"), value.get("code")
    if value.keys() == {"message"} or (isinstance(kind, str) and "error" in kind.lower()):
        return True
    statuses = (value.get(name) for name in ("code", "status", "status_code", "statusCode"))
    if any(type(status) is int and status >= 400 for status in statuses):
        return True
    return isinstance(code, str) and bool(code) and code != "200"


def shape_error(error: Any) -> dict[str, Any]:
    """OpenAI's four fields, and the HTTP status where the code was one."""
    if not isinstance(error, dict):
        text = _as_sentence(error)
        return {"message": text, "type": "upstream_error", "param": None, "code": None}
    message = error.get("message") or error.get("detail") or error.get("msg")
    message = _as_sentence(message if message is not None else error) + _lengths(error)
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


def _lengths(error: dict[str, Any]) -> str:
    """llama.cpp tells beside its words how long the prompt and the context are: an agent that must
    shorten the one needs both, and its words do not always have them."""
    counts = (error.get("n_prompt_tokens"), error.get("n_ctx"))
    told = str(error.get("message"))
    if any(type(count) is not int for count in counts) or all(str(n) in told for n in counts):
        return ""
    return f" (the prompt has {counts[0]} tokens, the context {counts[1]})"


def _as_sentence(value: Any) -> str:
    """Text as it is; FastAPI's list as "place: problem", without the input that it echoes."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        return "; ".join(map(_as_problem, value))
    return json.dumps(value)


def _as_problem(one: dict[str, Any]) -> str:
    message = one.get("message")
    if isinstance(message, str):
        return message
    place = ".".join(map(str, one.get("loc") or ("request",)))
    return f"{place}: {one.get('msg', 'is wrong')}"
