"""Which provider takes a model name, and what it is called there."""

from __future__ import annotations

import pytest

from strictwire.config import Model, Provider, Secret, Settings
from strictwire.model.errors import CallerError
from strictwire.routing import KnownModel, choose, known_models


def provider(name: str, *models: str | Model, keys: tuple[str, ...] = ()) -> Provider:
    listed = tuple(Model(name=one) if isinstance(one, str) else one for one in models)
    secrets = tuple(Secret(key) for key in keys)
    return Provider(name=name, base_url="http://h/v1", models=listed, api_keys=secrets)


SINGLE = Settings(providers=(provider("upstream"),))
LISTED = Settings(providers=(provider("one", "a", Model(name="b/c", aliases=("fast",))),))
SEVERAL = Settings(
    providers=(
        provider("one", "a", "b", "two/odd"),
        provider("two"),
        provider("three", "a", Model(name="c", aliases=("fast",))),
        provider("four"),
    )
)

ENGINES = Settings(
    providers=(
        Provider(name="far", base_url="http://h/v1"),
        Provider(name="small", kind="engine", model="m/small-q4.gguf"),
        Provider(name="big", kind="engine", model="big.gguf", models=(Model(name="large"),)),
    )
)
# An engine that comes first takes no names but its own.
ENGINES_FIRST = Settings(providers=ENGINES.providers[::-1])
ENGINES_ALONE = Settings(providers=ENGINES.providers[1:])
ONE_ENGINE = Settings(providers=(Provider(name="small-q4", kind="engine", model="small-q4.gguf"),))

# (settings, asked for, provider, name there, is it an alias?)
FOUND = [
    (SINGLE, "any", "upstream", "any", False),
    (SINGLE, "vendor/any", "upstream", "vendor/any", False),
    (SINGLE, "upstream/any", "upstream", "upstream/any", False),
    (LISTED, "a", "one", "a", False),
    (LISTED, "b/c", "one", "b/c", False),
    (LISTED, "fast", "one", "b/c", True),
    (LISTED, "one/a", "one", "a", True),
    (LISTED, "one/fast", "one", "b/c", True),
    (SEVERAL, "a", "one", "a", False),
    (SEVERAL, "three/a", "three", "a", True),
    (SEVERAL, "fast", "three", "c", True),
    (SEVERAL, "two/odd", "one", "two/odd", False),
    (SEVERAL, "two/other", "two", "other", True),
    (SEVERAL, "four/x/y", "four", "x/y", True),
    (SEVERAL, "unclaimed", "two", "unclaimed", False),
    (SEVERAL, "vendor/unclaimed", "two", "vendor/unclaimed", False),
    (SEVERAL, "two/", "two", "two/", False),
    (ENGINES, "small-q4", "small", "small-q4", False),
    (ENGINES, "small/small-q4", "small", "small-q4", True),
    (ENGINES, "large", "big", "large", False),
    (ENGINES, "big", "far", "big", False),
    (ENGINES, "", "far", "", False),
    (ENGINES_FIRST, "small-q4", "small", "small-q4", False),
    (ENGINES_FIRST, "vendor/elsewhere", "far", "vendor/elsewhere", False),
    (ENGINES_ALONE, "small/any", "small", "any", True),
    (ONE_ENGINE, "small-q4", "small-q4", "small-q4", False),
    (ONE_ENGINE, "any", "small-q4", "any", False),
]


@pytest.mark.parametrize(("settings", "asked", "name", "there", "is_alias"), FOUND)
def test_found(settings: Settings, asked: str, name: str, there: str, is_alias: bool) -> None:
    route = choose(settings, asked)
    assert (route.provider.name, route.upstream_model, route.is_alias) == (name, there, is_alias)
    assert route.shown_model == asked


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        (Settings(), "a"),
        (LISTED, "other"),
        (LISTED, "A"),
        (LISTED, "one/other"),
        (LISTED, "two/a"),
        (SEVERAL, "three/b"),
        (ENGINES_ALONE, "other"),
    ],
)
def test_not_found(settings: Settings, asked: str) -> None:
    with pytest.raises(CallerError) as caught:
        choose(settings, asked)
    error = caught.value
    assert (error.status, error.code, error.param) == (404, "model_not_found", "model")
    assert error.type == "invalid_request_error"
    assert f"The model `{asked}` does not exist" in error.message
    assert "GET /v1/models" in error.message


def test_an_error_repeats_only_the_beginning_of_a_long_name() -> None:
    with pytest.raises(CallerError) as caught:
        choose(LISTED, "\n\x1b" + "x" * 100_000)
    assert len(caught.value.message) < 300
    assert caught.value.message.isprintable()


def test_keys_are_used_in_turn() -> None:
    settings = Settings(providers=(provider("one", keys=("a", "b", "c")),))
    keys = [choose(settings, "m", turn=turn).key for turn in range(4)]
    assert keys == [Secret("a"), Secret("b"), Secret("c"), Secret("a")]
    assert choose(SINGLE, "m", turn=5).key is None


def test_known_models_lists_each_name_once() -> None:
    assert known_models(SEVERAL) == (
        KnownModel("a", "one"),
        KnownModel("b", "one"),
        KnownModel("two/odd", "one"),
        KnownModel("c", "three"),
        KnownModel("fast", "three"),
    )
    assert known_models(SINGLE) == ()
