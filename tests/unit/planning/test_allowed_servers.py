"""The allow-list of servers."""

import time
from dataclasses import replace

import pytest

from graphcron.api.restricted import RestrictedFields
from graphcron.api.v1alpha1 import parse, parse_server
from graphcron.cache.objects import RequestAnnotation
from graphcron.errors import NotAllowedError
from graphcron.planning.allowed_servers import check_graphcron, check_server, is_allowed, is_listed, refusal_of
from graphcron.planning.stuck_jobs import SIDECAR_GRACE
from graphcron.settings import Settings
from tests.unit.world import NOW, Fault, World, condition
from tests.unit.world import graphcron as world_graphcron

LIST = ("https://langgraph.example.com", "http://*.agents.svc:8000", "https://example.com/langgraph/")


@pytest.mark.parametrize(
    "url",
    [
        "https://langgraph.example.com", "https://langgraph.example.com/", "https://langgraph.example.com/a/b-1.2/",
        "http://reports.agents.svc:8000", "http://a.b.agents.svc:8000/x",
        "https://example.com/langgraph", "https://example.com/langgraph/", "https://example.com/langgraph/eu",
    ],
)  # fmt: skip
def test_a_server_on_the_list_and_what_is_below_it_are_allowed(url):
    assert is_allowed(url, LIST)


@pytest.mark.parametrize(
    "url",
    [
        "http://langgraph.example.com", "https://langgraph.example.com:8443", "https://langgraph.example.com.evil.net",
        "https://langgraph.example.com@evil.net", "https://langgraph.example.comevil", "https://LANGGRAPH.example.com",
        "https://xlanggraph.example.com", "https://langgraphxexample.com", "https://langgraph.example.com\n",
        "http://agents.svc:8000", "http://.agents.svc:80001", "http://a@b.agents.svc:8000",
        "http://evil.net/.agents.svc:8000", "http://evil.net#.agents.svc:8000", "http://evil.net?.agents.svc:8000",
        "http://evil.net:80\\.agents.svc:8000", "http://ä.agents.svc:8000", "http://[::1].agents.svc:8000",
        "https://example.com", "https://example.com/langgraphs", "https://example.com/langgraph/../admin",
        "https://example.com/langgraph/./admin", "https://example.com/langgraph/%2e%2e/admin",
        "https://example.com/langgraph//admin", "https://example.com/langgraph/.hidden", "",
    ],
)  # fmt: skip
def test_everything_else_is_not(url):
    assert not is_allowed(url, LIST)


def graphcron(**spec):
    body = {"apiVersion": "graphcron.dev/v1alpha1", "kind": "GraphCron", "metadata": {"name": "a", "namespace": "b"}}
    return parse({**body, "spec": {"assistant": "agent", "schedule": "0 8 * * *", **spec}})


def server(url):
    body = {"apiVersion": "graphcron.dev/v1alpha1", "kind": "GraphServer", "metadata": {"name": "a", "namespace": "b"}}
    return parse_server({**body, "spec": {"url": url}})


LIMITED = Settings(allowed_servers=LIST, server_url="http://default.svc:2024")
EVIL = "https://evil.example.net"


@pytest.mark.parametrize(
    "spec",
    [
        {}, {"server": {}}, {"server": {"url": "https://langgraph.example.com/x"}}, {"runner": {}},
        {"server": {"url": "http://default.svc:2024"}}, {"runner": {"labels": {}, "annotations": {}}},
        {"runner": {"nodeSelector": {"a": "b"}, "priorityClassName": "low", "imagePullSecrets": [{"name": "pull"}]}},
    ],
)  # fmt: skip
def test_listed_server_and_default_server_are_allowed(spec):
    check_graphcron(graphcron(**spec), LIMITED)


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"server": {"url": EVIL}}, "spec.server.url"),
        ({"runner": {"image": "mine:1"}}, "spec.runner.image"),
        ({"runner": {"env": [{"name": "HTTP_PROXY", "value": EVIL}]}}, "spec.runner.env"),
        ({"runner": {"annotations": {"sidecar.istio.io/proxyImage": "mine:1"}}}, "spec.runner.annotations"),
        ({"runner": {"labels": {"app": "postgres"}}}, "spec.runner.labels"),
        ({"runner": {"serviceAccountName": "cloud-admin"}}, "spec.runner.serviceAccountName"),
    ],
)
def test_what_is_not_is_refused_by_its_field(spec, field):
    with pytest.raises(NotAllowedError) as error:
        check_graphcron(graphcron(**spec), LIMITED)
    assert error.value.field == field
    check_graphcron(graphcron(**spec), Settings())


