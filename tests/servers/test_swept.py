"""At most one run, and a budget that holds, on servers that sweep threads."""

import pytest

from graphcron.contract import Budget, Outcome
from graphcron.runner.budget import ledger
from tests.runner.harness import Api, Cron, wait_for
from tests.servers.beds import AegraApi

SLOW = {"assistant": "steps", "input": {"steps": 8, "seconds": 0.4}}
SPENDER = {"assistant": "spender", "input": {"calls": 1, "seconds": 0}}
PER_RUN = 40 + 120


def new_thread(api: Api) -> str:
    """Make a thread of the user's."""
    return str(api.get("POST", "/threads", {})["thread_id"])


def exists(api: Api, thread: str) -> bool:
    """Tell whether there is such a thread."""
    return api.ask("GET", f"/threads/{thread}")[0] == 200


def test_record_deleted_and_pod_killed_next_pod_follows_the_run(api: Api, cron: Cron) -> None:
    thread = new_thread(api)
    pod = cron.pod(**SLOW, thread=thread)
    (run,) = wait_for("run", lambda: api.runs(thread))
    pod.process.kill()
    pod.process.wait()
    for record in api.threads(cron.uid, kind="shared"):
        api.get("DELETE", f"/threads/{record['thread_id']}")
    report = cron.pod(**SLOW, thread=thread).wait()

    assert (report.outcome, report.runId) == (Outcome.SUCCEEDED, run["run_id"])
    assert len(api.runs(thread)) == 1
    assert api.steps(thread) == list(range(1, 9))


def test_ttl_is_taken_with_every_thread_of_our_own(api: Api, cron: Cron) -> None:
    pod = cron.pod(**SPENDER, thread=new_thread(api), budget=Budget())
    assert pod.wait().outcome is Outcome.SUCCEEDED
    kinds = {thread["metadata"]["graphcron/kind"] for thread in api.threads(cron.uid)}
    assert kinds - {"lock"} == {"shared", "ledger"}  # a slow server may have made the pod take a lock besides


@pytest.mark.parametrize("bed", ["aegra"], indirect=True)
class TestSweeper:
    """A server whose sweeper deletes threads that are seven days old and have no TTL of their own."""

    def test_record_and_run_survive_where_a_thread_without_a_ttl_goes(self, api: AegraApi, cron: Cron) -> None:
        thread, other = new_thread(api), new_thread(api)
        pod = cron.pod(**SLOW, thread=thread)
        (run,) = wait_for("run", lambda: api.runs(thread))
        pod.process.kill()
        pod.process.wait()
        (record,) = api.threads(cron.uid)
        api.age(record["thread_id"], other)
        wait_for("sweeper", lambda: not exists(api, other))
        assert exists(api, record["thread_id"])
        report = cron.pod(**SLOW, thread=thread).wait()
        assert (report.outcome, report.runId) == (Outcome.SUCCEEDED, run["run_id"])

    def test_monthly_budget_survives_a_seven_day_sweep(self, api: AegraApi, cron: Cron) -> None:
        budget = Budget(maxTokens=PER_RUN, window="31d")
        assert cron.pod(**SPENDER, budget=budget, minutes_ago=1).wait().windowTokens == PER_RUN
        other = new_thread(api)
        day = ledger.thread_of(cron.uid, (cron.minute - 1) * 60)
        api.age(day, other)
        wait_for("sweeper", lambda: not exists(api, other))
        report = cron.pod(**SPENDER, budget=budget).wait()
        assert (report.outcome, report.reason, report.windowTokens) == (Outcome.SKIPPED, "BudgetExceeded", PER_RUN)

    def test_thread_of_a_run_is_swept_as_the_server_is_configured(self, api: AegraApi, cron: Cron) -> None:
        report = cron.pod(**SPENDER).wait()
        api.age(report.threadId)
        wait_for("sweeper", lambda: not exists(api, report.threadId))
