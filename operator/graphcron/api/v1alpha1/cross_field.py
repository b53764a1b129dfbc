"""How the fields of a GraphCron's spec must fit each other."""

import re
from typing import Any, Final

from graphcron.api.v1alpha1.validation import Rule, Rules

PLACEHOLDERS: Final = dict.fromkeys(("name", "namespace", "occurrence", "scheduledTime", "trigger"))
"""What the runner fills in, in order."""

_PLACEHOLDER: Final = re.compile(r"\{\{([^{}]*)\}\}")


def _placeholders(value: Any) -> set[str]:
    """Return the names between ``{{`` and ``}}`` in all strings of a JSON value, keys excepted."""
    if isinstance(value, str):
        return {found.strip() for found in _PLACEHOLDER.findall(value)}
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {name for part in parts for name in _placeholders(part)}


_WHEN: Final = (
    Rule(
        problem="is missing",
        remedy='say when to run, for example schedule: "30 8 * * 1-5" (08:30, Monday to Friday)',
        holds=lambda spec: spec.schedule is not None or spec.schedules is not None,
        cel="has(self.schedule) || has(self.schedules)",
        field="schedule",
        reason="FieldValueRequired",
    ),
    Rule(
        problem="is set beside spec.schedule",
        remedy="leave out one of the two, and write all lines into the other",
        holds=lambda spec: spec.schedule is None or spec.schedules is None,
        cel="!has(self.schedule) || !has(self.schedules)",
        field="schedules",
        reason="FieldValueForbidden",
    ),
    Rule(
        problem="is not later than spec.startTime, so nothing would ever run",
        remedy="write a later time, or leave one of the two out",
        holds=lambda spec: spec.start_time is None or spec.end_time is None or spec.start_time < spec.end_time,
        cel="!has(self.startTime) || !has(self.endTime) || self.startTime < self.endTime",
        field="endTime",
    ),
)

_INPUT: Final = (
    Rule(
        problem="is set beside spec.context, and the server takes only one of the two",
        remedy="move its values to spec.context, or leave spec.context out",
        holds=lambda spec: spec.context is None or "configurable" not in (spec.config or {}),
        cel="!has(self.context) || !has(self.config) || !has(self.config.configurable)",
        field="config.configurable",
        reason="FieldValueForbidden",
    ),
    Rule(
        problem="is set beside spec.input",
        remedy="leave out one of the two",
        holds=lambda spec: spec.input_from is None or "input" not in spec.model_fields_set,
        field="inputFrom",
    ),
    Rule(
        problem="is set, and there is no input to fill in",
        remedy='add spec.input, for example {"date": "{{ scheduledTime }}"}, or spec.inputFrom',
        holds=lambda spec: not spec.input_template or spec.input is not None or spec.input_from is not None,
        field="inputTemplate",
    ),
    Rule(
        problem=f"has a name between {{{{ and }}}} that is not one of {', '.join(PLACEHOLDERS)}",
        remedy="correct it, or leave out spec.inputTemplate",
        holds=lambda spec: not spec.input_template or _placeholders(spec.input) <= PLACEHOLDERS.keys(),
        field="input",
    ),
)

_THREAD: Final = (
    Rule(
        problem="matters only on a shared thread, and without spec.thread each run has its own",
        remedy="leave it out, or name a thread in spec.thread.id; for runs that overlap see spec.concurrencyPolicy",
        holds=lambda spec: spec.multitask_strategy is None or spec.thread is not None,
        cel="!has(self.multitaskStrategy) || has(self.thread)",
        field="multitaskStrategy",
        reason="FieldValueForbidden",
    ),
    Rule(
        problem="matters only on a shared thread, and without spec.thread no run finds one that waits for a person",
        remedy="leave it out, or share a thread, for example thread: {per: week}",
        holds=lambda spec: "on_interrupted" not in spec.model_fields_set or spec.thread is not None,
        cel="!has(self.onInterrupted) || has(self.thread)",
        field="onInterrupted",
        reason="FieldValueForbidden",
    ),
    Rule(
        problem="is about the fresh thread of each run, and with spec.thread runs share one, which stays",
        remedy="leave out one of the two; how many threads of past periods stay is spec.history.threads",
        holds=lambda spec: spec.thread is None or "on_run_completed" not in spec.model_fields_set,
        cel="!has(self.onRunCompleted) || !has(self.thread)",
        field="onRunCompleted",
        reason="FieldValueForbidden",
    ),
    Rule(
        problem="is about threads that GraphCron makes, and spec.thread.id names one of your own, which stays",
        remedy="leave it out, or share a thread for a time only, for example thread: {per: week}",
        holds=lambda spec: spec.history.threads is None or spec.thread is None or spec.thread.id is None,
        cel="!has(self.history) || !has(self.history.threads) || !has(self.thread) || !has(self.thread.id)",
        field="history.threads",
        reason="FieldValueForbidden",
    ),
)

_SERVER: Final = (
    Rule(
        problem="is set beside spec.server",
        remedy="leave out one of the two; what is special about the server goes into the GraphServer",
        holds=lambda spec: spec.server is None or spec.server_ref is None,
        cel="!has(self.server) || !has(self.serverRef)",
        field="serverRef",
        reason="FieldValueForbidden",
    ),
)

RULES: Final = Rules(*_WHEN, *_INPUT, *_THREAD, *_SERVER)
"""All of them, in the order in which they are told."""
