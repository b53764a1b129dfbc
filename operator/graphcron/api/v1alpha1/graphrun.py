"""``spec`` of a GraphRun: one run."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from graphcron.api.v1alpha1.base import Instant
from graphcron.api.v1alpha1.cross_field import GRAPHRUN_RULES
from graphcron.api.v1alpha1.kubernetes_types import LocalObjectRef
from graphcron.api.v1alpha1.run_template import RunTemplate
from graphcron.api.v1alpha1.validation import Rules


class GraphRunSpec(RunTemplate):
    """What to run, once, and where. It cannot be changed after the GraphRun is created."""

    rules: ClassVar[Rules] = GRAPHRUN_RULES

    graph_cron_ref: LocalObjectRef | None = None
    """GraphCron in the namespace of the GraphRun from which the run takes all settings, such as `name: daily-report`.
    `input`, `inputFrom`, `config`, `context` and `metadata` of the GraphRun replace those of the GraphCron. The run
    counts toward the budget and `recentRuns` of the GraphCron. Mutually exclusive with `assistant`."""
    scheduled_time: Instant | None = None
    """Scheduled time that the run represents (RFC 3339), such as a past occurrence. `inputTemplate`,
    `thread.per` and the metadata of the run use it. Default: the creation of the GraphRun."""
    starting_deadline_seconds: Annotated[int, Field(ge=10, le=604_800)] = 3600
    """Maximum delay in seconds after the creation of the GraphRun after which the run may still start. A later run is
    skipped. The maximum is a week. Default: 3600."""
    concurrency_policy: Literal["Forbid", "Allow", "Replace", "Queue"] | None = None
    """How to treat this run while another run of the same GraphCron is still active: skip this run (`Forbid`), run
    both (`Allow`), cancel the other run (`Replace`), or start this run when the others have ended (`Queue`). Valid
    only with `graphCronRef`. Default: the policy of the GraphCron."""
    ttl_seconds_after_finished: Annotated[int, Field(ge=0, le=31_536_000)] | None = None
    """Time in seconds after the end of the run after which the operator deletes the GraphRun. The maximum is a year.
    Default: never."""
