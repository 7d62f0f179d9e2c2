"""Keys, aliases and model lists, as the SDK meets them."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import openai
import pytest
from expectations import QUESTIONS
from openai import OpenAI
from stand import KEY, UPSTREAM_KEY, Stand

from strictwire.lab.scenarios import SCENARIOS

MakeClient = Callable[..., OpenAI]
MESSAGES = QUESTIONS["chat"]["messages"]
TEXT = SCENARIOS["healthy-text"].expect.choices[0].text


def heard_by_lab(stand: Stand) -> dict[str, str]:
    """The headers of the last request that the upstream got."""
    return dict(stand.lab.log[-1].headers)


@pytest.mark.parametrize("alias", ["everyday", "team/everyday"])
def test_an_alias_is_shown_as_it_was_asked_for(
    alias: str, stand: Stand, make_client: MakeClient
) -> None:
    sdk = make_client("named", api_key=KEY)
    whole = sdk.chat.completions.create(model=alias, messages=MESSAGES)
    assert (whole.model, whole.choices[0].message.content) == (alias, TEXT)
    chunks = list(sdk.chat.completions.create(model=alias, messages=MESSAGES, stream=True))
    assert {chunk.model for chunk in chunks} == {alias}
    assert stand.lab.log[-1].model == "quirky-everything"


def test_a_provider_s_own_model_is_asked_for_by_prefix(
    stand: Stand, make_client: MakeClient
) -> None:
    sdk = make_client("named", api_key=KEY)
    whole = sdk.chat.completions.create(model="always/finish-empty", messages=MESSAGES)
    assert (whole.model, whole.choices[0].finish_reason) == ("always/finish-empty", "stop")
    assert stand.lab.log[-1].model == "finish-empty"
    assert b'"stream":true' in stand.lab.log[-1].body


def test_a_collected_stream_shows_the_alias_too(make_client: MakeClient) -> None:
    sdk = make_client("named", api_key=KEY)
    whole = sdk.chat.completions.create(model="collected", messages=MESSAGES)
    assert (whole.model, whole.choices[0].message.content) == ("collected", TEXT)


def test_the_models_are_listed(make_client: MakeClient) -> None:
    models = make_client("named", api_key=KEY).models.list().data
    names = [model.id for model in models]
    listed = ["quirky-everything", "everyday", "team/everyday", "healthy-text"]
    assert names[:4] == listed
    assert set(SCENARIOS) <= set(names)
    assert {model.object for model in models} == {"model"}


@pytest.mark.parametrize("name", ["everyday", "healthy-tools"])
def test_one_model_is_told(name: str, make_client: MakeClient) -> None:
    model = make_client("named", api_key=KEY).models.retrieve(name)
    assert (model.id, model.object) == (name, "model")
    assert model.owned_by


def test_an_unknown_model_is_told_as_such(make_client: MakeClient) -> None:
    sdk = make_client("named", api_key=KEY)
    with pytest.raises(openai.NotFoundError) as told:
        sdk.models.retrieve("no-such-model")
    assert told.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError) as told:
        sdk.chat.completions.create(model="no-such-model", messages=MESSAGES)
    assert told.value.code == "model_not_found"


@pytest.mark.parametrize("key", ["sk-dummy-wrong", KEY + "x", KEY[:-1]])
def test_a_wrong_key_is_refused(key: str, make_client: MakeClient) -> None:
    sdk = make_client("named", api_key=key)
    with pytest.raises(openai.AuthenticationError) as refused:
        sdk.chat.completions.create(model="everyday", messages=MESSAGES)
    assert refused.value.code == "invalid_api_key"
    assert key not in str(refused.value)
    with pytest.raises(openai.AuthenticationError):
        sdk.models.list()


def test_a_key_may_come_as_x_api_key(stand: Stand, bytes_client: httpx.Client) -> None:
    url = f"{stand.urls['named']}/chat/completions"
    body = {"model": "everyday", "messages": MESSAGES}
    told = bytes_client.post(url, json=body, headers={"x-api-key": KEY})
    assert told.status_code == 200
    assert bytes_client.post(url, json=body).status_code == 401
    refused = bytes_client.post(url, json=body, headers={"x-api-key": "sk-dummy-wrong"})
    assert refused.json()["error"]["code"] == "invalid_api_key"


def test_the_gateway_s_key_does_not_reach_the_provider(
    stand: Stand, make_client: MakeClient
) -> None:
    make_client("named", api_key=KEY).chat.completions.create(model="everyday", messages=MESSAGES)
    headers = heard_by_lab(stand)
    assert headers["authorization"] == f"Bearer {UPSTREAM_KEY}"
    assert KEY not in repr(headers)


def test_without_keys_the_client_s_own_is_passed_on(stand: Stand, make_client: MakeClient) -> None:
    sdk = make_client("auto", api_key="sk-dummy-mine")
    sdk.chat.completions.create(model="healthy-text", messages=MESSAGES)
    assert heard_by_lab(stand)["authorization"] == "Bearer sk-dummy-mine"
