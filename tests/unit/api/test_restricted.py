"""What a Job's pods carry that an allow-list limits, read from specs that anybody may have written."""

import json
import time

import pytest

from graphcron.api import names
from graphcron.api.oversized import LARGEST_SPEC, bounded
from graphcron.api.restricted import RestrictedFields, restricted_fields, spec_with_restricted
from graphcron.cache.objects import cached_cronjob, cached_job
from tests.unit.world import NOW, World, applied, graphcron

URL = "https://langgraph.example.com"


def spec(request="", **parts):
    container = {
        "name": "runner",
        "image": parts.get("image", "registry.example.com:5000/graphcron/runner:1@sha256:ab"),
        "env": [{"name": "GRAPHCRON_REQUEST", "value": request or json.dumps({"url": URL})}, *parts.get("env", ())],
    }
    metadata = {"labels": parts.get("labels", {}), "annotations": parts.get("annotations", {})}
    pod = {"containers": [{"name": "istio-proxy", "image": "x"}, container]}
    pod |= {"serviceAccountName": parts["account"]} if "account" in parts else {}
    return {"suspend": True, "template": {"metadata": metadata, "spec": pod}}


FULL = spec(
    image="mine",
    env=[{"name": "HTTPS_PROXY", "value": "x"}],
    labels={
        names.LABEL_NAME: "hello", names.LABEL_MANAGED_BY: "graphcron", "controller-uid": "u", "job-name": "hello-1",
        "batch.kubernetes.io/job-name": "hello-1", "app": "postgres",
    },
    annotations={"b": "2", "a": "1", "graphcron.dev/x": "y"},
    account="cloud-admin",
)  # fmt: skip


def test_carried_by_keeps_what_is_not_the_operators_own():
    assert restricted_fields(FULL) == RestrictedFields(
        server=URL,
        image="mine",
        env=("HTTPS_PROXY",),
        annotations=(("a", "1"), ("b", "2")),
        labels=(("app", "postgres"),),
        service_account="cloud-admin",
    )
    assert restricted_fields(spec()) == RestrictedFields(server=URL, image="registry.example.com:5000/graphcron/runner")
    assert restricted_fields({}) == RestrictedFields()


@pytest.mark.parametrize(
    "url", ["https://a/" + "x" * 2048, "https://a\nb", "https://a?b", "https://a#b", "ftp://a", "a", "", 7, None]
)
def test_carried_by_keeps_no_url_that_no_graphcron_may_have(url):
    assert restricted_fields(spec(json.dumps({"url": url}))).server == ""


@pytest.mark.parametrize(
    "parts",
    [
        {"env": [{"name": f"A{number}"} for number in range(1000)]},
        {"labels": {f"a{number}": "" for number in range(1000)}},
        {"annotations": {f"a{number}": "" for number in range(1000)}},
        {"image": "x" * 1025}, {"account": "x" * 254}, {"env": [{"name": "x" * 254}]},
    ],
)  # fmt: skip
def test_carried_by_bounds_what_it_keeps(parts):
    assert restricted_fields(spec(**parts)) == RestrictedFields()


def test_carried_by_cuts_long_values_of_annotations():
    [(_, value)] = restricted_fields(spec(annotations={"a": "x" * 200_000})).annotations
    assert len(value) < 300


@pytest.mark.parametrize(
    "key",
    [
        "container.apparmor.security.beta.kubernetes.io/runner", "seccomp.security.alpha.kubernetes.io/pod",
        "container.seccomp.security.alpha.kubernetes.io/runner",
    ],
)  # fmt: skip
def test_carried_by_notices_annotations_of_the_security_profile(key):
    assert restricted_fields(spec(annotations={key: "unconfined"})).is_unconfined
    assert restricted_fields(spec(annotations={key: "unconfined", **{f"a{n}": "" for n in range(1000)}})).is_unconfined
    assert not restricted_fields(FULL).is_unconfined


@pytest.mark.parametrize("each", [FULL, spec(), spec(annotations={"a": "x" * 2000}), spec(image=""), {}])
def test_a_spec_that_was_cut_carries_the_same(each):
    cut = spec_with_restricted(restricted_fields(each))
    assert restricted_fields(cut) == restricted_fields(each)
    assert len(json.dumps(cut)) < 4096
    unconfined = spec(annotations={"container.apparmor.security.beta.kubernetes.io/runner": "unconfined"})
    assert restricted_fields(spec_with_restricted(restricted_fields(unconfined))) == restricted_fields(unconfined)


def test_bounded_keeps_what_the_pods_of_large_cronjobs_and_jobs_carry():
    large = spec(env=[{"name": f"A{number}", "value": "x" * 32_000} for number in range(10)])
    metadata = {"name": "hello", "namespace": "a", "uid": "u"}
    cronjob = {"metadata": metadata, "spec": {"suspend": True, "jobTemplate": {"spec": large}}}
    job = {"metadata": metadata, "spec": large}
    for body in (cronjob, job):
        assert len(json.dumps(body)) > LARGEST_SPEC
        assert len(json.dumps(bounded(body))) < 4096
    assert cached_cronjob(bounded(cronjob)) == cached_cronjob(cronjob)
    assert cached_cronjob(bounded(cronjob)).suspended
    assert cached_job(bounded(job)) == cached_job(job)
    assert cached_job(job).restricted.server == URL


def test_a_graphcron_that_is_accepted_is_read_from_its_large_cronjob():
    env = [{"name": f"A{number}", "value": "\\" * 16_000} for number in range(10)]
    world = World(graphcron(runner={"env": env}, server={"url": URL}))
    plan = world.look(NOW)
    assert applied({**plan.cronjobs[0]}).restricted == applied(dict(bounded(plan.cronjobs[0]))).restricted
    assert world.cronjobs["hello"].restricted.server == URL


def test_carried_by_reads_a_hostile_url_in_time():
    began = time.monotonic()
    for number in range(200):
        restricted_fields(spec(json.dumps({"url": f"http://{number}" + "a" * 90_000})))
    assert time.monotonic() - began < 5
