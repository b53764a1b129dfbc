"""The operator's settings from its environment."""

import json

import pytest

from graphcron.errors import SpecError
from graphcron.settings import Settings, from_arguments, from_environment


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


def test_runner_defaults_are_read_as_json():
    defaults = {
        "labels": {"team": "a"},
        "annotations": {"note": "$(A) b"},
        "nodeSelector": {"pool": "agents"},
        "tolerations": [{"key": "agents", "operator": "Exists", "tolerationSeconds": 300}],
        "affinity": {"nodeAffinity": {}},
        "serviceAccountName": "runner",
        "priorityClassName": "low",
    }
    assert from_environment({"GRAPHCRON_RUNNER_DEFAULTS": json.dumps(defaults)}).runner_defaults == defaults


@pytest.mark.parametrize(
    ("defaults", "words"),
    [
        ('{"env": []}', r"\.env: cannot have a default here; leave it out"),
        ('{"image": "a:1"}', r"\.image: cannot have a default here; leave it out"),
        ('{"label": {}}', r"\.label: .*did you mean labels"),
        ('{"labels": {"team": "a b"}}', r"\.labels\.team: is not a valid label value"),
        (
            '{"labels": {"graphcron.dev/name": "a"}}',
            r"\.labels: has a key that is reserved for the operator or Kubernetes",
        ),
        (
            '{"annotations": {"container.apparmor.security.beta.kubernetes.io/runner": "unconfined"}}',
            r"\.annotations: has a key that changes the pod's security profile",
        ),
        ('{"tolerations": {}}', r"\.tolerations: is an object, not a list"),
        ("[1]", ": cannot read"),
    ],
)
def test_a_wrong_runner_default_is_named(defaults, words):
    with pytest.raises(SpecError, match=f"^GRAPHCRON_RUNNER_DEFAULTS{words}"):
        from_environment({"GRAPHCRON_RUNNER_DEFAULTS": defaults})


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


@pytest.mark.parametrize(
    ("name", "text", "remedy"),
    [
        ("RESYNC_SECONDS", "0", "1 or more"), ("RESYNC_SECONDS", "nan", "1 or more"), ("EXPECTATIONS_TIMEOUT_SECONDS", "inf", "1 or more"),
        ("WORKERS", "0", "1 or more"), ("HEALTH_PORT", "-1", "a free one"), ("HEALTH_PORT", "65536", "a free one"),
        ("LEASE_SECONDS", "9", "10 or more"), ("LEASE_NAME", "graphcron", "name the namespace"),
        ("LOG_LEVEL", "loud", "debug, info"), ("LOG_FORMAT", "xml", "json, text"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_work_is_refused(name, text, remedy):
    field = "LEASE_NAMESPACE" if name == "LEASE_NAME" else name
    with pytest.raises(SpecError, match=rf"^GRAPHCRON_{field}: is .*{remedy}"):
        from_environment({f"GRAPHCRON_{name}": text})


@pytest.mark.parametrize(
    "server",
    [
        "http://langgraph",
        "http://langgraph:8000/",
        "https://localhost/a.b",
        "http://*",
        "http://*:8000",
        "http://a-*/b.c",
    ],
)
@pytest.mark.parametrize("name", ["ALLOWED_SERVERS", "SERVER_URL"])
def test_an_allowed_server_relative_to_the_namespace_is_refused(name, server):
    listed = {"GRAPHCRON_ALLOWED_SERVERS": "https://langgraph.example.com", f"GRAPHCRON_{name}": server}
    with pytest.raises(SpecError, match=rf"^GRAPHCRON_{name}: is .*; write each host with a dot, such as .*\.svc"):
        from_environment(listed)


@pytest.mark.parametrize(
    "server", ["http://a.b", "http://*.b.svc", "http://a-*.svc:8000", "http://[::1]:8000", "http://10.0.0.1"]
)
def test_namespace_independent_allowed_server_accepted(server):
    assert from_environment({"GRAPHCRON_ALLOWED_SERVERS": server, "GRAPHCRON_SERVER_URL": server})


def test_a_default_server_may_be_relative_where_servers_are_not_limited():
    assert from_environment({"GRAPHCRON_SERVER_URL": "http://langgraph:8000"}).server_url == "http://langgraph:8000"


@pytest.mark.parametrize("name", ["ALLOWED_ANNOTATIONS", "ALLOWED_LABELS", "ALLOWED_SERVICE_ACCOUNTS"])
def test_a_list_that_would_limit_nothing_is_refused(name):
    listed = {f"GRAPHCRON_{name}": '["a", "b=1,2"]'}
    with pytest.raises(SpecError, match=rf"^GRAPHCRON_{name}: is .*; set allowed servers"):
        from_environment(listed)
    settings = from_environment({**listed, "GRAPHCRON_ALLOWED_SERVERS": "https://langgraph.example.com"})
    assert getattr(settings, name.lower()) == ("a", "b=1,2")


def test_a_list_may_be_json():
    servers = ("http://a.c.svc", "http://*.b.svc:8000")
    assert from_environment({"GRAPHCRON_ALLOWED_SERVERS": ", ".join(servers)}).allowed_servers == servers
    assert from_environment({"GRAPHCRON_ALLOWED_SERVERS": json.dumps(servers)}).allowed_servers == servers


def test_arguments_stand_for_variables():
    assert from_arguments([]) == {}
    arguments = ["--resync-seconds=300", "--server-url=http://x?a=b", "--runner-image="]
    assert from_arguments(arguments) == {
        "GRAPHCRON_RESYNC_SECONDS": "300",
        "GRAPHCRON_SERVER_URL": "http://x?a=b",
        "GRAPHCRON_RUNNER_IMAGE": "",
    }


@pytest.mark.parametrize("argument", ["--resync", "--resync-seconds", "resync-seconds=3", "-v", "--no-such=1", ""])
def test_unknown_setting_is_refused(argument):
    with pytest.raises(SpecError, match="unknown setting; give --name=value, of --allowed-annotations,") as error:
        from_arguments([argument])
    assert error.value.field == argument


@pytest.mark.parametrize(
    ("namespaces", "named"),
    [("", False), ("a", True), ("a,b-2", True), ("a,team-*", False), ("!a", False), ("a,!b", False), ("a?", False)],
)
def test_namespaces_are_named_or_patterns(namespaces, named):
    assert from_environment({"GRAPHCRON_NAMESPACES": namespaces}).namespaces_are_named is named
