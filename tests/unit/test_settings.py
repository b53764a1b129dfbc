"""The operator's settings from its environment."""

import pytest

from graphcron.errors import SpecError
from graphcron.settings import Settings, from_environment


def test_an_empty_environment_gives_the_defaults():
    assert from_environment({}) == Settings()
    assert from_environment({"GRAPHCRON_WORKERS": " "}) == Settings()


def test_values_are_read_by_the_type_of_their_default():
    environment = {
        "GRAPHCRON_NAMESPACES": "a, b-*,!b-c",
        "GRAPHCRON_WORKERS": "2",
        "GRAPHCRON_RESYNC_SECONDS": "1.5",
        "GRAPHCRON_RUNNER_RESOURCES": '{"limits": {"memory": "64Mi"}}',
        "GRAPHCRON_SERVER_URL": "http://x",
    }
    settings = from_environment(environment)
    assert settings.namespaces == ("a", "b-*", "!b-c")
    assert (settings.workers, settings.resync_seconds) == (2, 1.5)
    assert settings.runner_resources == {"limits": {"memory": "64Mi"}}
    assert settings.server_url == "http://x"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("WORKERS", "many"), ("RUNNER_RESOURCES", "{"), ("RESYNC_SECONDS", "soon"), ("PREFLIGHT_SECONDS", "1h"),
        ("PROBE_SECONDS", "15m"), ("PRICES", "2.50"), ("PRICES", "{"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named(name, text):
    with pytest.raises(SpecError, match=f"GRAPHCRON_{name}: cannot read"):
        from_environment({f"GRAPHCRON_{name}": text})


def test_prices_are_read_as_decimals():
    text = '{"*": {"input": "2.50", "output": "10"}, "gpt-5": {"input": 0.15, "output": "0"}}'
    assert from_environment({"GRAPHCRON_PRICES": text}).prices == {
        "*": {"input": "2.50", "output": "10"},
        "gpt-5": {"input": 0.15, "output": "0"},
    }
    assert from_environment({"GRAPHCRON_PRICES": "{}"}).prices == {}


@pytest.mark.parametrize(
    "price",
    [
        '"2.50"', "2.5", "[1, 2]", "null", "{}", '{"input": "1"}', '{"input": "1", "output": "2", "cached": "1"}',
        '{"input": "1", "output": "free"}', '{"input": "-1", "output": "2"}', '{"input": "1e3", "output": "2"}',
        '{"input": "1.", "output": "2"}', '{"input": "1.1234567", "output": "2"}', '{"input": "١", "output": "2"}',
        '{"input": 1e-7, "output": 2}', '{"input": true, "output": 2}', '{"input": null, "output": 2}',
        '{"input": "1\\n", "output": "2"}', '{"input": " 1", "output": "2"}',
    ],
)  # fmt: skip
def test_a_price_that_is_none_is_named(price):
    with pytest.raises(SpecError, match=r"GRAPHCRON_PRICES\[small\]: is .*give the prices of a million tokens"):
        from_environment({"GRAPHCRON_PRICES": f'{{"small": {price}}}'})
