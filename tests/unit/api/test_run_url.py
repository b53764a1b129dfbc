"""Links to runs."""

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphcron.api.run_url import MAX_LENGTH, PLACEHOLDERS, run_url
from graphcron.api.v1alpha1 import Server
from graphcron.errors import SpecError
from graphcron.settings import from_environment
from tests.unit.api.test_model import problems, with_spec

RUN = {"thread_id": "t-1", "run_id": "r-1", "assistant": "agent", "namespace": "agents", "name": "nightly"}
LANGSMITH = "https://smith.langchain.com/o/ORG/projects/p/PROJECT/r/{runId}?poll=true"
STUDIO = "https://smith.langchain.com/studio/thread/{threadId}?baseUrl=https%3A%2F%2Flanggraph.example.com"
ALL = "https://[fd00::1]:8443/{namespace}/{name}?a={assistant}&t={threadId}&r={runId}#{runId}{runId}"
VALID = [LANGSMITH, STUDIO, ALL, "http://ui", "http://ui.agents.svc:80/~a/(b);c=$(X),'@:[]!*+"]

INVALID = {
    "javascript:alert(1)//{runId}": "is not an http or https URL",
    "JavaScript://ui.example.com/%0aalert(1)": "is not an http or https URL",
    "data:text/html,{runId}": "is not an http or https URL",
    "HTTPS://ui.example.com/{runId}": "is not an http or https URL",
    "//ui.example.com/{runId}": "is not an http or https URL",
    "": "is not an http or https URL",
    "https://ui.example.com/\x1b]8;;{runId}": "contains a character",
    "https://ui.example.com/{runId}\n": "is not an http or https URL",
    "https://ui.example.com/{runId}\t": "contains a character",
    "https://ui.example.com/a b": "contains a character",
    "https://ui.example.com/<script>": "contains a character",
    "https://ui.example.com/\u202e{runId}": "contains a character",
    "https://ui.example.com/ü": "contains a character",
    "https://ui.example.com\\@evil.example.com/": "contains a character",
    "https://smith.langchain.com@evil.example.com/{runId}": "has no valid host",
    "https://user:password@ui.example.com/": "has no valid host",
    "https://{namespace}.example.com/{runId}": "has no valid host",
    "https://ui.example.com:http/": "has no valid host",
    "https://ui.example.com/{run_id}": "has a brace",
    "https://ui.example.com/{{runId}}": "has a brace",
    "https://ui.example.com/{runId": "has a brace",
    "https://ui.example.com/{}": "has a brace",
}


@pytest.mark.parametrize(
    ("template", "url"),
    [
        (LANGSMITH, "https://smith.langchain.com/o/ORG/projects/p/PROJECT/r/r-1?poll=true"),
        (STUDIO, STUDIO.replace("{threadId}", "t-1")),
        (ALL, "https://[fd00::1]:8443/agents/nightly?a=agent&t=t-1&r=r-1#r-1r-1"),
        ("https://ui.example.com/", "https://ui.example.com/"),
        ("", None),
        (None, None),
    ],
)
def test_link_to_a_run(template: str | None, url: str | None) -> None:
    assert run_url(template, **RUN) == url


@pytest.mark.parametrize("lacks", [{"run_id": None}, {"run_id": ""}, {"thread_id": None, "run_id": None}])
def test_there_is_no_link_without_a_run_or_a_value(lacks: dict[str, None]) -> None:
    assert run_url(LANGSMITH, **{**RUN, **lacks}) is None
    both = lacks.keys() == {"thread_id", "run_id"}
    assert run_url("https://ui.example.com/", **{**RUN, **lacks}) == (None if both else "https://ui.example.com/")


@pytest.mark.parametrize("template", VALID)
def test_valid_template_is_accepted(template: str) -> None:
    assert problems(with_spec(server={"uiUrl": template})) == []
    assert from_environment({"GRAPHCRON_UI_URL": template}).ui_url == template


@pytest.mark.parametrize(("template", "problem"), INVALID.items())
def test_invalid_template_is_rejected(template: str, problem: str) -> None:
    found, *others = problems(with_spec(server={"uiUrl": template}))
    assert {each.field for each in (found, *others)} == {"spec.server.uiUrl"}
    assert found.problem.startswith(problem)
    if template.strip() == template and template:
        with pytest.raises(SpecError, match=f"GRAPHCRON_UI_URL: {problem}"):
            from_environment({"GRAPHCRON_UI_URL": template})


def test_long_template_is_rejected() -> None:
    (found,) = problems(with_spec(server={"uiUrl": "https://ui/" + "a" * MAX_LENGTH}))
    assert found.field == "spec.server.uiUrl"


@given(st.fixed_dictionaries({name: st.text(st.characters(exclude_categories=("Cs",)), min_size=1) for name in RUN}))
def test_values_cannot_leave_their_place(values: dict[str, str]) -> None:
    """A server chooses its ids, and a user the name of the assistant."""
    url = run_url(ALL, **values)
    assert url is not None
    assert url.isascii()
    assert url.isprintable()
    parts, expected = urlsplit(url), urlsplit(ALL)
    assert (parts.scheme, parts.netloc) == (expected.scheme, expected.netloc)
    assert [unquote(each) for each in parts.path.split("/")] == ["", values["namespace"], values["name"]]


def test_placeholders_are_those_that_the_field_documents() -> None:
    description = Server.model_fields["ui_url"].description or ""
    assert all(f"`{{{each}}}`" in description for each in PLACEHOLDERS)
