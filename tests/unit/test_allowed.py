"""The allow-list of servers."""

import pytest

from graphcron.allowed import check_graphcron, check_server, is_allowed
from graphcron.errors import NotAllowedError
from graphcron.model import parse, parse_server
from graphcron.settings import Settings

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
        {}, {"server": {}}, {"server": {"url": "https://langgraph.example.com/x"}}, {"runner": {"labels": {"a": "b"}}},
        {"server": {"url": "http://default.svc:2024"}},
    ],
)  # fmt: skip
def test_what_is_on_the_list_passes_and_so_does_the_operators_own_server(spec):
    check_graphcron(graphcron(**spec), LIMITED)


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"server": {"url": EVIL}}, "spec.server.url"),
        ({"runner": {"image": "mine:1"}}, "spec.runner.image"),
        ({"runner": {"env": [{"name": "HTTP_PROXY", "value": EVIL}]}}, "spec.runner.env"),
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
        match=r"https://evil\.example\.net is no server that the administrator allows; name one of http://default\.svc:2024, https://langgraph",
    ):
        check_graphcron(graphcron(server={"url": EVIL}), LIMITED)


def test_a_graph_server_is_measured_by_the_same_list():
    check_server(server("https://example.com/langgraph"), LIMITED)
    check_server(server(EVIL), Settings())
    with pytest.raises(NotAllowedError) as error:
        check_server(server(EVIL), LIMITED)
    assert error.value.field == "spec.url"
