"""Crons as langgraph-api 0.16.7 stores and gives them; the tests with a real server prove that it does."""

from typing import Any

CRON_ID = "01a20545-6e8c-7234-a644-30e472c6e509"
ASSISTANT_ID = "fe096781-5601-53d2-b2f6-0d3403f7e9ca"
THREAD_ID = "01a20545-6e89-7483-a5bf-483ffc5e9f28"

ASSISTANT = {
    "assistant_id": ASSISTANT_ID,
    "graph_id": "agent",
    "name": "agent",
    "config": {},
    "context": {},
    "metadata": {"created_by": "system"},
    "version": 1,
}


def stored(payload: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """Return a cron with what a test is about."""
    schedule = fields.get("schedule", "0 9 * * *")
    inside = dict(payload or {})
    config = inside.pop("config", {})
    configurable = {**config.get("configurable", {}), "cron_id": CRON_ID}
    return {
        "cron_id": CRON_ID,
        "assistant_id": ASSISTANT_ID,
        "thread_id": None,
        "user_id": "",
        "end_time": None,
        "schedule": schedule,
        "timezone": None,
        "payload": {
            "assistant_id": ASSISTANT_ID,
            "schedule": schedule,
            **inside,
            "config": {**config, "configurable": configurable},
        },
        "next_run_date": "2026-11-23T09:00:00+00:00",
        "metadata": {},
        "on_run_completed": None if fields.get("thread_id") else "delete",
        "enabled": True,
        "created_at": "2026-11-22T21:59:26.093267+00:00",
        "updated_at": "2026-11-22T21:59:26.093267+00:00",
        **fields,
    }
