"""What an upstream refused, learned from its own words: fields that are not to be sent again.

Contract: pure data and functions. A server that does not know a field answers 400 or 422 and names
it; ``refused_fields`` finds the names, ``refuses_way`` whether it was the way in which the reply
was asked for (as a stream, as an object), ``joins_fields`` whether that depends on what else was
asked, and ``Refusals`` remembers them per provider, model and
dialect, and the dialects that a provider does not have. What is done about a name is the business
of ``amendments``.

Two levels of proof. A field that the gateway added is taken for refused where it is named at all.
One that the client sent, only where the words say that the server does not know or support it: if
its value is wrong, the client must hear so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from strictwire.model.request import UpstreamDialect

REFUSAL_STATUSES = frozenset((400, 422))
# An error body beyond this does not just name a field; it is not worth the time to parse.
MAX_BODY_BYTES = 64 * 1024
# Names of models come from clients: without a bound anyone could fill the memory.
MAX_PLACES = 1024
# The longest names of models are paths of some 200 characters. A client may send one of megabytes.
MAX_MODEL_CHARACTERS = 1024
# A FastAPI body lists one detail per fault; a client's own faults may be many.
MAX_DETAILS = 32

# OpenAI's codes, Pydantic's types. "unsupported_value": the model takes its default alone.
_UNKNOWN_CODES = frozenset(
    ("unsupported_parameter", "unknown_parameter", "unsupported_value", "extra_forbidden")
)
_UNKNOWN_WORDS = re.compile(
    r"unknown|unrecogni[sz]ed|unsupported|not supported|not permitted|(?:does not|doesn't) support"
    r"|not recogni[sz]ed|unexpected (?:keyword|field|argument|parameter)|additional propert"
    r"|extra (?:field|input|argument|parameter)s? |extra_forbidden|no such (?:field|parameter)",
    re.IGNORECASE,
)
# The server knows the field, and did not like what stood there. Dropped and remembered, one
# client's mistake would take the field from all.
_WRONG_VALUE_WORDS = re.compile(
    r"\bbetween\b|out of range|\bat (?:most|least)\b|\bmaximum\b|\bminimum\b"
    r"|\b(?:less|greater|larger|smaller|more|fewer|higher|lower) than\b"
    r"|\btoo (?:large|small|high|low|long|short|many|few)\b",
    re.IGNORECASE,
)
_WANTS_STREAM = re.compile(r"\b(?:only|must|required?|requires|enable)\b", re.IGNORECASE)
_STREAM = re.compile(r"\bstream(?:ing|ed)?\b", re.IGNORECASE)
# Every request has these, or might: a refusal that names one speaks of no special case.
_ORDINARY_FIELDS = frozenset(
    ("model", "stream", "stream_options", "messages", "prompt", "input", "user")
)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What joins two names to one path: "stream_options.include_usage", "messages[0].user".
_JOINT = re.compile(r"(?:\[\d+\])*\.")
# Sentences, and the faults of a Pydantic text, which each end with a bracket and a line end.
_CLAUSE_END = re.compile(r"(?<=[.;!])\s+|(?<=\])\n")
# A name without an underscore is a word of the language too ("user", "seed"). It is a field's name
# where it is quoted, listed, begins a clause, or stands beside a word that says so.
_BEFORE_A_NAME = re.compile(
    r"(?:['\"`:,({\[]|\b(?:parameter|argument|field|property|option|name|key)"
    r"|\bsupports?(?: the)?)\s*$",
    re.IGNORECASE,
)
_AFTER_A_NAME = re.compile(
    r"['\"`\s]*(?:parameter|argument|field|property|option|is |are )", re.IGNORECASE
)
# As far as one looks for such a word.
_BESIDE_CHARS = 24
# A part of a path that is a field: no index, no class, no validator ("function-wrap[...]").
_FIELD_NAME = re.compile(r"[a-z][a-z0-9_]*")
# What a refusal calls a field where that is not its name: Ollama's "does not support thinking".
_ALSO_CALLED = {"thinking": "think"}
# How servers call the request itself in a path.
_ROOTS = frozenset(("body", "request", "query", "params", "extra_body"))
# Pydantic repeats the refused value, which may hold a client's text with any word in it.
_REPEATED_INPUT = re.compile(r"(?:input(?:_value)?=|'input': ).*")

# Provider, model, and the dialect in which it was asked: there a name may mean another thing.
Place = tuple[str, str, UpstreamDialect]
_NOTHING: frozenset[str] = frozenset()
_NONE_MISSING: frozenset[UpstreamDialect] = frozenset()


@dataclass(frozen=True, slots=True)
class Refusals:
    """Names not to send, by place, and the dialects that each provider lacks. Never changed:
    learning makes another one, so that one reference is swapped and readers need no lock."""

    by_place: MappingProxyType[Place, frozenset[str]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    # As many entries as providers, each of a few words.
    by_provider: MappingProxyType[str, frozenset[UpstreamDialect]] = field(
        default_factory=lambda: MappingProxyType({})
    )

    def fields(
        self, provider: str, model: str, dialect: UpstreamDialect = "chat"
    ) -> frozenset[str]:
        """What is known to be refused there."""
        return self.by_place.get((provider, model, dialect), _NOTHING)

    def missing(self, provider: str) -> frozenset[UpstreamDialect]:
        """The dialects that the provider is known not to have."""
        return self.by_provider.get(provider, _NONE_MISSING)

    def learned(
        self, provider: str, model: str, name: str, dialect: UpstreamDialect = "chat"
    ) -> Refusals:
        """These refusals and one more. The place that learned longest ago makes room. Of a model
        with an endless name nothing is learned."""
        if len(model) > MAX_MODEL_CHARACTERS:
            return self
        known = dict(self.by_place)
        before = known.pop((provider, model, dialect), _NOTHING)
        while len(known) >= MAX_PLACES:
            del known[next(iter(known))]
        known[provider, model, dialect] = before | {name}
        return replace(self, by_place=MappingProxyType(known))

    def learned_missing(self, provider: str, dialect: UpstreamDialect) -> Refusals:
        """These refusals, and that the provider does not have this dialect."""
        known = dict(self.by_provider)
        known[provider] = self.missing(provider) | {dialect}
        return replace(self, by_provider=MappingProxyType(known))


@dataclass(frozen=True, slots=True)
class _Named:
    """A field path that an error body speaks of, outermost part first. ``is_unknown``: the words
    around it say that the server does not know or support it."""

    path: tuple[str, ...]
    is_unknown: bool


def refused_fields(
    status: int, body: bytes, *, added: Collection[str] = (), sent: Collection[str] = ()
) -> tuple[str, ...]:
    """Every field of ``added`` that a refusal names, and every one of ``sent`` that it calls
    unknown or unsupported.

    Read are OpenAI's ``error.param``, code and message, FastAPI's ``detail`` list with its
    ``loc``, and a ``detail``, ``message`` or ``error`` that is a text. Of a nested name
    (``stream_options.include_obfuscation``) only the innermost counts, and a name inside another
    field (``messages.0.user``) is none of the request's own.
    """
    value = _error_value(status, body)
    wanted = (*added, *sent)
    found: set[str] = set()
    for named in _named_in(value):
        name = _own_field(named.path, wanted) or _own_field(_as_called(named.path), wanted)
        if name is not None and (named.is_unknown or name in added):
            found.add(name)
    return tuple(dict.fromkeys(name for name in wanted if name in found))


def _as_called(path: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_ALSO_CALLED.get(part, part) for part in path)


def refuses_way(status: int, body: bytes, *, asked_stream: bool) -> bool:
    """Whether a refusal says that the reply cannot be had as a stream, or only as one."""
    return any(_way_clauses(status, body, asked_stream=asked_stream))


def joins_fields(status: int, body: bytes, sent: Collection[str], *, asked_stream: bool) -> bool:
    """Whether the refusal of a way names one of the ``sent`` fields beside it: then it is that one
    request which cannot be had so, as with llama.cpp's "logprobs is not supported with tools +
    stream". Remembered, one client's question would take the stream from all."""
    special = frozenset(sent) - _ORDINARY_FIELDS
    clauses = _way_clauses(status, body, asked_stream=asked_stream)
    return any(not special.isdisjoint(_WORD.findall(clause)) for clause in clauses)


