"""A GraphCron that names a GraphServer → one that names its server itself."""

from typing import Any

import pytest

from graphcron.api import names
from graphcron.api.server_ref import resolved
from graphcron.api.v1alpha1 import Budget, GraphServer, Server, parse_server
from graphcron.errors import SpecError
from graphcron.manifests.pod import pod_template_for
from graphcron.settings import Settings
from tests.unit.world import NOW, graphcron

FULL = {
    "url": "https://langgraph.example.com/prefix",
    "apiKeySecretRef": {"name": "langgraph", "key": "api-key"},
    "caBundleRef": {"configMapKeyRef": {"name": "company-ca", "key": "ca.crt"}},
    "headers": [{"name": "x-tenant", "value": "research"}],
    "maxConcurrentRuns": 4,
    "uiUrl": "https://ui.example.com/{runId}",
    "budget": {"maxTokens": 1000, "window": "day"},
}


def server(**spec: Any) -> GraphServer:
    metadata = {"name": "shared", "namespace": "agents", "uid": "s", "generation": 1}
    return parse_server({"apiVersion": names.API_VERSION, "kind": "GraphServer", "metadata": metadata, "spec": spec})


def test_all_of_the_server_takes_its_place():
    found = resolved(graphcron(serverRef={"name": "shared"}), server(**FULL)).spec
    assert found.server_ref is None
    inline = {key: value for key, value in FULL.items() if key != "budget"}
    assert found.server == Server.model_validate(inline)
    assert found.budget == Budget(max_tokens=1000, window="day")


def test_nothing_else_changes():
    before = graphcron(serverRef={"name": "shared"}, timeoutSeconds=5)
    after = resolved(before, server(**FULL))
    update = {"server": after.spec.server, "server_ref": None, "budget": after.spec.budget}
    assert after == before.model_copy(update={"spec": before.spec.model_copy(update=update)})


@pytest.mark.parametrize("budget", [{}, {"maxTokensPerRun": 5}, {"maxTokens": 7, "window": "week"}], ids=str)
def test_a_budget_of_its_own_counts_even_an_empty_one(budget):
    found = resolved(graphcron(serverRef={"name": "shared"}, budget=budget), server(**FULL)).spec.budget
    assert found is not None
    assert found.model_dump(by_alias=True, exclude_none=True) == budget


def test_without_a_reference_a_graphcron_is_as_it_was():
    before = graphcron(server={"url": "http://own"})
    assert resolved(before, None) is before
    assert resolved(before, server(**FULL)) is before


def test_a_server_that_is_not_there_is_named():
    with pytest.raises(SpecError, match=r"spec\.serverRef: there is no valid GraphServer named shared") as raised:
        resolved(graphcron(serverRef={"name": "shared"}), None)
    assert raised.value.field == "spec.serverRef"


def test_the_operators_own_key_and_certificates_do_not_go_to_it():
    settings = Settings(server_url="http://ours", api_key_secret_name="ours", ca_config_map_name="ours")
    template = pod_template_for(
        resolved(graphcron(serverRef={"name": "shared"}), server(url="http://theirs")), settings, since=NOW
    )
    assert "ours" not in str(template)
    assert "http://theirs" in str(template)


def test_server_ref_pods_equal_inline_server():
    inline = {key: value for key, value in FULL.items() if key != "budget"}
    by_reference = resolved(graphcron(serverRef={"name": "shared"}), server(**FULL))
    by_hand = graphcron(server=inline, budget=FULL["budget"])
    made = [pod_template_for(each, Settings(), since=NOW) for each in (by_reference, by_hand)]
    assert made[0] == made[1]
