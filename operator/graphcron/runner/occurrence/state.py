"""What a pod learns and decides while it works on its occurrence: all that changes."""

from graphcron.runner.client.langgraph_api import Json
from graphcron.runner.occurrence.record_thread import Record


class RunState:
    """The progress of one pod."""

    def __init__(self) -> None:
        self.record: Record | None = None
        """The record, as it was last read."""
        self.created_record = False
        """This pod created the record."""
        self.run: Json | None = None
        """The run that the pod follows."""
        self.in_doubt = False
        """A run may exist that the pod does not know yet."""
        self.accepted = ""
        """When the server accepted the occurrence's first run."""
        self.attempt = 1
        """Number of the followed run among the occurrence's runs, without resumes."""
        self.registered_at: float | None = None
        """When the pod last registered its start with the others (monotonic clock); see :mod:`admission.turns`."""
        self.kept_place = False
        """The last registration was to keep the place of the occurrence, while another pod may hold the right."""
        self.queued_since: tuple[float, str] | None = None
        """Since when it has been registered without a gap; see :class:`admission.turns.Turn`."""

    @property
    def run_id(self) -> str:
        """Id of the run that the pod follows; empty without one."""
        return str(self.run["run_id"]) if self.run else ""

    @property
    def may_have_run(self) -> bool:
        """Whether the occurrence has a run, or may have one."""
        return self.run is not None or self.in_doubt
