"""The contract between operator and pod: environment, files, exit codes and the termination message.

The operator writes these into the pod template and reads the termination message back; the runner, which has only this
module and the standard library, does the reverse. Data classes would import ``inspect``: a tenth of what a run costs.
"""

import json
from enum import StrEnum
from typing import Any, Final, NamedTuple

ENV_REQUEST: Final = "GRAPHCRON_REQUEST"
"""The request as one JSON object (see :class:`Request`)."""

ENV_NAMESPACE: Final = "GRAPHCRON_NAMESPACE"
"""Namespace of the GraphCron."""

ENV_NAME: Final = "GRAPHCRON_NAME"
"""Name of the GraphCron."""

ENV_UID: Final = "GRAPHCRON_UID"
"""UID of the GraphCron: first half of the occurrence's identity."""

ENV_JOB: Final = "GRAPHCRON_JOB"
"""Name of the pod's Job, from the downward API; its last part is the scheduled minute (unix / 60)."""

ENV_SCHEDULED_TIME: Final = "GRAPHCRON_SCHEDULED_TIME"
"""Scheduled time of the occurrence (RFC 3339), for Jobs whose names do not contain it; otherwise absent."""

ENV_REQUESTED_TIME: Final = "GRAPHCRON_REQUESTED_TIME"
"""Time of the request for a manual run (RFC 3339), from which the start deadline counts; absent if scheduled."""

ENV_TRIGGER: Final = "GRAPHCRON_TRIGGER"
"""Value of the annotation that requested a manual run; replaces the scheduled minute in the occurrence's identity."""

ENV_GRAPHRUN: Final = "GRAPHCRON_GRAPHRUN"
"""Name of the GraphRun that the Job belongs to; absent: it belongs to no GraphRun."""

ENV_GRAPHRUN_UID: Final = "GRAPHCRON_GRAPHRUN_UID"
"""UID of that GraphRun: the occurrence's identity in place of the scheduled minute."""

ENV_PREFLIGHT: Final = "GRAPHCRON_PREFLIGHT"
"""``1``: check whether a run could start, and start none. Such a pod has no :data:`ENV_JOB`."""

ENV_POD_UID: Final = "GRAPHCRON_POD_UID"
"""UID of the pod, from the downward API. It identifies the pod that created a thread or stopped a run."""

ENV_API_KEY: Final = "GRAPHCRON_API_KEY"
"""API key of the LangGraph server, by secretKeyRef; absent: none is sent."""

ENV_HEADER_PREFIX: Final = "GRAPHCRON_HEADER_"
"""``GRAPHCRON_HEADER_<n>``: value of the n-th of :attr:`Request.headers`."""

ENV_ROOT: Final = "GRAPHCRON_ROOT"
"""Folder that the paths below are relative to; absent: ``/``. Only tests set it."""

ENV_GRACE: Final = "GRAPHCRON_GRACE_SECONDS"
"""How long a pod may take to start the run before another pod may; absent: the runner's own value."""

INPUT_DIR: Final = "/var/run/graphcron/input"
"""Where ``inputFrom`` is mounted; the file is named :data:`INPUT_FILE`."""

INPUT_FILE: Final = "input.json"
"""File of :data:`INPUT_DIR`: the input as JSON."""

CA_DIR: Final = "/var/run/graphcron/ca"
"""Where ``server.caBundleRef`` is mounted; the file is named :data:`CA_FILE`."""

CA_FILE: Final = "ca.crt"
"""File of :data:`CA_DIR`: PEM certificates, used besides the system's."""

TERMINATION_LOG: Final = "/dev/termination-log"
"""File of the termination message."""

TERMINATION_MESSAGE_BYTES: Final = 4096
"""Kubernetes truncates a termination message at this size."""

REQUEST_BYTES: Final = 100 * 1024
"""Maximum size of :data:`ENV_REQUEST`; Linux allows 128 KiB for a value."""


class Outcome(StrEnum):
    """The outcome of an occurrence; users see the values as reasons."""

    SUCCEEDED = "Succeeded"
    """The graph ran to its end."""
    GRAPH_ERROR = "GraphError"
    """The graph raised an error."""
    INTERRUPTED = "Interrupted"
    """The graph stopped at an interrupt and waits for human input."""
    TIMEOUT = "Timeout"
    """The run was cancelled because it grew older than its timeout or the server's limit."""
    CANCELLED = "Cancelled"
    """A user or another program cancelled or deleted the run on the server."""
    SKIPPED = "Skipped"
    """No run was started, intentionally; the detail contains the cause."""
    OVER_BUDGET = "OverBudget"
    """The run was cancelled because it used more than its budget. (One that was not started is skipped.)"""
    REJECTED = "Rejected"
    """The server refused the request (4xx): a person must change something."""
    SERVER_UNREACHABLE = "ServerUnreachable"
    """The server could not be reached, or kept answering 5xx or 429."""
    STOPPED = "Stopped"
    """The pod received SIGTERM: it cancelled the run, and another pod can resume it."""
    INTERNAL_ERROR = "InternalError"
    """The runner itself failed: because of a bug, or because the pod lacks a required setting."""
    UNKNOWN = "Unknown"
    """The Job is complete, so the run has not failed; there is no report with details. No pod reports this."""


