"""The mark with which an earlier pod has announced that it cancels the run, until that pod can no longer do so."""

from graphcron.runner.client.errors import RequestRejected
from graphcron.runner.context import RunContext
from graphcron.runner.occurrence.record_thread import Record, void_mark
from graphcron.runner.occurrence.shutdown import STOP_SECONDS


class StoppedMark:
    """The mark on the run that the pod follows from here on.

    Its pod may have died before it sent the request to cancel the run, may still send it, or its request for the mark
    may be processed late. A mark that has been seen for :data:`STOP_SECONDS` and half of the grace time is void: a
    later cancellation is a user's.
    """

    def __init__(self, ctx: RunContext) -> None:
        self._ctx = ctx
        self._seconds = STOP_SECONDS + ctx.settings.grace / 2
        self._pod = self._pod_of(ctx.state.record)
        self._due: float | None = ctx.clock.steady() + self._seconds

    def is_void(self) -> bool:
        """Return whether the mark is void; read the record once that is due.

        Raises
        ------
        Unanswered, CertificateError
        """
        now = self._ctx.clock.steady()
        if self._due is None or now < self._due:
            return False
        before, self._pod = self._pod, self._pod_of(self._read())
        self._due = now + self._seconds if self._pod else None
        return bool(self._pod) and self._pod == before

    def write_void(self) -> None:
        """Write onto the record that the mark is void."""
        self._ctx.update_record(void_mark(self._ctx.state.run_id, self._pod))
        self._due = None

    def _read(self) -> Record | None:
        try:
            thread = self._ctx.api.thread(self._ctx.settings.record_id)
        except RequestRejected:
            return None
        return Record(thread) if thread else None

    def _pod_of(self, record: Record | None) -> str:
        return record.stopped_by(self._ctx.state.run_id) if record else ""
