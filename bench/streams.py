"""The streams that the bench's upstream plays, rendered once as HTTP/1.1 chunks.

Pure. A stream is a prelude, a cycle that repeats for as long as asked, and an ending. Every text
that a stream carries begins with a space, and no other string in it does: so the two bytes
``TEXT_MARK`` count the texts that came through, whatever a gateway did to the JSON around them.

The tokens are short and vary in length. One in 32 ends in an escaped newline and one in 16 is not
ASCII, as in real prose: a gateway with a fast lane for plain text has to leave it now and then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count, islice
from itertools import cycle as endlessly
from typing import Literal

from bench import dialect_streams

Dialect = Literal["chat", "responses", "messages"]

TEXT_MARK = b'" '
# Where each dialect is asked for.
PATHS: dict[Dialect, str] = {
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "messages": "/v1/messages",
}

_ENVELOPE = (
    '{"id":"chatcmpl-bench0123456789abcdefghijklm","object":"chat.completion.chunk",'
    '"created":1700000000,"model":"bench-model","choices":[{"index":0,"delta":%s,'
    '"logprobs":null,"finish_reason":%s}]}'
)
_WORDS = re.findall(
    r"\w+",
    "the of and a to in is that it was for on are as with his they at be this from have or by "
    "one had not but what all were when we there can an your which their said if do will each",
)
_TOKENS_PER_CYCLE = 64


@dataclass(frozen=True, slots=True)
class Stream:
    """One kind of stream. Each piece is one frame in one HTTP chunk; ``ending`` has the last.

    ``pieces_per_text`` is how many pieces of the cycle carry one text. ``upstream`` is the dialect
    of the stream; ``client`` the one in which a gateway that translates is asked for it. A stream
    with ``first_number`` counts its pieces: those of the cycle are frames with a place for the
    number, and its ending repeats the text.
    """

    name: str
    prelude: bytes
    cycle: tuple[bytes, ...]
    ending: bytes
    pieces_per_text: int = 1
    upstream: Dialect = "chat"
    client: Dialect = "chat"
    first_number: int | None = None

    def forever(self) -> Iterator[bytes]:
        """The pieces, without end."""
        if self.first_number is None:
            return endlessly(self.cycle)
        numbered = zip(endlessly(self.cycle), count(self.first_number), strict=False)
        return (http_chunk(frame % number) for frame, number in numbered)

    def pieces(self, texts: int) -> tuple[bytes, ...]:
        """The pieces for so many texts, without prelude and ending."""
        return tuple(islice(self.forever(), texts * self.pieces_per_text))

    def end(self, texts: int) -> bytes:
        """What follows so many texts."""
        if self.first_number is None:
            return self.ending
        tokens = list(islice(endlessly(_tokens()), texts))
        return _chunked(dialect_streams.responses_ending(tokens)) + self.ending

    def whole(self, texts: int) -> bytes:
        """The body of a reply with so many texts."""
        return self.prelude + b"".join(self.pieces(texts)) + self.end(texts)


@dataclass(frozen=True, slots=True)
class Script:
    """What the upstream is asked to play; it travels in the request's ``model``.

    ``pace``: ``paced`` (a piece every 20 ms), ``flat`` (as fast as it is taken), ``whole`` (all in
    one write), ``hold`` (the texts at once, then silence) or ``silent`` (not even a status).
    ``texts`` of 0 means without end. ``mark`` names one request among many.
    """

    stream: str
    pace: str
    texts: int = 0
    mark: str = "0"

    def model(self) -> str:
        return f"bench.{self.stream}.{self.pace}.{self.texts}.{self.mark}"


_MODEL = re.compile(rb'"model"\s*:\s*"bench\.([a-z-]+)\.([a-z]+)\.(\d+)\.(\w+)"')


def find_script(body: bytes) -> Script | None:
    """The script that a request body asks for, or None when it names none."""
    found = _MODEL.search(body)
    if found is None or found[1].decode() not in STREAMS:
        return None
    return Script(found[1].decode(), found[2].decode(), int(found[3]), found[4].decode())


def http_chunk(data: bytes) -> bytes:
    """``data`` as one chunk of a chunked body (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def _piece(delta: str, finish: str) -> bytes:
    return http_chunk(f"data: {_ENVELOPE % (delta, finish)}\n\n".encode())


def _tokens() -> list[str]:
    words = list(islice(endlessly(_WORDS), _TOKENS_PER_CYCLE))
    words[9::16] = ["na\N{LATIN SMALL LETTER I WITH DIAERESIS}ve"] * len(words[9::16])
    words[20::32] = [r"end.\n"] * len(words[20::32])
    return [f" {word}" for word in words]


_LAST_HTTP_CHUNK = b"0\r\n\r\n"


def _healthy() -> Stream:
    return Stream(
        name="healthy",
        prelude=_piece('{"role":"assistant"}', "null"),
        cycle=tuple(_piece(f'{{"content":"{token}"}}', "null") for token in _tokens()),
        ending=_piece("{}", '"stop"') + http_chunk(b"data: [DONE]\n\n") + _LAST_HTTP_CHUNK,
    )


_EMPTY = '{"role":"assistant","content":""}'
_QUIRKY_ENDING = _piece(_EMPTY, '"stop"') + _LAST_HTTP_CHUNK


def _quirky() -> Stream:
    """Role and an empty finish reason in every chunk, and no ``[DONE]``."""
    deltas = (f'{{"role":"assistant","content":"{token}"}}' for token in _tokens())
    return Stream(
        name="quirky",
        prelude=_piece(_EMPTY, '""'),
        cycle=tuple(_piece(delta, '""') for delta in deltas),
        ending=_QUIRKY_ENDING,
    )


def _quirky_empty() -> Stream:
    """As quirky, with a chunk of empty content after every text."""
    pieces = []
    for text_piece in _quirky().cycle:
        pieces += [text_piece, _piece(_EMPTY, '""')]
    return Stream(
        name="quirky-empty",
        prelude=_piece(_EMPTY, '""'),
        cycle=tuple(pieces),
        ending=_QUIRKY_ENDING,
        pieces_per_text=2,
    )


def _quirky_reasoning() -> Stream:
    """Role, empty content and an empty finish reason around every piece of reasoning."""
    start = '{"role":"assistant","content":"","reasoning_content":"'
    return Stream(
        name="quirky-reasoning",
        prelude=_piece(_EMPTY, '""'),
        cycle=tuple(_piece(f'{start}{token}"}}', '""') for token in _tokens()),
        ending=_QUIRKY_ENDING,
    )


def _chunked(frames: list[bytes]) -> bytes:
    return b"".join(map(http_chunk, frames))


def _responses() -> Stream:
    return Stream(
        name="responses",
        prelude=_chunked(dialect_streams.responses_prelude()),
        cycle=tuple(dialect_streams.responses_delta(token) for token in _tokens()),
        ending=_LAST_HTTP_CHUNK,
        upstream="responses",
        client="responses",
        first_number=dialect_streams.FIRST_DELTA_NUMBER,
    )


def _messages() -> Stream:
    deltas = (dialect_streams.messages_delta(token) for token in _tokens())
    return Stream(
        name="messages",
        prelude=_chunked(dialect_streams.messages_prelude()),
        cycle=tuple(map(http_chunk, deltas)),
        ending=_chunked(dialect_streams.messages_ending()) + _LAST_HTTP_CHUNK,
        upstream="messages",
        client="messages",
    )


_PLAYED = (
    _healthy(),
    _quirky(),
    _quirky_empty(),
    _quirky_reasoning(),
    _responses(),
    _messages(),
    # The healthy stream, for clients of another dialect.
    replace(_healthy(), name="chat-to-responses", client="responses"),
    replace(_healthy(), name="chat-to-messages", client="messages"),
)
STREAMS = {stream.name: stream for stream in _PLAYED}
