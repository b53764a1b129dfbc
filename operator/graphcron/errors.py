"""The error tree; an error's type says what happens next.

::

    GraphCronError
    ├── SpecError      the object is wrong: a person must change it; not tried again until then
    │   └── NotAllowedError   it names what the administrator does not allow: its CronJobs are suspended
    └── ClusterError   the API server said no or did not answer: tried again, with back-off
        └── ConflictError   something that is not ours is in the way: told to the user, never touched

One tree of our own, so that no caller has to know the exceptions of an HTTP client or of pydantic.
"""


class GraphCronError(Exception):
    """Root of all errors that we raise on purpose."""


class SpecError(GraphCronError):
    """A field holds what can't work.

    Parameters
    ----------
    field
        Path of the field as the user wrote it, such as ``spec.schedule``.
    problem
        What is wrong with it, without the field's name.
    remedy
        What would be right, with an example where there is one.
    """

    def __init__(self, *, field: str, problem: str, remedy: str) -> None:
        self.field = field
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{field}: {problem}; {remedy}")


class NotAllowedError(SpecError):
    """A field names what the administrator of this installation does not allow."""


class ClusterError(GraphCronError):
    """The API server refused a request or could not be reached.

    Parameters
    ----------
    message
        What was tried and what came back, in one line.
    status
        HTTP status, or 0 where there was no answer.
    """

    def __init__(self, message: str, *, status: int = 0) -> None:
        self.status = status
        super().__init__(message)


class ConflictError(ClusterError):
    """An object of the name that we need exists and belongs to somebody else."""
