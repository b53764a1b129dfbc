"""Wait for the first run of the demo, and read its result from the LangGraph server."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from installing import SERVER, SERVER_NAMESPACE, SERVER_PORT, InstallError, get, kubectl, say

if TYPE_CHECKING:
    from installing import Cluster

NAMESPACE = "demo"
"""Where the demo's GraphCrons are."""

FIRST = "hello"
"""The GraphCron whose run is waited for."""

RUN_SECONDS = 120
"""How long after it was due the run may take: its pod has to start, and the graph to run."""

Json = dict[str, Any]


def wait_for_run(cluster: Cluster) -> Json:
    """Wait until a run has finished, unless one has succeeded before; return its entry in the status."""
    begun = datetime.now(UTC)
    due = _wait_until_scheduled(cluster, begun)
    before = _finished_before(cluster)
    if before:
        say(f"{FIRST} has run before, last at {before['scheduledTime'][11:19]}; it is due again at {due:%H:%M:%S} UTC")
        return before
    told = ""
    while True:
        graphcron = _graphcron(cluster)
        entry = _finished_since(graphcron, begun)
        if entry:
            say(f"The run of {entry['scheduledTime'][11:19]} has finished: {entry['outcome']}")
            return entry
        told = _tell_progress(graphcron, begun, due, told)
        if datetime.now(UTC).timestamp() > due.timestamp() + RUN_SECONDS:
            why = _last_words(cluster, graphcron)
            raise InstallError(f"{FIRST} was due at {due:%H:%M:%S} UTC and has not finished: {why}")
        time.sleep(1)


def _wait_until_scheduled(cluster: Cluster, begun: datetime) -> datetime:
    """Wait until the operator reports the next scheduled time, and return it."""
    deadline = time.monotonic() + 60
    while True:
        status = _graphcron(cluster).get("status", {})
        ready = _condition(status, "Ready")
        due = _time(status.get("nextScheduleTime", "0001-01-01T00:00:00Z"))
        if ready.get("status") == "True" and due > begun:
            return due
        if _condition(status, "Stalled") or time.monotonic() > deadline:
            raise InstallError(f"{FIRST} is not ready: {ready.get('message', 'the operator has not looked at it')}")
        time.sleep(0.5)


def _finished_before(cluster: Cluster) -> Json | None:
    """Return the newest run that has succeeded and whose thread the server still has."""
    runs: list[Json] = _graphcron(cluster)["status"].get("recentRuns", [])
    done = next((each for each in runs if each["outcome"] == "Succeeded"), None)
    try:
        return done if done and ask_server(cluster, f"threads/{done['threadId']}") else None
    except InstallError:  # a server that was installed anew has none of them
        return None


def _finished_since(graphcron: Json, begun: datetime) -> Json | None:
    runs: list[Json] = graphcron["status"].get("recentRuns", [])
    return next((each for each in runs if _time(each["scheduledTime"]) > begun and each["outcome"] != "Skipped"), None)


def _tell_progress(graphcron: Json, begun: datetime, due: datetime, told: str) -> str:
    """Print a line if the progress has changed or ten seconds have passed; return the last progress."""
    now = datetime.now(UTC)
    left = int((due - now).total_seconds()) + 1
    active = graphcron["status"].get("active")
    if left > 0:
        news, line = f"{(now - begun).seconds // 10}", f"{FIRST} is due at {due:%H:%M:%S} UTC, {left} s to go"
    elif active:
        news = line = f"The Job {active[-1]['job']} runs"
    else:
        news = line = "Now it is due: Kubernetes makes its Job"
    if news != told:
        say(line)
    return news


def _last_words(cluster: Cluster, graphcron: Json) -> str:
    events = get(cluster, "events", "--namespace", NAMESPACE, "--field-selector", "type=Warning")["items"]
    if events:
        return str(events[-1]["message"])
    return str(_condition(graphcron["status"], "Ready").get("message", ""))


def _graphcron(cluster: Cluster) -> Json:
    found: Json = get(cluster, "graphcron", FIRST, "--namespace", NAMESPACE)
    return found


def _condition(status: Json, kind: str) -> Json:
    return next((each for each in status.get("conditions", []) if each["type"] == kind), {})


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def facts_of(cluster: Cluster, entry: Json) -> list[tuple[str, str]]:
    """Return the facts about a run: its entry in the status, and the answer from the server."""
    cost = f"{entry.get('durationSeconds', 0):.1f} s, {entry.get('tokens', 'unknown')} tokens"
    facts = [
        ("GraphCron", f"{NAMESPACE}/{FIRST}"),
        ("Outcome", f"{entry['outcome']} ({cost})"),
        ("Run", entry.get("runId", "")),
        ("Thread", entry.get("threadId", "")),
    ]
    if entry["outcome"] == "Succeeded":
        messages = ask_server(cluster, f"threads/{entry['threadId']}/state")["values"]["messages"]
        facts += [("Question", messages[0]["content"]), ("Answer", messages[-1]["content"])]
    return facts


def ask_server(cluster: Cluster, path: str) -> Json:
    """GET a path of the LangGraph server, through the API server's proxy for Services."""
    proxy = f"/api/v1/namespaces/{SERVER_NAMESPACE}/services/{SERVER}:{SERVER_PORT}/proxy"
    answer: Json = json.loads(kubectl(cluster, "get", "--raw", f"{proxy}/{path}"))
    return answer
