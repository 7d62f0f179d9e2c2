"""The other paths of OpenAI: images, audio, files, moderations, rerank. Bodies of any size.

Contract: ``find`` says which row serves a method and path. A row's reply follows from the request
alone. Of a body only its beginning is kept, enough to find the model's name; of all of it the
size and a digest are told, in the reply's headers and in its object, to prove what arrived.

The model's name, in the body or in the query, chooses one of chat's early errors by its name, such
as ``error-429``, or the way to play the reply (``tts@fault=cut:300``); any other name is healthy.
A file's id may say how many bytes its content has: ``file-1048576``.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs

from strictwire.lab.ask import LAB_CREATED
from strictwire.lab.script import Json, Repeated, Reply, json_reply
from strictwire.model.errors import CallerError

# Of a streamed body; the model's name is sought here and not beyond.
MAX_KEPT_HEAD_BYTES = 64 * 1024
# A file of so many bytes whose id says nothing else.
FILE_BYTES = 3_000
MAX_FILE_BYTES = 1 << 40
SPEECH_PIECES = 24
# One piece of a binary body: every byte there is, so that no text decoding goes unnoticed.
BLOCK = bytes(range(256)) * 4
_FILE_ID = re.compile(r"file-(\d{1,13})")
_FORM_MODEL = re.compile(rb'name="model"[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n([^\r\n]{1,200})\r\n')


@dataclass(frozen=True, slots=True)
class PlainAsk:
    """``head`` is the body's beginning, ``rest`` what the path says after its row's own part."""

    query: str
    content_type: str
    head: bytes
    body_bytes: int
    body_sha256: str
    rest: str = ""

    @property
    def model(self) -> str:
        """From the query, the JSON body or the form, in this order; "" where none is told."""
        asked = parse_qs(self.query).get("model")
        if asked:
            return asked[0]
        if self.content_type.startswith("multipart/"):
            found = _FORM_MODEL.search(self.head)
            return found[1].decode("utf-8", "replace") if found else ""
        model = self.fields.get("model")
        return model if isinstance(model, str) else ""

    @property
    def fields(self) -> Json:
        """The JSON body; {} where it is none, or too long to be kept."""
        try:
            value = json.loads(self.head)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True)
class PlainRow:
    """``path`` is a pattern without ``/v1``; its one group is the ask's ``rest``."""

    method: str
    path: str
    reply: Callable[[PlainAsk], Reply]


def find(method: str, path: str) -> tuple[PlainRow, str] | None:
    """The row for a request, and what its path says. Raises ``CallerError`` (405) where only the
    method is wrong; None where the path is none of ours."""
    bare = path.removeprefix("/v1")
    rows = [(row, found) for row in ROWS if (found := re.fullmatch(row.path, bare))]
    for row, found in rows:
        if row.method == method:
            return row, next(iter(found.groups()), "")
    if rows:
        methods = " or ".join(row.method for row, _ in rows)
        message = f"the method must be {methods}"
        raise CallerError(message, status=405, code="method_not_allowed")
    return None


def streams_at(path: str) -> bool:
    """Whether a body sent there may be of any size."""
    bare = path.removeprefix("/v1")
    return any(re.fullmatch(row.path, bare) for row in ROWS)


# ---- replies ----


def _image(ask: PlainAsk) -> Reply:
    count = ask.fields.get("n")
    times = count if isinstance(count, int) and 1 <= count <= 10 else 1
    image = {"b64_json": base64.b64encode(BLOCK).decode(), "revised_prompt": "a lab"}
    return json_reply({"created": LAB_CREATED, "data": [image] * times})


def _speech(ask: PlainAsk) -> Reply:
    """A binary stream, one piece a beat; ``@pace=20ms`` makes it slow."""
    return Reply((BLOCK,) * SPEECH_PIECES, content_type="audio/mpeg", body="chunked")


def _transcription(ask: PlainAsk) -> Reply:
    return json_reply({"text": f"{ask.body_bytes} bytes were heard.", **_proof(ask)})


def _file(ask: PlainAsk, *, identity: str, size_bytes: int) -> Json:
    return {
        "id": identity,
        "object": "file",
        "bytes": size_bytes,
        "created_at": LAB_CREATED,
        "filename": "lab.bin",
        "purpose": "assistants",
        "status": "processed",
    }


def _upload(ask: PlainAsk) -> Reply:
    told = _file(ask, identity=f"file-{ask.body_bytes}", size_bytes=ask.body_bytes)
    return json_reply({**told, **_proof(ask)})


def _files(ask: PlainAsk) -> Reply:
    told = _file(ask, identity=f"file-{FILE_BYTES}", size_bytes=FILE_BYTES)
    return json_reply({"object": "list", "data": [told], "has_more": False})


def _one_file(ask: PlainAsk) -> Reply:
    return json_reply(_file(ask, identity=ask.rest, size_bytes=_size_of_file(ask.rest)))


def _deleted(ask: PlainAsk) -> Reply:
    return json_reply({"id": ask.rest, "object": "file", "deleted": True})


def _content(ask: PlainAsk) -> Reply:
    """As many bytes as the file's id says, made while they are sent."""
    whole, rest = divmod(_size_of_file(ask.rest), len(BLOCK))
    pieces = (Repeated(BLOCK, whole), BLOCK[:rest])
    return Reply(pieces, content_type="application/octet-stream", body="length")


def _size_of_file(identity: str) -> int:
    found = _FILE_ID.fullmatch(identity)
    return min(int(found[1]), MAX_FILE_BYTES) if found else FILE_BYTES


def _moderation(ask: PlainAsk) -> Reply:
    result = {
        "flagged": False,
        "categories": {"violence": False},
        "category_scores": {"violence": 0.01},
        "category_applied_input_types": {"violence": ["text"]},
    }
    return json_reply({"id": "modr-lab", "model": ask.model, "results": [result]})


def _rerank(ask: PlainAsk) -> Reply:
    documents = ask.fields.get("documents")
    count = len(documents) if isinstance(documents, list) else 0
    results = [{"index": at, "relevance_score": 1 / (at + 1)} for at in range(count)]
    return json_reply({"id": "rerank-lab", "model": ask.model, "results": results})


def _proof(ask: PlainAsk) -> Json:
    return {"lab_body_bytes": ask.body_bytes, "lab_body_sha256": ask.body_sha256}


_FILE = r"/files/([\w.-]+)"

ROWS = (
    PlainRow("POST", r"/images/(generations|edits|variations)", _image),
    PlainRow("POST", r"/audio/speech", _speech),
    PlainRow("POST", r"/audio/(transcriptions|translations)", _transcription),
    PlainRow("POST", r"/files", _upload),
    PlainRow("GET", r"/files", _files),
    PlainRow("GET", _FILE, _one_file),
    PlainRow("DELETE", _FILE, _deleted),
    PlainRow("GET", _FILE + "/content", _content),
    PlainRow("POST", r"/moderations", _moderation),
    PlainRow("POST", r"/rerank", _rerank),
)
