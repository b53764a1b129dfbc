"""The model of a GraphCron: the only place where a field is declared.

``parse(body)`` reads what the API server holds, ``problems(body)`` finds all that is wrong with it, and the CRD is made
from the same classes by :mod:`graphcron.crd`. The docstring under a field is its text in ``kubectl explain``. The
schema has no defaults (a filled-in spec drifts from Git for ever); they are here.

::

    rules     one rule: a CEL expression, a Python predicate, and one message for both
    base      what all parts share
    words     kinds of text, with their rules          when      the schedule and its zone
    refs      names of ConfigMaps and Secrets         run       what is passed through to the server
    maps      labels, amounts of resources
    server    runner    spec    status    root      the parts
    reading   parse and problems
"""

from graphcron.model.base import Part, rfc3339
from graphcron.model.reading import parse, problems
from graphcron.model.refs import KeyRef, KeySource
from graphcron.model.root import GraphCron, ObjectMeta
from graphcron.model.runner import EnvVar, LocalObjectRef, ResourceRequirements, Runner
from graphcron.model.server import Header, HeaderSource, Server
from graphcron.model.spec import GraphCronSpec, History, Thread
from graphcron.model.status import ActiveRun, AppliedCronJob, Condition, GraphCronStatus, RecentRun, dump_status

__all__ = [
    "ActiveRun",
    "AppliedCronJob",
    "Condition",
    "EnvVar",
    "GraphCron",
    "GraphCronSpec",
    "GraphCronStatus",
    "Header",
    "HeaderSource",
    "History",
    "KeyRef",
    "KeySource",
    "LocalObjectRef",
    "ObjectMeta",
    "Part",
    "RecentRun",
    "ResourceRequirements",
    "Runner",
    "Server",
    "Thread",
    "dump_status",
    "parse",
    "problems",
    "rfc3339",
]