EXIT_CODES: Final[dict[Outcome, int]] = dict.fromkeys(Outcome, 0) | {
    Outcome.INTERNAL_ERROR: 1,
    Outcome.GRAPH_ERROR: 10,
    Outcome.TIMEOUT: 12,
    Outcome.OVER_BUDGET: 15,
    Outcome.REJECTED: 16,
    Outcome.SERVER_UNREACHABLE: 17,
    Outcome.STOPPED: 30,
}
"""Exit code of the pod for each outcome: 0 unless the run has failed, because that fails the Job."""

RETIRED_EXIT_CODES: Final = (11, 13, 14)
"""Interrupted, Cancelled and Skipped of earlier runners, which ``spec.runner.image`` may name: no pod may follow."""

RETRIABLE: Final = frozenset({Outcome.INTERNAL_ERROR, Outcome.STOPPED})
"""Outcomes after which the Job starts another pod, until it gives up. Any other is the occurrence's last word."""

FINAL_EXIT_CODES: Final = tuple(
    sorted({*RETIRED_EXIT_CODES, *(EXIT_CODES[each] for each in Outcome if each not in RETRIABLE)} - {0})
)
"""Exit codes at which the Job fails at once. After 0 it is complete; after any other it may start another pod."""


class Budget(NamedTuple):
    """Limits of runs. With a budget, tokens are counted from the run's stream. An absent limit limits nothing."""

    maxTokensPerRun: int | None = None
    """A run is cancelled when it exceeds this number."""
    maxCostPerRun: str | None = None
    """The same for money: a decimal, in the currency of :attr:`prices`."""
    maxTokens: int | None = None
    """No run starts in a window that has used this number or more."""
    maxCost: str | None = None
    """The same in money."""
    window: str | None = None
    """``day``, ``week`` (from Monday) or ``month``, by :attr:`Request.offsets`; or a rolling time: ``36h``, ``7d``."""
    prices: dict[str, list[str]] | None = None
    """By model, or ``*`` for all others: the prices of a million tokens of input and of output, as decimals."""


class Request(NamedTuple):
    """The pod's requests and how to send them; JSON in :data:`ENV_REQUEST` without absent parts."""

    url: str
    """Base URL of the LangGraph server, path prefix included."""
    assistant: str
    """Graph name or assistant UUID."""
    thread: str | None = None
    """UUID of the user's own thread; None: a fresh thread for the occurrence."""
    createThread: bool = False
    """Create :attr:`thread` if it does not exist."""
    input: Any = None
    """Input of the graph: any JSON value. Ignored if :attr:`inputFile` is set."""
    inputFile: bool = False
    """Read the input from :data:`INPUT_DIR` instead."""
    inputTemplate: bool = False
    """Replace ``{{ scheduledTime }}`` and the like in the strings of the input (:mod:`graphcron.input_template`)."""
    run: dict[str, Any] | None = None
    """Further members of the body of ``POST /threads/{id}/runs``, such as ``interrupt_before``."""
    onRunCompleted: str = "delete"
    """``delete`` or ``keep``: how to treat the fresh thread of a successful run."""
    concurrencyPolicy: str = "Forbid"
    """``Forbid``, ``Allow``, ``Replace`` or ``Queue``: how to treat a predecessor that is still active."""
    queueLimit: int = 10
    """With ``Queue``, how many occurrences may wait."""
    startingDeadlineSeconds: int = 120
    """No run starts longer than this after the scheduled time."""
    timeoutSeconds: int | None = None
    """Age at which the run is cancelled on the server; None: :attr:`defaultTimeoutSeconds`."""
    defaultTimeoutSeconds: int = 604_800
    """The operator's default, if the GraphCron sets none."""
    notBefore: str | None = None
    """RFC 3339: an occurrence scheduled before is skipped, because the schedule is younger."""
    notAfter: str | None = None
    """RFC 3339: an occurrence scheduled at or after is skipped, because ``endTime`` has passed."""
    startTime: str | None = None
    """RFC 3339: an occurrence scheduled before is skipped, because it is before ``startTime``."""
    excludes: tuple[tuple[str, str], ...] = ()
    """Pairs of RFC 3339: an occurrence scheduled at or after the first and before the second is skipped."""
    threadPer: str | None = None
    """``day``, ``week`` or ``month``: runs of one such period share a thread; instead of :attr:`thread`."""
    offsets: tuple[tuple[int, int], ...] = ()
    """The zone of the schedule, where periods or an input template need it: from each time (seconds since the epoch,
    ascending) the distance from UTC in seconds, positive to the east. The first holds before its time too."""
    lines: tuple[str, ...] = ()
    """The lines of the schedule, where an input template needs the previous scheduled time: five fields, each a list
    of numbers, or ``*``. A day must match both of its fields if one of them is ``*``, otherwise one of them."""
    onInterrupted: str = "skip"
    """``skip`` or ``proceed``: how to treat a new run if its shared thread waits for human input."""
    retryAttempts: int = 0
    """Maximum number of further runs after a failed one."""
    retryOnGraphError: bool = False
    """Whether to retry a run whose graph raised an error."""
    retryResume: bool = True
    """Whether a further run continues from the last checkpoint, instead of sending the input again."""
    maxConcurrentRuns: int | None = None
    """Maximum number of concurrent runs on the server across all GraphCrons of the namespace."""
    historyThreads: int | None = None
    """Fresh threads of finished runs that are kept, the newest; None: all that :attr:`onRunCompleted` leaves."""
    budget: Budget | None = None
    """Limits of runs; None: tokens are counted only in the messages of the thread."""
    headers: tuple[str, ...] = ()
    """Names of extra HTTP headers; the n-th's value is in ``GRAPHCRON_HEADER_<n>``."""
    caFile: bool = False
    """Also trust the certificates in :data:`CA_DIR`."""

    def to_json(self) -> str:
        """Return the request as compact JSON without the members that hold their default."""
        members = _set_members(self)
        if self.budget is not None:
            members["budget"] = _set_members(self.budget)
        return _compact(members)

    @classmethod
    def from_json(cls, text: str) -> "Request":
        """Read a request.

        Raises
        ------
        TypeError
            It has a member that this version does not know: operator and pod must agree.
        """
        members = json.loads(text)
        for name in ("headers", "excludes", "offsets", "lines"):
            members[name] = tuple(tuple(each) if isinstance(each, list) else each for each in members.get(name, ()))
        if members.get("budget") is not None:
            members["budget"] = Budget(**members["budget"])
        return cls(**members)