def test_a_refused_server_is_told_what_is_allowed():
    with pytest.raises(
        NotAllowedError,
        match=r"https://evil\.example\.net is not in the administrator's allow-list; name one of http://default\.svc:2024, https://langgraph",
    ):
        check_graphcron(graphcron(server={"url": EVIL}), LIMITED)


def test_a_graph_server_is_measured_by_the_same_list():
    check_server(server("https://example.com/langgraph"), LIMITED)
    check_server(server(EVIL), Settings())
    with pytest.raises(NotAllowedError) as error:
        check_server(server(EVIL), LIMITED)
    assert error.value.field == "spec.url"


PODS = Settings(
    allowed_servers=LIST,
    allowed_annotations=("sidecar.istio.io/nativeSidecar", "example.com/*", "note=a*=*b"),
    allowed_labels=("app=runner", "team=*", "cost*"),
    allowed_service_accounts=("runner", "pull-*"),
)


@pytest.mark.parametrize(
    "runner",
    [
        {"annotations": {"sidecar.istio.io/nativeSidecar": "true", "example.com/a": "1\n2"}},
        {"annotations": {"note": "a=b"}}, {"annotations": {"note": "a\n==b"}},
        {"labels": {"app": "runner", "team": "a", "cost-center": "7", "cost": ""}},
        {"serviceAccountName": "runner"}, {"serviceAccountName": "pull-all"},
    ],
)  # fmt: skip
def test_check_graphcron_listed_pod_fields_pass(runner):
    check_graphcron(graphcron(runner=runner), PODS)


@pytest.mark.parametrize(
    ("runner", "field", "entries"),
    [
        (
            {"annotations": {"example.com/a": "b", "sidecar.istio.io/nativeSidecarX": "true"}},
            "annotations",
            "sidecar.istio.io/nativeSidecar, example.com/*, note=a*=*b",
        ),
        ({"labels": {"app": "postgres"}}, "labels", "app=runner, team=*, cost*"),
        ({"serviceAccountName": "default"}, "serviceAccountName", "runner, pull-*"),
    ],
)
def test_check_graphcron_unlisted_pod_field_names_what_is_listed(runner, field, entries):
    words = (
        f"spec.runner.{field}: is not allowed where the administrator limits the servers: "
        "other controllers act on it and could send a Secret anywhere;"
    )
    for settings, remedy in ((PODS, f"use only {entries}"), (LIMITED, "leave it out")):
        with pytest.raises(NotAllowedError) as error:
            check_graphcron(graphcron(runner=runner), settings)
        assert str(error.value) == f"{words} {remedy}"
    check_graphcron(graphcron(runner=runner), Settings())


@pytest.mark.parametrize(
    "pair",
    [
        ("App", "runner"), ("app", "runner2"), ("app", "runne"), ("xapp", "runner"), ("app", ""), ("teams", "a"),
        ("other", "team=a"), ("a", "cost"),
    ],
)  # fmt: skip
def test_is_listed_takes_a_pair_only_from_end_to_end(pair):
    assert not is_listed(*pair, PODS.allowed_labels)


WRONG = pytest.mark.parametrize(
    "wrong", [{"timeZone": "Mars/Olympus"}, {"serverRef": {"name": "gone"}}, {"deletionTimestamp": "now"}]
)


