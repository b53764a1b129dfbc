"""What a user of kubectl expects of the command line, with a stand-in for kubectl where a cluster is needed."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from graphcron import __version__
from tests.cli.offline.program import NOWHERE, manifest, run, text

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path


class StandIn:
    """A kubectl that notes how it is called, and prints one object, or a list for ``get`` without a name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = {**NOWHERE, "KUBECTL": str(folder / "kubectl"), "TZ": "UTC"}
        self.has()
        kubectl = folder / "kubectl"
        kubectl.write_text(
            f"""#!/bin/sh
echo "$@" >>{folder}/calls
case "$1 $2 $3" in
  "logs "*) cat {folder}/log ;;
  "get "*" --output="*) cat {folder}/list ;;
  *) cat {folder}/one ;;
esac
"""
        )
        kubectl.chmod(0o755)

    def has(self, *objects: dict[str, Any], log: str = "") -> None:
        """Set the objects of the cluster; the first one is what each name means."""
        (self._folder / "list").write_text(json.dumps({"items": objects}))
        (self._folder / "one").write_text(json.dumps(objects[0] if objects else {}))
        (self._folder / "log").write_text(log)

    def run(self, command: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run the program, which must end with that exit code."""
        (self._folder / "calls").write_text("")
        done = run(*shlex.split(command), environment=self._environment)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    @property
    def calls(self) -> list[str]:
        """How kubectl was called."""
        return (self._folder / "calls").read_text().splitlines()


@pytest.fixture
def kubectl(tmp_path: Path) -> StandIn:
    """Return a stand-in for kubectl with one GraphCron."""
    made = StandIn(tmp_path)
    made.has(graphcron())
    return made


def graphcron(name: str = "hello", namespace: str = "agents", **status: Any) -> dict[str, Any]:
    body = manifest(name, namespace=namespace)
    return {**body, "metadata": {**body["metadata"], "uid": f"uid-of-{name}"}, "status": status}


def ended(due: str, **more: Any) -> dict[str, Any]:
    return {"scheduledTime": due, "outcome": "Succeeded", "job": f"job-{due[8:10]}", **more}


@pytest.mark.parametrize(
    ("command", "call"),
    [
        ("-n agents list", "get graphcrons.graphcron.dev --output=json --namespace agents"),
        ("-A list", "get graphcrons.graphcron.dev --output=json --all-namespaces"),
        ("-n agents list -n other", "get graphcrons.graphcron.dev --output=json --namespace other"),
        ("--context c describe hello", "get graphcrons.graphcron.dev hello --output=json --context=c"),
        ("--kubeconfig=k suspend hello", "patch graphcrons.graphcron.dev hello --output=json --type=merge"),
    ],
)
def test_options_of_the_cluster_may_stand_before_the_verb(kubectl: StandIn, command: str, call: str) -> None:
    kubectl.run(command)
    assert kubectl.calls[0].startswith(call)
    assert ("--kubeconfig=k" in kubectl.calls[0]) == ("kubeconfig" in command)


def test_options_before_a_verb_without_a_cluster() -> None:
    stdin = text(manifest(schedule="H 4 * * *"))
    before = run("-n", "agents", "next", "-", "-o", "json", stdin=stdin)
    assert before.stdout == run("next", "-f", "-", "-n", "agents", "-o", "json", stdin=stdin).stdout
    assert run("--context", "c", "lint", "-", stdin=stdin).returncode == 0


def test_a_verb_for_one_namespace_refuses_all(kubectl: StandIn) -> None:
    done = kubectl.run("-A cancel hello", code=2)
    assert done.stderr.startswith("error: invalid value for -A: cancel takes one namespace; leave out -A")
    assert kubectl.calls == []


def test_help_of_a_verb_is_that_of_its_option() -> None:
    asked = run("help", "list")
    assert (asked.returncode, asked.stdout) == (0, run("list", "-h").stdout)
    assert run("help").stdout == run("-h").stdout
    done = run("help", "lst")
    assert (done.returncode, done.stderr) == (2, "error: no such command 'lst'. Did you mean 'list'?\n")


def test_version_needs_no_cluster() -> None:
    assert run("--version").stdout == f"graphcron {__version__}\n"
    assert run("version", "--client").stdout == f"graphcron  {__version__}\n"
    done = run("version")
    assert (done.returncode, done.stdout) == (0, f"graphcron  {__version__}\n")
    assert done.stderr.startswith("the operator's version is not known: /nonexistent can't be run")
    assert json.loads(run("version", "-o", "json").stdout) == {"client": __version__, "operators": None}


def test_version_tells_that_of_the_operator(kubectl: StandIn) -> None:
    labels = {"app.kubernetes.io/version": "0.0.9"}
    kubectl.has({"metadata": {"namespace": "graphcron-system", "name": "graphcron", "labels": labels}})
    assert kubectl.run("version").stdout.splitlines()[1] == "operator   0.0.9 (graphcron-system/graphcron)"
    assert kubectl.calls == [
        "get deployments.apps --output=json --all-namespaces --selector=graphcron.dev/component=operator"
    ]
    assert json.loads(kubectl.run("version -o json").stdout) == {
        "client": __version__,
        "operators": [{"namespace": "graphcron-system", "name": "graphcron", "version": "0.0.9"}],
    }
    kubectl.has()
    assert kubectl.run("version").stdout.splitlines()[1] == "operator   not installed"


@pytest.mark.parametrize("verb", [("lint", "-o", "json"), ("render", "-o", "name")])
def test_a_file_may_be_given_with_an_option(tmp_path: Path, verb: tuple[str, ...]) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(text(manifest(name, server={"url": "http://langgraph:2024"})))
    a, b = (str(tmp_path / f"{name}.yaml") for name in ("a", "b"))
    plain = run(*verb, a, b)
    assert plain.returncode == 0
    for words in (("-f", a, "-f", b), (a, "-f", b)):
        done = run(*verb, *words)
        assert (done.returncode, done.stdout, done.stderr) == (0, plain.stdout, plain.stderr)
    assert run(verb[0]).stderr.startswith(
        "error: invalid value for FILE: name a file, a folder, or - for standard input"
    )


def test_diff_takes_the_same_option(tmp_path: Path) -> None:
    done = run("diff", "-f", str(tmp_path / "none.yaml"))
    assert (done.returncode, "none.yaml:1:1: can't be read" in done.stderr) == (2, True)
    assert run("diff").returncode == 2


def test_next_takes_a_file_as_a_word(tmp_path: Path) -> None:
    file = tmp_path / "daily report.yaml"
    file.write_text(text(manifest()))
    expected = run("next", "-f", str(file), "-o", "json").stdout
    for word in (str(file), str(tmp_path)):
        assert run("next", word, "-o", "json").stdout == expected
    assert run("next", "-", "-o", "json", stdin=file.read_text()).stdout == expected


def test_next_takes_a_name_as_it_is_printed(kubectl: StandIn) -> None:
    kubectl.run("next graphcron.graphcron.dev/hello")
    assert kubectl.calls[0].startswith("get graphcrons.graphcron.dev hello ")


def test_next_takes_a_schedule() -> None:
    done = run("next", "30 8 * * 1-5", "--time-zone", "Europe/Berlin", "--count", "2", "--from", "2027-01-31")
    assert (done.returncode, done.stderr) == (0, "")
    zone, words, titles, *rows = done.stdout.splitlines()
    assert (zone, words) == ("Europe/Berlin:", "  At 08:30, Monday through Friday (30 8 * * 1-5)")
    assert titles.split() == ["Europe/Berlin", "YOUR", "TIME", "DUE"]
    assert [row[:26] for row in rows] == ["Mon 2027-02-01 08:30 +0100", "Tue 2027-02-02 08:30 +0100"]


@pytest.mark.parametrize(
    ("begin", "first"),
    [
        ("2027-01-31T09:00", "2027-01-31T08:00:00Z"),
        ("2027-01-31T09:01", "2027-02-01T08:00:00Z"),
        ("2027-01-31T09:00Z", "2027-02-01T08:00:00Z"),
        ("2027-01-31T08:00:00Z", "2027-01-31T08:00:00Z"),
        ("2020-07-01", "2020-07-01T07:00:00Z"),
    ],
)
def test_from_is_the_first_possible_time(begin: str, first: str) -> None:
    stdin = text(manifest(schedule="0 9 * * *", timeZone="Europe/Berlin"))
    done = run("next", "-", "--from", begin, "--count", "1", "-o", "json", stdin=stdin)
    assert json.loads(done.stdout)["nextScheduleTimes"] == [first]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("0 9 31 2 *",), 1, 'error: schedule: "0 9 31 2 *" never matches'),
        (("H 9 * * *",), 1, "error: the value of H depends on a GraphCron's namespace and name"),
        (("@daily", "--time-zone", "Mars"), 1, 'error: timeZone: there is no time zone "Mars"'),
        (("@daily", "-o", "name"), 2, "error: invalid value for --output: a schedule has no name"),
        (("hello", "--time-zone", "Etc/UTC"), 2, "error: invalid value for --time-zone: is for a schedule only"),
        (("@daily", "--from", "tomorrow"), 2, "error: invalid value for --from: 'tomorrow' is not a time"),
        (("@daily", "--from", "0001-01-01"), 2, "error: invalid value for --from: '0001-01-01' is not a time"),
        (
            ("@daily", "--count", "0"),
            2,
            "error: invalid value for '--count': Input should be greater than or equal to 1",
        ),
    ],
)
def test_a_wrong_schedule_is_one_line(words: tuple[str, ...], code: int, said: str) -> None:
    done = run("next", *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(said)
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ["list", "top", "forecast", "history", "suspend", "resume"])
def test_labels_select(kubectl: StandIn, command: str) -> None:
    kubectl.run(f"{command} -l team=a,stage!=dev")
    assert kubectl.calls[0] == "get graphcrons.graphcron.dev --output=json --selector=team=a,stage!=dev"
    if command in {"list", "history", "suspend", "resume"}:
        done = kubectl.run(f"{command} hello -l team=a", code=2)
        assert "names" in done.stderr


def test_list_takes_names(kubectl: StandIn) -> None:
    rows = kubectl.run("list hello").stdout.splitlines()
    assert [row.split()[0] for row in rows] == ["NAME", "hello"]
    assert kubectl.calls == ["get graphcrons.graphcron.dev hello --output=json"]
    assert kubectl.run("list hello -A", code=2).stderr.startswith("error: invalid value for NAME: names belong to one ")


def test_a_selector_that_nothing_matches_is_told(kubectl: StandIn) -> None:
    kubectl.has()
    done = kubectl.run("list -l team=b")
    assert done.stderr == "there are no GraphCrons with these labels here; -A lists those of all namespaces\n"


@pytest.mark.parametrize("verb", ["suspend", "resume"])
def test_a_change_of_all_is_told_so(kubectl: StandIn, verb: str) -> None:
    kubectl.has(graphcron(), graphcron("other"))
    said = kubectl.run(f"{verb} --all").stdout.splitlines()
    assert len(said) == 2
    assert kubectl.calls[0] == "get graphcrons.graphcron.dev --output=json"
    for words in ("", "hello --all", "--all -l a=b"):
        done = kubectl.run(f"{verb} {words}", code=2)
        assert done.stderr.startswith("error: invalid value for NAME: give names, or labels with -l, or --all; ")
        assert kubectl.calls == []


def test_the_history_of_several(kubectl: StandIn) -> None:
    first = graphcron(recentRuns=[ended("2026-11-22T12:00:00Z"), ended("2026-11-20T12:00:00Z")])
    kubectl.has(first, graphcron("other", "b", recentRuns=[ended("2026-11-21T12:00:00Z")]))
    titles, *rows = [row.split() for row in kubectl.run("history -A").stdout.splitlines()]
    listed = [f"get {kind}.graphcron.dev --output=json --all-namespaces" for kind in ("graphcrons", "graphruns")]
    assert kubectl.calls == listed
    assert titles[:4] == ["NAMESPACE", "NAME", "DUE", "OUTCOME"]
    assert [row[:4] for row in rows] == [
        ["agents", "hello", "Sun", "2026-11-22"],
        ["b", "other", "Sat", "2026-11-21"],
        ["agents", "hello", "Fri", "2026-11-20"],
    ]
    runs = yaml.safe_load(kubectl.run("history -A -o yaml").stdout)
    assert [(each["namespace"], each["name"], each["job"]) for each in runs] == [
        ("agents", "hello", "job-22"),
        ("b", "other", "job-21"),
        ("agents", "hello", "job-20"),
    ]
    assert kubectl.run("history").stdout.splitlines()[0].split()[0] == "NAME"
    one = json.loads(kubectl.run("history hello -o json").stdout)
    assert one == first["status"]["recentRuns"]


LOG = [
    {"time": "2026-11-22T08:30:05.123Z", "level": "info", "event": "started", "occurrence": "o-1", "pod": "p-1"},
    {"time": "2026-11-22T08:30:06Z", "level": "info", "event": "run", "occurrence": "o-1", "pod": "p-1", "run": "r-1"},
    {"time": "2026-11-22T08:31:00Z", "level": "warning", "event": "retry", "pod": "p-1", "run": "r-1", "why": "a b"},
]


def test_a_log_is_for_people_and_as_json_for_programs(kubectl: StandIn) -> None:
    lines = [*map(json.dumps, LOG), "[1] no event", '{"event": "half']
    labels = {"graphcron.dev/purpose": "run", "batch.kubernetes.io/job-name": "job-1"}
    made = {"name": "pod", "namespace": "agents", "labels": labels, "creationTimestamp": "2026-11-22T08:30:00Z"}
    kubectl.has({**graphcron(), "metadata": {**graphcron()["metadata"], **made}}, log="\n".join(lines) + "\n")
    assert kubectl.run("logs hello").stdout.splitlines() == [
        "2026-11-22 08:30:05 started occurrence=o-1 pod=p-1",
        "2026-11-22 08:30:06 run run=r-1",
        '2026-11-22 08:31:00 WARNING retry why="a b"',
        *lines[3:],
    ]
    assert kubectl.run("logs hello -o json").stdout.splitlines() == lines


def test_one_option_names_the_format_everywhere() -> None:
    stdin = text(manifest(schedule="*/45 * * * *"))
    assert json.loads(run("lint", "-", "-o", "json", stdin=stdin).stdout)[0]["severity"] == "warning"
    assert run("lint", "-", "-o", "github", stdin=stdin).stdout.startswith("::warning file=-")
    assert run("lint", "-", "--format", "json", stdin=stdin).returncode == 2
