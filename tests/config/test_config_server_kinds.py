"""The rows of the kinds, and the URLs of services that everybody has at the same place."""

from __future__ import annotations

import pytest

from strictwire.config import SERVER_KINDS, ServerKind
from strictwire.config.addresses import normal_base_url
from strictwire.config.server_kinds import ENGINE_URL, KIND_NAMES
from strictwire.repairs.quirks import QUIRKS

EACH = pytest.mark.parametrize("kind", SERVER_KINDS.values(), ids=lambda kind: kind.name)


def test_there_is_a_row_for_each_name() -> None:
    assert tuple(SERVER_KINDS) == KIND_NAMES


@EACH
def test_a_row_says_what_the_settings_could_say(kind: ServerKind) -> None:
    if kind.base_url not in ("", ENGINE_URL):
        assert normal_base_url(kind.base_url) == kind.base_url
    assert set(kind.quirks) <= set(QUIRKS)
    assert list(kind.quirks) == sorted(set(kind.quirks))
    assert kind.title
    assert len(set(kind.dialects)) == len(kind.dialects)


def test_of_a_server_of_which_nothing_is_known_nothing_is_assumed() -> None:
    unknown = ServerKind(name="auto", title="Found out", note=SERVER_KINDS["auto"].note)
    assert SERVER_KINDS["auto"] == unknown


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("https://me.openai.azure.com", "https://me.openai.azure.com/openai/v1"),
        ("https://me.openai.azure.com/", "https://me.openai.azure.com/openai/v1"),
        ("https://me.openai.azure.com/openai/v1/", "https://me.openai.azure.com/openai/v1"),
        ("https://me.openai.azure.com/v1", "https://me.openai.azure.com/v1"),
        ("https://openrouter.ai", "https://openrouter.ai/api/v1"),
        ("https://me.openrouter.ai", "https://me.openrouter.ai/v1"),
        ("https://api.openai.com", "https://api.openai.com/v1"),
    ],
)
def test_a_service_whose_api_is_elsewhere(given: str, normal: str) -> None:
    assert normal_base_url(given) == normal
