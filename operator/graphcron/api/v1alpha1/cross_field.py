"""Rules between the fields of a spec."""

import re
from typing import Any, Final

from graphcron.api.v1alpha1.validation import Rule, Rules, one_of
from graphcron.input_template import PREVIOUS, Problem, TemplateError, placeholders_of, problems_of


def _template_rule(problem: Problem) -> Rule:
    """Return the rule that templates in the input do not have a problem."""
    return Rule(
        problem=problem.problem,
        remedy=problem.remedy,
        holds=lambda spec: not spec.input_template or problem not in problems_of(spec.input),
        field="input",
    )


_WHEN: Final = (
    Rule(
        problem="is missing",
        remedy='set the schedule, for example schedule: "30 8 * * 1-5" (08:30, Monday to Friday)',
        holds=lambda spec: spec.schedule is not None or spec.schedules is not None,
        cel="has(self.schedule) || has(self.schedules)",
        field="schedule",
        reason="FieldValueRequired",
    ),
    Rule(
        problem="is set together with spec.schedule",
        remedy="omit one of them, and write all lines into the other",
        holds=lambda spec: spec.schedule is None or spec.schedules is None,
        cel="!has(self.schedule) || !has(self.schedules)",
        field="schedules",
        reason="FieldValueForbidden",
    ),
    Rule(
        problem="is not later than spec.startTime, so nothing would run",
        remedy="write a later time, or omit one of them",
        holds=lambda spec: spec.start_time is None or spec.end_time is None or spec.start_time < spec.end_time,
        cel="!has(self.startTime) || !has(self.endTime) || self.startTime < self.endTime",
        field="endTime",
    ),
    Rule(
        problem="applies only to spec.concurrencyPolicy: Queue",
        remedy="omit it, or set concurrencyPolicy: Queue",
        holds=lambda spec: "queue_limit" not in spec.model_fields_set or spec.concurrency_policy == "Queue",
        cel="!has(self.queueLimit) || (has(self.concurrencyPolicy) && self.concurrencyPolicy == 'Queue')",
        field="queueLimit",
        reason="FieldValueForbidden",
    ),
)

_INPUT: Final = (
    Rule(
        problem="is set together with spec.context, and the server accepts only one of them",
        remedy="move its values to spec.context, or omit spec.context",
        holds=lambda spec: spec.context is None or "configurable" not in (spec.config or {}),
        cel="!has(self.context) || !has(self.config) || !has(self.config.configurable)",
        field="config.configurable",
        reason="FieldValueForbidden",
    ),
    Rule(
        problem="is set together with spec.input",
        remedy="omit one of them",
        holds=lambda spec: spec.input_from is None or "input" not in spec.model_fields_set,
        field="inputFrom",
    ),
    Rule(
        problem="is set, but there is no input",
        remedy='add spec.input, for example {"date": "{{ scheduledTime | date }}"}, or spec.inputFrom',
        holds=lambda spec: not spec.input_template or spec.input is not None or spec.input_from is not None,
        field="inputTemplate",
    ),
    *(_template_rule(problem) for problem in Problem),
)

_THREAD: Final = (
    Rule(
        problem="applies only to a shared thread, and without spec.thread each run has a new thread",
        remedy="omit it, or name a thread in spec.thread.id; for overlapping runs see spec.concurrencyPolicy",
        holds=lambda spec: spec.multitask_strategy is None or spec.thread is not None,
        cel="!has(self.multitaskStrategy) || has(self.thread)",
        field="multitaskStrategy",
        reason="FieldValueForbidden",
    ),
    Rule(
        problem="applies only to a shared thread, and without spec.thread each run has a new thread",
        remedy="omit it, or share a thread, for example thread: {per: week}",
        holds=lambda spec: "on_interrupted" not in spec.model_fields_set or spec.thread is not None,
        cel="!has(self.onInterrupted) || has(self.thread)",
        field="onInterrupted",
        reason="FieldValueForbidden",
    ),
    Rule(
        problem="applies only to the new thread of each run, and with spec.thread runs share a thread",
        remedy="omit one of them; spec.history.threads limits the threads of past periods",
        holds=lambda spec: spec.thread is None or "on_run_completed" not in spec.model_fields_set,
        cel="!has(self.onRunCompleted) || !has(self.thread)",
        field="onRunCompleted",
        reason="FieldValueForbidden",
    ),
)