def _way_clauses(status: int, body: bytes, *, asked_stream: bool) -> Iterator[str]:
    """The clauses that refuse the way in which a reply was asked for."""
    for text in _texts(_error_value(status, body)):
        for clause in _CLAUSE_END.split(text):
            if not _STREAM.search(clause) or "stream_options" in clause:
                continue
            wants_stream = not asked_stream and _WANTS_STREAM.search(clause)
            if wants_stream or _UNKNOWN_WORDS.search(clause):
                yield clause


def _error_value(status: int, body: bytes) -> Any:
    if status not in REFUSAL_STATUSES or len(body) > MAX_BODY_BYTES:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        # Bare text, as some servers send. UnicodeDecodeError is a ValueError too.
        return body.decode("utf-8", "replace")


def _own_field(path: tuple[str, ...], wanted: Collection[str]) -> str | None:
    """The field that a path speaks of. Parts before the first known one are no fields of the
    request ("body", a class's name), unless they are lower-case names themselves."""
    known = [place for place, part in enumerate(path) if part in wanted]
    if not known:
        return None
    outer = path[: known[0]]
    is_nested = any(part not in _ROOTS and _FIELD_NAME.fullmatch(part) for part in outer)
    return None if is_nested else path[known[-1]]


def _named_in(value: Any) -> Iterator[_Named]:
    if isinstance(value, str):
        yield from _named_in_text(value)
        return
    if not isinstance(value, dict):
        return
    for part in (value, value.get("error")):
        if isinstance(part, str):
            yield from _named_in_text(part)
        elif isinstance(part, dict):
            yield from _named_in_error(part)
    yield from _named_in_detail(value.get("detail"))


