"""One HTTP/1.1 reply: bytes in, its head once and its body as it comes out. No I/O, no clock.

Contract: ``feed`` takes any split and returns the body bytes it completed, joined. After each call
look at ``head`` (take it, it is handed over once), then at the returned body, then at ``is_over``;
``failure`` then tells a reply that ended from one that broke. ``finish`` says the peer closed, and
ends a body that has no other end: httptools does not. Interim replies (1xx) are skipped,
content codings undone. It does not follow redirects nor judge the status.
"""

from __future__ import annotations

import httptools

from strictwire.model.errors import PeerError
from strictwire.net.upstream import failures
from strictwire.net.upstream.content_decoder import ContentDecoder, ContentError, decoder_for

# Bytes in a row that are no body: the head with its interim replies, a chunk's extensions, the
# trailers. Real heads are under 4 KiB; 64 KiB is what the most generous servers accept.
MAX_HEADER_BYTES = 64 * 1024

# Real replies have 10 to 40 fields. Each costs a Python object, so bytes alone are no bound.
MAX_HEADER_COUNT = 256

_NO_BODY_STATUSES = frozenset({204, 304})


# The size lines of a stream's chunks, as servers write them: two or three digits, one case of
# letters. What is not among them goes the ordinary way.
SIZE_LINES = {form % size: size for size in range(16, 4096) for form in (b"%x\r\n", b"%X\r\n")}


class _Stop(Exception):  # noqa: N818 - no error: it ends a run of the parser
    """Nothing after this byte matters; what happened stands in the reader's fields."""


