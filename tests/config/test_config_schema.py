"""The JSON Schema for editors says the same as the loader, as far as a schema can."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML
from test_config_loading import AN_ENGINE, ENGINE, ENVIRON, PROVIDER, TOP_LEVEL
from test_config_problems import NOT_YAML, RULES, WRONG, WRONG_IN_ENGINE, WRONG_IN_PROVIDER

from strictwire.config import SettingsError, json_schema, load

SCHEMA = json_schema(RULES)
VALIDATOR = Draft202012Validator(SCHEMA)
ONE = "providers:\n- name: one\n  base_url: http://h\n  "

# What lies beyond one value: the environment, other settings, YAML's own rules, exact numbers of
# an address.
BEYOND_A_SCHEMA = {
    "duplicate key",
    "complex key",
    "huge integer",
    "binary",
    "private tag",
    "merge of a scalar",
    "merge of itself",
    "not a number",
    "host with a port",
    "origin with a bad port",
    "variable missing",
    "variable empty",
    "variable of the wrong kind",
    "reference without a name",
    "public without a key",
    "public, keys empty",
    "name is public",
}
BEYOND_A_SCHEMA_IN_PROVIDER = {
    "bad port",
    "unclosed bracket",
    "endpoint",
    "auto and more",
    "header of the connection",
    "header name",
    "header twice",
    "header with a line end",
    "variable in a header",
    "variable with a space in a key",
    "model twice known",
    "alias of itself",
    "legacy against never",
    "legacy against always",
    "an engine's setting elsewhere",
    "a model elsewhere",
    "an engine somewhere",
}

GOOD = [
    "",
    "{}",
    *(text for text, _, _ in TOP_LEVEL),
    *(ONE + text for text, _, _ in PROVIDER),
    *(AN_ENGINE + text for text, _, _ in ENGINE),
    "providers: [{name: a, base_url: 'http://h:1/v1/'}, {name: b-2, base_url: '${URL}'}]",
]
BAD = [
    *(text for name, (text, _, _) in WRONG.items() if name not in BEYOND_A_SCHEMA),
    *(
        (ONE.replace("  base_url: http://h\n", "") if text.startswith("base_url") else ONE) + text
        for name, (text, _, _) in WRONG_IN_PROVIDER.items()
        if name not in BEYOND_A_SCHEMA_IN_PROVIDER
    ),
    *(AN_ENGINE + WRONG_IN_ENGINE[name][0] for name in ("bits", "bits as a switch", "no place")),
]


def is_loaded(text: str) -> bool:
    environ = {**ENVIRON, "URL": "http://h"}
    try:
        load(text, source="f.yaml", environ=environ, known_rules=RULES)
    except SettingsError:
        return False
    return True


def is_valid(text: str) -> bool:
    return VALIDATOR.is_valid(YAML(typ="safe", pure=True).load(text))


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("text", GOOD)
def test_both_take_good_files(text: str) -> None:
    assert (is_loaded(text), is_valid(text)) == (True, True)


@pytest.mark.parametrize("text", BAD)
def test_both_refuse_bad_files(text: str) -> None:
    assert (is_loaded(text), is_valid(text)) == (False, False)


def test_the_exceptions_are_named_cases() -> None:
    assert set(WRONG) >= BEYOND_A_SCHEMA
    assert set(WRONG_IN_PROVIDER) >= BEYOND_A_SCHEMA_IN_PROVIDER
    assert NOT_YAML  # no schema is asked where nothing parses


def test_without_rule_names_any_rule_is_taken() -> None:
    body = {"providers": [{"name": "a", "base_url": "http://h", "repairs": {"x.y": "off"}}]}
    assert Draft202012Validator(json_schema()).is_valid(body)
    assert not VALIDATOR.is_valid(body)