_HISTORY: Final = (
    Rule(
        problem="applies only to threads that GraphCron creates, and spec.thread.id names an existing thread",
        remedy="omit it, or share a thread for a period, for example thread: {per: week}",
        holds=lambda spec: spec.history.threads is None or spec.thread is None or spec.thread.id is None,
        cel="!has(self.history) || !has(self.history.threads) || !has(self.thread) || !has(self.thread.id)",
        field="history.threads",
        reason="FieldValueForbidden",
    ),
)

_SERVER: Final = (
    Rule(
        problem="is set together with spec.server",
        remedy="omit one of them; settings of the server belong in the GraphServer",
        holds=lambda spec: spec.server is None or spec.server_ref is None,
        cel="!has(self.server) || !has(self.serverRef)",
        field="serverRef",
        reason="FieldValueForbidden",
    ),
)

RUN_RULES: Final = Rules(*_INPUT, *_THREAD, *_SERVER)
"""The rules of a run, in the order in which violations are reported."""

RULES: Final = Rules(*_WHEN, *_INPUT, *_THREAD, *_HISTORY, *_SERVER)
"""The rules of a GraphCron, in the order in which violations are reported."""

_OWN_FIELDS: Final = (
    "thread", "inputTemplate", "webhook", "interruptBefore", "interruptAfter", "multitaskStrategy", "durability",
    "onRunCompleted", "onInterrupted", "timeoutSeconds", "retry", "budget", "server", "serverRef", "runner",
)  # fmt: skip
"""The fields of a run that a GraphRun takes from its GraphCron and cannot replace."""


def _not_beside_ref(field: str) -> Rule:
    name = re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", field)
    return Rule(
        problem="is set together with spec.graphCronRef, whose GraphCron specifies it",
        remedy="omit it, or omit spec.graphCronRef and set spec.assistant",
        holds=lambda spec: spec.graph_cron_ref is None or name not in spec.model_fields_set,
        cel=f"!has(self.graphCronRef) || !has(self.{field})",
        field=field,
        reason="FieldValueForbidden",
    )


def _has_previous_time(value: Any) -> bool:
    try:
        return any(each.name == PREVIOUS for each in placeholders_of(value))
    except TemplateError:
        return False


GRAPHRUN_RULES: Final = Rules(
    Rule(
        problem="cannot be changed after the GraphRun is created",
        remedy="create another GraphRun",
        holds=lambda _: True,  # only the API server knows the spec before the change
        cel="self == oldSelf",
        reason="FieldValueForbidden",
    ),
    one_of(
        ("graphCronRef", "assistant"),
        "must have either graphCronRef or assistant, and not both",
        "for example graphCronRef: {name: daily-report}, or assistant: agent",
    ),
    *map(_not_beside_ref, _OWN_FIELDS),
    Rule(
        problem="applies only to runs of a GraphCron",
        remedy="omit it, or set spec.graphCronRef",
        holds=lambda spec: spec.concurrency_policy is None or spec.graph_cron_ref is not None,
        cel="!has(self.concurrencyPolicy) || has(self.graphCronRef)",
        field="concurrencyPolicy",
        reason="FieldValueForbidden",
    ),
    Rule(
        problem=f"uses {PREVIOUS}, and without spec.graphCronRef there is no schedule",
        remedy="omit it, or set spec.graphCronRef",
        holds=lambda spec: (
            not spec.input_template or spec.graph_cron_ref is not None or not _has_previous_time(spec.input)
        ),
        field="input",
    ),
    *RUN_RULES,
)
"""The rules of a GraphRun, in the order in which violations are reported."""
