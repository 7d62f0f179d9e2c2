"""The model that a body names, found in its first bytes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictwire.dialects.named_model import find_model
from strictwire.model.errors import CallerError

JSON = "application/json"
FORM = 'multipart/form-data; boundary="b-1"'


def form(*parts: tuple[str, bytes], end: bytes = b"--b-1--\r\n") -> bytes:
    told = [
        b"--b-1\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n" % (n.encode(), v)
        for n, v in parts
    ]
    return b"".join(told) + end


FILE = ('name="file"; filename="a.wav"', b"RIFF\r\n\r\n--b-2\r\n")
MODEL = ('name="model"', "größe".encode())

# (content type, first bytes, the model)
FOUND: list[tuple[str, bytes, str | None]] = [
    (JSON, b'{"model":"m"}', "m"),
    (JSON, b'  {"input":{"model":"no"},"x":["model",1],"model" : "m/1","y":', "m/1"),
    (JSON, b'{"a":"model","b":"model","model":"m\\u00e4"', "mä"),
    ("", b'{"model":"m","prompt":"open', "m"),
    (JSON, b'{"prompt":"\\"model\\":\\"no\\"","model":"m"', "m"),
    (JSON, b'{"model":"cut of', None),
    (JSON, b'{"model":5,"x":"m"}', None),
    (JSON, b'{"model":{"model":"no"}}', None),
    (JSON, b'{"prompt":"it says {\\"model\\": ', None),
    (JSON, b'["model","m"]', None),
    (JSON, b"", None),
    (JSON, b'{"model":"\\ud800"}', None),
    (FORM, form(FILE, MODEL), "größe"),
    (FORM, form(MODEL, FILE, end=b""), "größe"),
    ("multipart/form-data; boundary=b-1", form(MODEL), "größe"),
    (FORM, form(FILE), None),
    (FORM, form(('name="my_model"', b"x"), ('name="file"; filename="model"', b"y")), None),
    (FORM, form(FILE)[:-30], None),
    (FORM, b"--b-1\r\nContent-Disposition: form-data; name=model\r\n\r\nwhisp", None),
    ("multipart/form-data", form(MODEL), None),
    (JSON, b'{"mod\\u0065l":"m"', "m"),
    # What only looks like a parameter, a delimiter's line or a part is none.
    (FORM, form(('name="file"; filename="a; name=model"', b"x")), None),
    (FORM, form(('name="file"', b"\r\n--b-1x\r\n\r\n\r\n"), MODEL), "größe"),
    (FORM, form(FILE) + form(MODEL), None),
    (FORM, b"--b-1 \t\r\ncontent-disposition: form-data;\r\n name=model\r\n\r\nm\r\n--b-1--", "m"),
    ('multipart/form-data; xboundary=c; boundary="b-1"', form(MODEL), "größe"),
    ("multipart/form-data; boundary=" + "b" * 71, b"", None),
]  # fmt: skip


@pytest.mark.parametrize(("content_type", "head", "model"), FOUND)
def test_the_model_is_found(content_type: str, head: bytes, model: str | None) -> None:
    found = find_model(content_type, head)
    assert (found and found.name) == model


def test_another_name_is_put_into_the_same_bytes() -> None:
    head = b'{ "a":1.0, "model" : "alias", "prompt":"op'
    found = find_model(JSON, head)
    assert found is not None
    assert found.renamed(head, 'a"b') == b'{ "a":1.0, "model" : "a\\"b", "prompt":"op'
    head = form(FILE, MODEL)
    found = find_model(FORM, head)
    assert found is not None
    assert found.renamed(head, "whisper-1") == form(FILE, ('name="model"', b"whisper-1"))


@pytest.mark.parametrize(
    ("content_type", "head"),
    [(JSON, b'{"model":"a","model":"b"'), (FORM, form(MODEL, MODEL))],
)
def test_two_models_are_refused(content_type: str, head: bytes) -> None:
    with pytest.raises(CallerError) as caught:
        find_model(content_type, head)
    assert (caught.value.status, caught.value.param) == (400, "model")


TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
VALUES = st.recursive(
    TEXT | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | st.just("model"), inner),
    max_leaves=6,
)


@given(st.dictionaries(TEXT.filter(lambda name: name != "model"), VALUES, max_size=4), TEXT)
def test_it_is_the_one_that_a_reader_sees(others: dict[str, object], model: str) -> None:
    body = json.dumps({**others, "model": model}).encode()
    found = find_model(JSON, body)
    assert found is not None
    assert found.name == model
    assert json.loads(found.renamed(body, "other")) == {**others, "model": "other"}
