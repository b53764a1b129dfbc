"""The thread of a run, and what of the spec is passed through to the LangGraph server in its own spelling."""

from dataclasses import replace
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from graphcron.api.v1alpha1.base import Asked
from graphcron.api.v1alpha1.scalars import NodeName, Uuid
from graphcron.api.v1alpha1.validation import Rule, Rules, one_of, reserved_key, reserved_prefixes


class Thread(Asked):
    """Thread that runs share, so that the graph remembers earlier runs: an existing thread (`id`), or one for each
    period (`per`)."""

    rules: ClassVar[Rules] = Rules(
        one_of(
            ("id", "per"),
            "must have either id or per, and not both",
            "for example id: 4f6b3c1e-0d4a-4c55-9a53-6a1c2f0e7b11 (an existing thread), or per: week (one a week)",
        ),
        Rule(
            problem="applies only to spec.thread.id, because the threads of spec.thread.per are always created",
            remedy="leave it out",
            holds=lambda thread: thread.per is None or "create" not in thread.model_fields_set,
            cel="!has(self.create) || !has(self.per)",
            field="create",
            reason="FieldValueForbidden",
        ),
    )

    id: Uuid | None = None
    """UUID of the thread on the LangGraph server, such as `4f6b3c1e-0d4a-4c55-9a53-6a1c2f0e7b11`. Mutually exclusive
    with `per`."""
    create: bool = False
    """Whether to create the thread if it does not exist. Valid only with `id`. Default: false; the run then fails."""
    per: Literal["day", "week", "month"] | None = None
    """Period for which all runs share one thread, in the time zone of the schedule: a `day`, a `week` (from Monday) or
    a `month`. The first run of the period creates the thread. Mutually exclusive with `id`."""


_OURS: Final = reserved_prefixes(
    ("graphcron/",), "has a key that is reserved for GraphCron", "choose another prefix than graphcron/", cel=False
)


def _slip(wrong: str, right: str) -> Rule:
    """Return the rule against a camelCase spelling inside ``config``; a schema that lists it would recommend it."""
    return Rule(
        problem="is ignored by the server",
        remedy=f"did you mean {right}? inside config, names are LangGraph's own",
        holds=lambda config: wrong not in config,
        field=wrong,
    )


Configurable = Annotated[
    dict[str, Any],
    Rules(reserved_key("thread_id", "is replaced by the server", "name the thread in spec.thread.id")),
]
"""Values for a graph's ``configurable``."""


@with_config(ConfigDict(strict=True, extra="allow", use_attribute_docstrings=True))
class _Config(TypedDict, total=False):
    """LangGraph's `config` of a run, in LangGraph's spelling (snake_case)."""

    tags: Annotated[list[str], Field(max_length=64)]
    """Tags of the run, for tracing."""
    recursion_limit: Annotated[int, Field(ge=1)]
    """Maximum number of steps before the run fails. Default: the server's."""
    configurable: Configurable
    """Values that the graph reads from `config["configurable"]`. Mutually exclusive with `spec.context`, which newer
    graphs read instead."""


RunConfig = Annotated[
    _Config,
    Rules(
        _slip("recursionLimit", "recursion_limit"),
        _slip("runName", "run_name"),
        _slip("maxConcurrency", "max_concurrency"),
        # The server merges it into the metadata of the run and of a new thread, below spec.metadata.
        replace(
            _OURS,
            field="metadata",
            holds=lambda config: not isinstance(config.get("metadata"), dict) or _OURS.holds(config["metadata"]),
        ),
    ),
]
"""LangGraph's ``config``, without slips that the server would swallow."""

_DROPPED: Final = "is silently dropped by the server"

Metadata = Annotated[
    dict[str, Any],
    Rules(
        reserved_key("run_id", _DROPPED, "choose another key"),
        reserved_key("thread_id", _DROPPED, "name the thread in spec.thread.id, or choose another key"),
        reserved_key("assistant_id", _DROPPED, "name the assistant in spec.assistant, or choose another key"),
        reserved_key("cron_id", _DROPPED, "choose another key"),
        _OURS,
    ),
]
"""Metadata of a run, without what is not the user's to set."""

Nodes = Annotated[
    list[NodeName],
    Field(max_length=64),
    Rules(
        Rule(
            problem='lists other nodes in addition to "*", which selects all of them',
            remedy='write ["*"] alone, or only names of nodes',
            holds=lambda nodes: "*" not in nodes or len(nodes) == 1,
            cel="!('*' in self) || size(self) == 1",
        ),
    ),
]
"""Names of nodes of the graph."""
