"""``spec.thread``: a thread that runs share."""

from typing import ClassVar, Literal

from graphcron.model.base import Asked
from graphcron.model.rules import Rule, Rules, one_of
from graphcron.model.words import Uuid


class Thread(Asked):
    """A thread that runs share, so that the graph remembers: one of your own (`id`), or one for each period (`per`)."""

    rules: ClassVar[Rules] = Rules(
        one_of(
            ("id", "per"),
            "must have either id or per, and not both",
            "for example id: 4f6b3c1e-0d4a-4c55-9a53-6a1c2f0e7b11 (a thread of your own), or per: week (one a week)",
        ),
        Rule(
            problem="is about a thread of your own, and with spec.thread.per threads are always made",
            remedy="leave it out",
            holds=lambda thread: thread.per is None or "create" not in thread.model_fields_set,
            cel="!has(self.create) || !has(self.per)",
            field="create",
            reason="FieldValueForbidden",
        ),
    )

    id: Uuid | None = None
    """UUID of the thread on the LangGraph server, such as `4f6b3c1e-0d4a-4c55-9a53-6a1c2f0e7b11`. Either this or
    `per`."""
    create: bool = False
    """Whether to make the thread if the server does not have it. Only with `id`. Default: false; the run then fails."""
    per: Literal["day", "week", "month"] | None = None
    """One thread for all runs of a `day`, a `week` (from Monday) or a `month` in the zone of the schedule; made with
    the first of them. Either this or `id`."""