class Report(NamedTuple):
    """Report of a pod when it exits; stored as JSON in the termination message."""

    outcome: Outcome
    """How the occurrence ended."""
    message: str = ""
    """One sentence for people; no prompt, answer or key."""
    reason: str = ""
    """More specific than the outcome, in CamelCase: ``PredecessorActive``, ``ValueError``; empty: nothing to add."""
    scheduledTime: str = ""
    """RFC 3339, UTC."""
    runId: str = ""
    """Run on the server; empty if there was none."""
    threadId: str = ""
    """Thread of the run."""
    startTime: str = ""
    """When the server accepted the run (RFC 3339, UTC)."""
    durationSeconds: float | None = None
    """From acceptance to the end."""
    attempts: int | None = None
    """Number of runs, if retries were needed; the ids are those of the last one."""
    tokens: int | None = None
    """Tokens that all attempts of the occurrence used. None: unknown."""
    tokensAtLeast: bool | None = None
    """True: :attr:`tokens` is a lower bound, from the thread's final messages."""
    cost: str | None = None
    """The same for money, a decimal, if the budget has prices. A lower bound, too, if a model has no price."""
    windowStart: str = ""
    """If the budget has a window: start of the current one (RFC 3339, UTC)."""
    windowEnd: str = ""
    """End of the window; of a rolling window, time at which its oldest usage leaves it."""
    windowTokens: int | None = None
    """Tokens used in the window, this run's included."""
    windowCost: str | None = None
    """The same in money."""
    server: str = ""
    """Of a preflight: product and version of the server, such as ``langgraph-api 0.16.7``."""
    awaited: bool | None = None
    """True: the thread waits for human input (outcome Interrupted, or Skipped because of it)."""

    def to_json(self) -> str:
        """Return the report as compact JSON that fits a termination message; the message is truncated if needed."""
        members = {key: value for key, value in self._asdict().items() if value not in ("", None)}
        text = _compact(members)
        while len(text.encode()) > TERMINATION_MESSAGE_BYTES and members.get("message"):
            members["message"] = members["message"][: len(members["message"]) * 3 // 4]
            text = _compact(members)
        return text

    @classmethod
    def from_json(cls, text: str) -> "Report":
        """Read a report; unknown members are ignored.

        Raises
        ------
        ValueError
            The text is not a report.
        """
        members = json.loads(text)
        if not isinstance(members, dict):
            raise ValueError("not a JSON object")
        values = {key: value for key, value in members.items() if key in cls._fields}
        return cls(**{**values, "outcome": Outcome(values.get("outcome") or "")})


def _set_members(value: Any) -> dict[str, Any]:
    defaults = value._field_defaults
    return {key: each for key, each in value._asdict().items() if key not in defaults or each != defaults[key]}


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