def spoilt(settings=None, wrong=None, **spec):
    """Return a world with a run under way, whose spec has become wrong before the servers were limited."""
    world = World(world_graphcron(**{"server": {"url": LIST[0]}, **spec}), trigger=RequestAnnotation("now", NOW))
    world.look(NOW)
    assert world.jobs
    world.settings = replace(world.settings, **(settings or {"allowed_servers": LIST}))
    world.wrong = wrong or {"timeZone": "Mars/Olympus"}
    return world


@WRONG
@pytest.mark.parametrize(
    "spec",
    [
        {"server": {"url": EVIL}}, {"runner": {"image": "evil/steal:1"}},
        {"runner": {"env": [{"name": "HTTPS_PROXY", "value": EVIL}]}},
        {"runner": {"annotations": {"sidecar.istio.io/proxyImage": "mine:1"}}},
        {"runner": {"labels": {"app": "postgres"}}}, {"runner": {"serviceAccountName": "cloud-admin"}},
    ],
)  # fmt: skip
def test_no_longer_allowed_stops_despite_other_problems(wrong, spec):
    world = spoilt(wrong=wrong, **spec)
    assert not world.cronjobs["hello"].suspended
    world.reconcile(NOW)
    assert world.cronjobs["hello"].suspended
    assert world.ended


@WRONG
@pytest.mark.parametrize(
    "settings",
    [
        {"allowed_servers": LIST},
        {"allowed_servers": LIST, "runner_image": "graphcron/runner:2@sha256:00"},
    ],
)  # fmt: skip
def test_what_is_allowed_goes_on_in_what_an_invalid_spec_left(wrong, settings):
    world = spoilt(settings, wrong)
    world.reconcile(NOW)
    assert not world.cronjobs["hello"].suspended
    assert not world.ended


def test_allowed_pod_parts_continue_under_invalid_spec():
    runner = {
        "annotations": {"example.com/a": "1\n2", "note": "a==b"}, "labels": {"team": "a"}, "serviceAccountName": "runner",
    }  # fmt: skip
    pods = {each: getattr(PODS, f"allowed_{each}") for each in ("servers", "annotations", "labels", "service_accounts")}
    world = spoilt({f"allowed_{name}": entries for name, entries in pods.items()}, runner=runner)
    world.reconcile(NOW)
    assert not world.cronjobs["hello"].suspended
    assert not world.ended


DEFAULTS = {
    "labels": {"team": "platform"},
    "annotations": {"example.com/note": "long" * 100},
    "nodeSelector": {"pool": "agents"},
    "serviceAccountName": "runner",
}


def test_runner_defaults_are_allowed_without_a_list():
    world = World(world_graphcron(server={"url": LIST[0]}), trigger=RequestAnnotation("now", NOW))
    world.settings = replace(world.settings, allowed_servers=LIST, runner_defaults=DEFAULTS)
    world.look(NOW)
    assert world.cronjobs["hello"].restricted.labels == (("team", "platform"),)
    world.reconcile(NOW)
    assert not world.cronjobs["hello"].suspended
    assert not world.ended


@pytest.mark.parametrize(
    "defaults",
    [{}, {"labels": {"team": "other"}}, {"annotations": {"example.com/note": "long"}}, {"serviceAccountName": "other"}],
)
def test_pods_with_another_value_than_the_runner_default_run_no_more(defaults):
    pods = RestrictedFields(
        server=LIST[0],
        image="graphcron/runner",
        annotations=(("example.com/note", "a"),),
        labels=(("team", "platform"),),
        service_account="runner",
    )
    right = {
        "labels": {"team": "platform"},
        "annotations": {"example.com/note": "a"},
        "serviceAccountName": "runner",
    }
    assert not refusal_of(pods, Settings(allowed_servers=LIST, runner_defaults=right))
    assert refusal_of(pods, Settings(allowed_servers=LIST, runner_defaults=right | defaults if defaults else {}))


