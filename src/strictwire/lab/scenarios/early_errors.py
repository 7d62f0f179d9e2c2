"""Errors before the reply: an HTTP status with a body in every shape that servers use.

They answer streams and whole replies alike. ``error-401``, ``error-429`` and ``error-500`` have
OpenAI's shape; ``error-429-string`` and so on have the same status in another one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from strictwire.lab.scenarios.scenario import ExpectedError, Scenario, always
from strictwire.lab.script import Reply, error_value, json_reply

HTML = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
)
_FIELD_REQUIRED = {"type": "missing", "loc": ["body", "messages"], "msg": "Field required"}


@dataclass(frozen=True, slots=True)
class _Fault:
    """One thing that goes wrong, in words, and with OpenAI's code."""

    status: int
    message: str
    type: str
    code: str
    minimax_code: int


_FAULTS = (
    _Fault(
        401,
        "Incorrect API key provided.",
        "invalid_request_error",
        "invalid_api_key",
        1004,
    ),
    _Fault(
        429,
        "Rate limit reached. Please try again in 7s.",
        "rate_limit_error",
        "rate_limit_exceeded",
        1002,
    ),
    _Fault(500, "Something went wrong.", "server_error", "internal_error", 1000),
)


@dataclass(frozen=True, slots=True)
class _Shape:
    """One server's way to say an error; ``title`` follows the status."""

    name: str
    title: str
    quirks: tuple[int, ...]
    reply: Callable[[_Fault], Reply]


def _json(value: Callable[[_Fault], object]) -> Callable[[_Fault], Reply]:
    return lambda fault: json_reply(value(fault), status=fault.status)


def _html(fault: _Fault) -> Reply:
    page = b"<html><body><h1>%d</h1></body></html>" % fault.status
    return Reply((page,), status=fault.status, content_type="text/html")


def _text(fault: _Fault) -> Reply:
    text = fault.message.encode()
    return Reply((text,), status=fault.status, content_type="text/plain; charset=utf-8")


def _openrouter(fault: _Fault) -> object:
    provider = {"provider_name": "Lab", "raw": fault.message}
    told = {"message": "Provider returned error", "code": fault.status, "metadata": provider}
    return {"error": told, "user_id": "user_lab"}


_SHAPES = (
    _Shape("string", '{"error": "text"}', (67, 88), _json(lambda f: {"error": f.message})),
    _Shape("detail", '{"detail": "text"}', (67,), _json(lambda f: {"detail": f.message})),
    _Shape(
        "detail-list",
        '{"detail": [...]}',
        (67, 89),
        _json(lambda f: {"detail": [_FIELD_REQUIRED | {"msg": f.message}]}),
    ),
    _Shape("message", '{"message": "text"}', (67,), _json(lambda f: {"message": f.message})),
    _Shape("text", "plain text", (89,), _text),
    _Shape("html", "an HTML page", (71,), _html),
    _Shape(
        "empty",
        "an empty body",
        (67,),
        lambda f: Reply((), status=f.status, content_type=None),
    ),
    _Shape(
        "base-resp",
        "MiniMax's base_resp",
        (69,),
        _json(lambda f: {"base_resp": {"status_code": f.minimax_code, "status_msg": f.message}}),
    ),
    _Shape("openrouter", "OpenRouter's metadata", (66,), _json(_openrouter)),
)


def _early(
    name: str, title: str, reply: Reply, *, code: str | None = None, quirks: tuple[int, ...] = ()
) -> Scenario:
    failure = ExpectedError(reply.status, code, retry_after=dict(reply.headers).get("retry-after"))
    return Scenario(
        name=name,
        title=title,
        quirks=quirks,
        stream=always(reply),
        whole=always(reply),
        failure=failure,
        whole_failure=failure,
        is_early_error=True,
    )


def _in_openais_shape(fault: _Fault) -> Scenario:
    told = error_value(fault.message, type=fault.type, code=fault.code)
    headers = (("retry-after", "7"),) if fault.status == 429 else ()
    reply = json_reply(told, status=fault.status, headers=headers)
    return _early(
        f"error-{fault.status}", f"{fault.status} in OpenAI's shape", reply, code=fault.code
    )


_MATRIX = tuple(
    _early(
        f"error-{fault.status}-{shape.name}",
        f"{fault.status} with {shape.title}",
        shape.reply(fault),
        quirks=shape.quirks,
    )
    for fault in _FAULTS
    for shape in _SHAPES
)

ROWS = (
    *map(_in_openais_shape, _FAULTS),
    *_MATRIX,
    _early(
        "error-404-model",
        "404, no such model",
        json_reply(
            error_value(
                "The model does not exist.",
                type="invalid_request_error",
                param="model",
                code="model_not_found",
            ),
            status=404,
        ),
        code="model_not_found",
    ),
    _early(
        "error-code-number",
        "500 with a number as its code",
        json_reply(error_value("Something went wrong.", type="server_error", code=500), status=500),
        quirks=(87, 90),
    ),
    _early(
        "error-503",
        "503 while the model loads",
        json_reply(
            error_value("Loading model", type="unavailable_error", code=503),
            status=503,
            headers=(("retry-after", "2"),),
        ),
        quirks=(87,),
    ),
    _early(
        "error-context",
        "400, the prompt is longer than the context",
        json_reply(
            error_value(
                "This model's maximum context length is 4096 tokens, but 5000 were given.",
                type="invalid_request_error",
                param="messages",
                code="context_length_exceeded",
            ),
            status=400,
        ),
        code="context_length_exceeded",
    ),
    _early(
        "error-html",
        "502 with an HTML page",
        Reply((HTML,), status=502, content_type="text/html"),
        quirks=(71,),
    ),
    _early(
        "error-text",
        "500, in plain text that says no more",
        Reply((b"Internal Server Error",), status=500, content_type="text/plain; charset=utf-8"),
        quirks=(89,),
    ),
    _early(
        "error-empty",
        "502 with an empty body",
        Reply((), status=502, content_type=None),
    ),
    _early(
        "error-422",
        '422 with {"detail": [...]}',
        json_reply({"detail": [_FIELD_REQUIRED]}, status=422),
        quirks=(67, 89),
    ),
    _early(
        "error-400-message",
        '400 with {"message": ...}',
        json_reply({"message": "temperature is too high"}, status=400),
        quirks=(67,),
    ),
    _early(
        "error-404-string",
        '404 with {"error": "text"}',
        json_reply({"error": "model not found"}, status=404),
        quirks=(67, 88),
    ),
)