def _named_in_error(error: dict[str, Any]) -> Iterator[_Named]:
    """OpenAI's object. A ``param`` is the server's last word on which field it is: the message
    then proves only what kind of fault it was, and may go on to name the field to use instead."""
    code, param, message = error.get("code"), error.get("param"), error.get("message")
    message = message if isinstance(message, str) else ""
    is_unknown = code in _UNKNOWN_CODES if isinstance(code, str) else False
    if isinstance(param, str) and param:
        is_unknown = is_unknown or _says_unknown(message)
        for path in _paths(param):
            yield _Named(path, is_unknown)
    for named in _named_in_text(message):
        yield _Named(named.path, not param and (named.is_unknown or is_unknown))


def _named_in_detail(detail: Any) -> Iterator[_Named]:
    if isinstance(detail, str):
        yield from _named_in_text(detail)
    elif isinstance(detail, list):
        for item in detail[:MAX_DETAILS]:
            location = item.get("loc") if isinstance(item, dict) else None
            if isinstance(location, list):
                said = f"{item.get('msg', '')}"
                is_unknown = item.get("type") == "extra_forbidden" or _says_unknown(said)
                yield _Named(tuple(str(part) for part in location), is_unknown)


def _named_in_text(text: str) -> Iterator[_Named]:
    for clause in _CLAUSE_END.split(text):
        is_unknown = _says_unknown(clause)
        for path in _paths(_REPEATED_INPUT.sub("", clause), is_prose=True):
            yield _Named(path, is_unknown)


def _says_unknown(text: str) -> bool:
    """Whether the words say that the field, and not its value, is the trouble."""
    return bool(_UNKNOWN_WORDS.search(text)) and not _WRONG_VALUE_WORDS.search(text)


def _paths(text: str, *, is_prose: bool = False) -> Iterator[tuple[str, ...]]:
    """Each dotted name in a text, as a path; a lone word is a path of one."""
    path: list[str] = []
    start = end = 0
    for found in (*_WORD.finditer(text), None):
        if found is not None and path and _JOINT.fullmatch(text[end : found.start()]):
            path.append(found[0])
            end = found.end()
            continue
        if path and not (is_prose and _is_mere_word(path, text, start, end)):
            yield tuple(path)
        if found is not None:
            path, start, end = [found[0]], found.start(), found.end()


def _is_mere_word(path: list[str], text: str, start: int, end: int) -> bool:
    """Whether what stands from ``start`` to ``end`` is a word of a sentence, no field's name."""
    if len(path) > 1 or "_" in path[0] or not start:
        return False
    before, after = text[max(0, start - _BESIDE_CHARS) : start], text[end : end + _BESIDE_CHARS]
    return not (_BEFORE_A_NAME.search(before) or _AFTER_A_NAME.match(after))


def _texts(value: Any) -> Iterator[str]:
    """Every text of an error body that is meant to be read."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key in ("message", "detail", "error", "msg"):
            yield from _texts(value.get(key))
    elif isinstance(value, list):
        for item in value[:MAX_DETAILS]:
            yield from _texts(item)