@pytest.mark.parametrize("field", ["labels", "annotations", "serviceAccountName"])
def test_a_graphcron_may_not_replace_a_runner_default_without_a_list(field):
    other = "other" if field == "serviceAccountName" else dict.fromkeys(DEFAULTS[field], "other")
    with pytest.raises(NotAllowedError, match=rf"^spec\.runner\.{field}: is not allowed"):
        check_graphcron(graphcron(runner={field: other}), replace(LIMITED, runner_defaults=DEFAULTS))


@pytest.mark.parametrize("limits", [{}, {"allowed_servers": LIST, "allowed_annotations": ("*",)}])
def test_allowed_servers_security_profile_annotations_suspend_cronjob(limits):
    """Annotations that set a security profile suspend the CronJob of an older release."""
    world = spoilt({"log_level": "info", **limits})
    key = "container.apparmor.security.beta.kubernetes.io/runner"
    world.wrong = {"runner": {"annotations": {key: "unconfined"}}}
    old = world.cronjobs["hello"]
    unconfined = ((key, "unconfined"),)
    world.cronjobs["hello"] = replace(old, restricted=replace(old.restricted, annotations=unconfined))
    world.reconcile(NOW)
    assert world.cronjobs["hello"].suspended
    assert condition(world.status, "Ready").reason == "InvalidSpec"


def test_unreadable_pod_forbidden_only_with_allow_list():
    assert not refusal_of(RestrictedFields(), Settings())
    assert refusal_of(RestrictedFields(), LIMITED)


@pytest.mark.parametrize("name", ["graphcrons", "events"])
def test_forbidden_jobs_are_ended_even_if_the_status_cannot_be_written(name):
    world = spoilt(server={"url": EVIL})
    world.fault = lambda method, resource, _: Fault(500) if resource == name and method in {"PUT", "POST"} else None
    world.reconcile(NOW)
    assert world.ended


def test_forbidden_jobs_graphcron_deleted_ended_after_failure():
    """Ending the forbidden Jobs of a GraphCron under deletion is retried after a failure."""
    world = spoilt(wrong={"deletionTimestamp": "now"}, server={"url": EVIL})
    world.fault = lambda method, resource, _: Fault(500) if (method, resource) == ("DELETE", "jobs") else None
    world.reconcile(NOW)
    assert not world.ended
    assert world.again == NOW + SIDECAR_GRACE
    world.fault = lambda *_: None
    world.reconcile(world.again)
    assert world.ended
    world.reconcile(NOW)
    assert world.again is None


@WRONG
def test_of_another_installation_nothing_is_suspended_or_ended(wrong):
    world = spoilt(wrong=wrong, server={"url": EVIL})
    world.cronjobs = {name: replace(each, installation="other/one") for name, each in world.cronjobs.items()}
    before = dict(world.cronjobs)
    world.orphans = [replace(each, uid="o") for each in before.values()]
    orphans = list(world.orphans)
    world.reconcile(NOW)
    assert (world.cronjobs, world.orphans, world.ended) == (before, orphans, [])


def test_is_allowed_is_linear_in_the_length_of_a_url():
    began = time.monotonic()
    entries = ("http://*a*a*a*a*b.svc", "http://*.*.*.*.svc")
    assert not is_allowed("http://" + "a." * 100_000, entries)
    assert not is_listed("a" * 100_000, "b" * 100_000, ("*a*a*a*a*c", "a*=*b*b*b*b*c"))
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("url", "entry", "expected"),
    [
        ("http://a.b.svc", "http://*.*.svc", True), ("http://a.svc", "http://*.*.svc", False),
        ("http://aab.svc", "http://*a*.svc", True), ("http://a.svc.svc", "http://*.svc", True),
        ("http://a.svc.svc/x", "http://*.svc", True), ("http://ab.svc/x/y", "http://*b.svc/x", True),
        ("http://abcb.svc", "http://*b*b.svc", True), ("http://.svc", "http://*.svc", False),
    ],
)  # fmt: skip
def test_is_allowed_matches_several_stars(url, entry, expected):
    assert is_allowed(url, (entry,)) is expected
