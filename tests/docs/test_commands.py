"""Every command that the pages show is one that exists: verbs, options, targets, files and paths of an API."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.cluster import ROOT
from tests.docs.page import PAGES
from tests.docs.programs import problem_of
from tests.docs.shell import UNKNOWN, Shell, shell_of, spans

ALL_PAGES: Final = [*PAGES, ROOT / "charts/graphcron/README.md"]


@pytest.fixture(scope="session")
def tools() -> Path:
    """Return the folder of kubectl and helm, in the versions that the tests use."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "hack/cluster"), "tools"], check=True, capture_output=True, text=True
    )
    return Path(done.stdout.strip())


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.name)
def test_commands_exist(page: Path, tools: Path) -> None:
    shell = shell_of(page)
    wrong = {each.place: problem for each in shell.commands if (problem := problem_of(each, shell, tools))}
    assert wrong == {}


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.name)
def test_commands_in_the_text_exist(page: Path, tools: Path) -> None:
    """What stands in the text may be a part of a command; what it lacks is nothing wrong."""
    wrong = {}
    for text, line in spans(page):
        if not re.match(r"(kubectl|helm|make|graphcron) [a-z]|python hack/", text) or UNKNOWN in text or "VERB" in text:
            continue
        shell = Shell()
        shell.read(text, page.name, line)
        (command,) = shell.commands
        problem = problem_of(command, shell, tools)
        if problem and not re.search(r"needs an argument|is required|Missing (argument|option)", problem):
            wrong[f"{command.place}: {text}"] = problem
    assert wrong == {}


SLIPS: Final = [
    ("kubectl get gcron --namespce agents", "unknown flag: --namespce"),
    ("kubectl anotate gcron one a=b", 'unknown command "anotate"'),
    ("kubectl create secrett generic one", "no such command: kubectl create secrett"),
    ("kubectl rollout --namespace agents staus deployment/graphcron", "no such command: kubectl rollout"),
    ("kubectl scale deployment/graphcron --replicas=none", "invalid argument"),
    ("kubectl apply -f examples/helo.yaml", "there is no examples/helo.yaml"),
    ("kubectl apply --filename daily.yaml", "there is no daily.yaml"),
    ("for each in a b; do kubectl get $each --al; done", "unknown flag: --al"),
    ('THREAD="$(kubectl get gcron one --outputs json)"', "unknown flag: --outputs"),
    ("helm upgrade graphcron charts/graphcron --reset-then-reuse-value", "unknown flag"),
    ("helm instal graphcron charts/graphcron", 'unknown command "instal"'),
    ("helm install graphcron chart/graphcron", "there is no chart/graphcron"),
    ("helm install graphcron charts/graphcron --set servers.url=http://one", "servers"),
    ("graphcron lnt crons/", "No such command 'lnt'"),
    ("graphcron lint --otuput github crons/", "No such option: --otuput"),
    ("graphcron lint --output xml crons/", "'xml' is not one of"),
    ("graphcron create", "Missing argument"),
    ("kubectl graphcron import --namespace agents", "Missing option '--url'"),
    ("make demos", "No rule to make target 'demos'"),
    ("make chaos OCCURENCES=3", "knows no OCCURENCES"),
    ("python hack/cluster upp --name dev", "invalid choice: 'upp'"),
    ("python hack/cluster up --nam-e dev", "unrecognized arguments: --nam-e"),
    ("python hack/clusters up", "there is no hack/clusters"),
    (".venv/bin/pytest tests/e3e", "there is no tests/e3e"),
    (".venv/bin/pytests tests/e2e", "there is no .venv/bin/pytests"),
    ("docker build --target opreator .", "no stage opreator"),
    ('curl --fail-with-boddy "$LANGGRAPH_URL/threads"', "--fail-with-boddy: is unknown"),
    ('curl --request POST "$LANGGRAPH_URL/threads/$THREAD_ID/run"', "no POST /threads/{THREAD_ID}/run"),
    ('curl --request PUT "$LANGGRAPH_URL/threads"', "no PUT /threads"),
    ('ALL="http://127.0.0.1/apis/graphcron.dev/v1/namespaces/agents/graphcrons"; curl "$ALL/one"', "no path of ours"),
    ("frobnicate", "nobody checks frobnicate"),
]


@pytest.mark.parametrize(("text", "said"), SLIPS, ids=[text for text, _ in SLIPS])
def test_a_slip_is_found(text: str, said: str, tools: Path) -> None:
    shell = Shell()
    shell.read(text, "page")
    problems = [problem for each in shell.commands if (problem := problem_of(each, shell, tools))]
    assert said in " ".join(problems)


def test_what_is_no_shell_is_found() -> None:
    with pytest.raises(ValueError, match="can't read"):
        Shell().read("kubectl get (gcron", "page")
