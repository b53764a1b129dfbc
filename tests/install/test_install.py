"""``helm install``, ``helm test`` and ``helm uninstall``, as an administrator does them."""

import re

from tests.cluster import wait_for

OWN = {"serviceaccount/default", "configmap/kube-root-ca.crt"}
"""What Kubernetes puts into each namespace, a moment after it is made."""


def test_a_release_is_tried_end_to_end_and_leaves_nothing(release):
    before = wait_for("namespace that is complete", lambda: (found := release.objects()) >= OWN and found)
    release.install()
    assert release.objects() > before
    tried = release.test()
    assert not tried.returncode, tried.stdout + tried.stderr
    assert "GraphCron works" in tried.stdout
    assert not release.cluster.items("--namespace", release.namespace, "graphcrons,cronjobs,jobs")
    release.uninstall()

    def left(*kinds):
        return {each for each in release.objects() - before if each.startswith(kinds)}

    wait_for("end of what only Kubernetes takes away", lambda: not left("pod/", "replicaset.", "endpointslice."))
    assert not left("")


def test_the_trial_runs_an_assistant_of_ones_own(release, server):
    words = {"messages": [{"role": "user", "content": "Hello"}]}
    release.install(server={"url": server.url}, test={"assistant": "agent", "input": words})
    tried = release.test()
    assert not tried.returncode, tried.stdout + tried.stderr
    run, thread = re.search(r"accepted the run (\S+) on the thread (\S+)", tried.stdout).groups()
    assert server.get(f"/threads/{thread}/runs/{run}")["status"] == "success"


def test_a_server_that_does_not_answer_is_told(release):
    nobody = f"http://nobody.{release.namespace}.svc:2024"
    release.install(server={"url": nobody}, test={"assistant": "agent", "timeoutSeconds": 90})
    tried = release.test()
    assert tried.returncode
    assert "FAILED: the LangGraph server can't be used (ServerUnreachable): gave up: " in tried.stdout
    assert f"kubectl --namespace {release.namespace} logs deployment/{release.name}-graphcron" in tried.stdout
    assert not release.cluster.items("--namespace", release.namespace, "graphcrons,cronjobs,jobs")


def test_a_namespace_that_is_not_watched_is_told(release, other_namespace):
    release.install(watchNamespaces=[other_namespace], test={"namespace": release.namespace})
    tried = release.test()
    assert tried.returncode
    assert f"FAILED: the operator does not watch the namespace {release.namespace}" in tried.stdout
