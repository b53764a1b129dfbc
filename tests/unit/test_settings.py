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


@pytest.mark.parametrize(("name", "text"), [("WORKERS", "many"), ("RUNNER_RESOURCES", "{"), ("RESYNC_SECONDS", "soon")])
def test_what_cannot_be_read_is_named(name, text):
    with pytest.raises(SpecError, match=f"GRAPHCRON_{name}: cannot read"):
        from_environment({f"GRAPHCRON_{name}": text})
