"""The model of GraphCron, GraphRun and GraphServer. Each field is declared only here.

``parse(body)`` parses an object from the API server, and ``problems(body)`` returns all errors in it.
:mod:`graphcron.api.crd` generates the CRDs from the same classes. The docstring of a field is its text in
``kubectl explain``. Defaults are in the model and not in the schema, because a spec with written defaults differs from
its file in Git.

::

    validation       a rule: a CEL expression, a Python predicate, and one message for both
    base             the base class of all parts
    scalars          string types with their rules
    kubernetes_types references, labels, resource quantities, metadata
    schedule         schedules and their time zone
    thread_and_run   fields that the runner passes to the server
    excludes    policy    budget    server    runner    the parts of a spec
    run_template     the fields that GraphCron and GraphRun share
    spec    graphrun    the specs
    cross_field      rules that involve several fields
    status    root   the status, and the resources
    parsing          parse and problems
    hidden           rules that pydantic cannot check
"""

from graphcron.api.v1alpha1.base import Part, rfc3339
from graphcron.api.v1alpha1.budget import Budget
from graphcron.api.v1alpha1.excludes import Exclude
from graphcron.api.v1alpha1.graphrun import GraphRunSpec
from graphcron.api.v1alpha1.graphrun_status import RUN_FIELDS, GraphRunStatus
from graphcron.api.v1alpha1.kubernetes_types import KeyRef, KeySource, LocalObjectRef, ObjectMeta
from graphcron.api.v1alpha1.parsing import (
    parse,
    parse_part,
    parse_run,
    parse_server,
    problems,
    run_problems,
    server_problems,
)
from graphcron.api.v1alpha1.policy import FailurePolicy, History, Retry
from graphcron.api.v1alpha1.root import GraphCron, GraphRun, GraphServer
from graphcron.api.v1alpha1.run_template import RunTemplate
from graphcron.api.v1alpha1.runner import EnvVar, ResourceRequirements, Runner
from graphcron.api.v1alpha1.scalars import UI_URL_RULES
from graphcron.api.v1alpha1.server import GraphServerSpec, Header, HeaderSource, Server
from graphcron.api.v1alpha1.spec import GraphCronSpec
from graphcron.api.v1alpha1.status import (
    ActiveRun,
    AppliedCronJob,
    BudgetUsed,
    Condition,
    Contender,
    GraphCronStatus,
    GraphServerStatus,
    Preflight,
    RecentRun,
    dump_status,
    read_status,
)
from graphcron.api.v1alpha1.thread_and_run import Thread

__all__ = [
    "RUN_FIELDS",
    "UI_URL_RULES",
    "ActiveRun",
    "AppliedCronJob",
    "Budget",
    "BudgetUsed",
    "Condition",
    "Contender",
    "EnvVar",
    "Exclude",
    "FailurePolicy",
    "GraphCron",
    "GraphCronSpec",
    "GraphCronStatus",
    "GraphRun",
    "GraphRunSpec",
    "GraphRunStatus",
    "GraphServer",
    "GraphServerSpec",
    "GraphServerStatus",
    "Header",
    "HeaderSource",
    "History",
    "KeyRef",
    "KeySource",
    "LocalObjectRef",
    "ObjectMeta",
    "Part",
    "Preflight",
    "RecentRun",
    "ResourceRequirements",
    "Retry",
    "RunTemplate",
    "Runner",
    "Server",
    "Thread",
    "dump_status",
    "parse",
    "parse_part",
    "parse_run",
    "parse_server",
    "problems",
    "read_status",
    "rfc3339",
    "run_problems",
    "server_problems",
]