class ReplyReader:
    """Reads the reply to one request; then it is spent.

    ``head`` has lower-case names; if a content coding was undone, its header and the length that
    it belied are left out. ``is_reusable`` counts only once ``is_over``.
    """

    __slots__ = (
        "_decoder",
        "_expects_body",
        "_header_bytes",
        "_headers",
        "_is_complete",
        "_is_interim",
        "_is_until_close",
        "_parser",
        "_pieces",
        "_quiet_bytes",
        "_undoes_coding",
        "failure",
        "has_begun",
        "head",
        "is_between_chunks",
        "is_over",
        "is_reusable",
        "on_body",
    )

    def __init__(self, method: str, *, undoes_coding: bool = True) -> None:
        self._undoes_coding = undoes_coding
        self._decoder: ContentDecoder | None = None
        self._expects_body = method != "HEAD"
        self._header_bytes = 0
        self._headers: list[tuple[bytes, bytes]] | None = []  # None: the head was read
        # Between two chunks the parser waits for a size line, before a whole chunk as after it
        # (RFC 9112, section 7.1): so it need not see one, if there is nothing else to do with it.
        self.is_between_chunks = False
        self._is_complete = False
        self._is_interim = False
        self._is_until_close = False
        self._pieces: list[bytes] = []
        self._quiet_bytes = 0
        self.failure: PeerError | None = None
        self.has_begun = False
        self.head: tuple[int, list[tuple[bytes, bytes]]] | None = None
        self.is_over = False
        self.is_reusable = False
        # The parser calls this for every piece: a C method instead of a Python frame.
        self.on_body = self._pieces.append
        self._parser = httptools.HttpResponseParser(self)
        # What small hand-made servers send, each harmless where the connection is ours alone:
        # LF for CRLF (RFC 9112, 2.2), blanks after a chunk size, and a length beside chunks,
        # which the chunks overrule (RFC 9112, 6.3).
        self._parser.set_dangerous_leniencies(
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
            lenient_chunked_length=True,
        )

    def feed(self, data: bytes) -> bytes:
        """Read on; returns the body bytes that are new."""
        self.has_begun = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._note_parser_error(error)
        # A chunk's end may be followed by a part of the next size line, which has no line end.
        if self.is_between_chunks and not data.endswith(b"\r\n"):
            self.is_between_chunks = False
        pieces = self._pieces
        if not pieces:
            body = b""
            self._note_quiet(len(data))
        else:
            body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            pieces.clear()
            self._quiet_bytes = 0
            if self._decoder is not None:
                body = self._decode(body)
        if self._is_complete:
            self._end()
        return body

    def finish(self) -> None:
        """The peer closed in an orderly way."""
        if self.is_over:
            return
        if self._is_until_close:
            self._end()
        else:
            self._fail(failures.closed(self._phase()))

    def lose(self) -> None:
        """The connection broke."""
        if not self.is_over:
            self._fail(failures.reset(self._phase()))

    def discard_body(self) -> None:
        """Nobody listens any more: no more decoding, and bad content is no failure."""
        self._decoder = None

    # ---- what the parser calls; ``on_body`` is a field ----

    def on_message_begin(self) -> None:
        if self._is_complete:  # a second reply, and nobody asked: it spoils the connection
            raise _Stop

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > MAX_HEADER_BYTES:
            self._fail_header_size()
            raise _Stop
        if self._headers is None:  # a trailer
            return
        if len(self._headers) == MAX_HEADER_COUNT:
            self._fail(
                failures.protocol_error(f"sent more than {MAX_HEADER_COUNT} headers in a reply")
            )
            raise _Stop
        self._headers.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            self._begin_interim(status)
            return
        self._is_interim = False
        assert self._headers is not None
        headers, self._headers = self._headers, None
        self._choose_framing(status, headers)
        self.head = (status, headers)
        if not self._expects_body:
            # The parser cannot know, and would wait for the length that was announced.
            self._is_complete = True
            self.is_reusable = False
            raise _Stop

    def on_chunk_header(self) -> None:
        self.is_between_chunks = False

    def on_chunk_complete(self) -> None:
        self.is_between_chunks = self._decoder is None

    def on_message_complete(self) -> None:
        if not self._is_interim:
            self._is_complete = True
            self.is_between_chunks = False

    # ---- steps ----

    def _begin_interim(self, status: int) -> None:
        if status == 101 or status < 100:
            self._fail(failures.protocol_error(f"answered with status {status}, unasked"))
            raise _Stop
        self._is_interim = True
        self._headers = []

    def _choose_framing(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """Set how the body ends and how it is coded; drop the headers that decoding belies."""
        has_length = is_chunked = False
        coding = b""
        for name, value in headers:
            if name == b"content-length":
                has_length = True
            elif name == b"transfer-encoding":
                is_chunked = value.lower() == b"chunked"
                if not is_chunked:
                    self._fail(failures.protocol_error("used a transfer coding unasked"))
                    raise _Stop
            elif name == b"content-encoding":
                coding = coding + b"," + value if coding else value
        has_body = self._expects_body and status not in _NO_BODY_STATUSES
        self._is_until_close = has_body and not has_length and not is_chunked
        self.is_reusable = (
            self._parser.should_keep_alive()
            and self._parser.get_http_version() == "1.1"
            and not (has_length and is_chunked)
        )
        if coding and has_body and self._undoes_coding:
            self._begin_decoding(coding, headers)

    def _begin_decoding(self, coding: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        try:
            self._decoder = decoder_for(coding)
        except ContentError as error:
            self._fail(failures.protocol_error(str(error)))
            raise _Stop from None
        if self._decoder is not None:
            belied = (b"content-encoding", b"content-length")
            headers[:] = [header for header in headers if header[0] not in belied]

    def _decode(self, body: bytes) -> bytes:
        assert self._decoder is not None
        try:
            return self._decoder.feed(body)
        except ContentError as error:
            self._fail(failures.protocol_error(str(error)))
            return b""

    def _note_parser_error(self, error: Exception) -> None:
        """Surplus after the reply only spoils the connection; a stop of ours has told why."""
        self.is_reusable = False
        if self._is_complete or self.is_over:
            return
        reason = str(error) if isinstance(error, httptools.HttpParserError) else "upgrade"
        what = "sent a reply that is not valid HTTP/1.1"
        self._fail(failures.protocol_error(f"{what}, {self._phase()} ({reason})"))

    def _note_quiet(self, count: int) -> None:
        """Bound what the parser may gather without a body byte coming of it."""
        self._quiet_bytes += count
        if self._quiet_bytes > MAX_HEADER_BYTES and not self._is_complete:
            self._fail_header_size()

    def _phase(self) -> str:
        if not self.has_begun:
            return failures.BEFORE_REPLY
        return failures.IN_HEADER if self._headers is not None else failures.IN_BODY

    def _end(self) -> None:
        if self.is_over:
            return
        self.is_over = True
        if self._decoder is not None and not self._decoder.finish():
            self.is_over = False
            self._fail(failures.protocol_error("ended a compressed body too early"))

    def _fail_header_size(self) -> None:
        self._fail(
            failures.protocol_error(
                f"sent more than {MAX_HEADER_BYTES} bytes of headers in a reply"
            )
        )

    def _fail(self, failure: PeerError) -> None:
        if not self.is_over:
            self.is_over = True
            self.is_reusable = False
            self.failure = failure
