"""The error tree; an error's type says what happens next.

::

    GraphCronError
    ├── SpecError      the object is wrong: a person must change it; not tried again until then
    │   └── NotAllowedError   it names what the administrator does not allow: its CronJobs are suspended
    ├── PreflightPendingError   a preflight waits for its turn: told to the user, and looked at again then
    └── ClusterError   the API server said no or did not answer: tried again, with back-off
        └── ConflictError   something that is not ours is in the way: told to the user, never touched
            └── OtherInstallationError   another installation of the operator reconciles the object

One tree of our own, so that no caller has to know the exceptions of an HTTP client or of pydantic.
"""

from datetime import datetime


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
    reason
        Kubernetes' word for it, such as ``AlreadyExists`` or ``Conflict``, which are both a 409.
    causes
        The same for its details, such as ``FieldManagerConflict`` or ``NamespaceTerminating``.
    """

    def __init__(
        self, message: str, *, status: int = 0, reason: str = "", causes: frozenset[str] = frozenset()
    ) -> None:
        self.status = status
        self.reason = reason
        self.causes = causes
        super().__init__(message)


class PreflightPendingError(GraphCronError):
    """A preflight may not start yet; its owner is looked at again when its turn comes.

    Parameters
    ----------
    reason
        Why, in one CamelCase word.
    message
        The same in a sentence for people.
    until
        When it may ask, if its turn does not come before; None: not without an event.
    """

    def __init__(self, reason: str, message: str, *, until: datetime | None = None) -> None:
        self.reason = reason
        self.until = until
        super().__init__(message)


class ConflictError(ClusterError):
    """An object of the name that we need exists and belongs to somebody else."""


class OtherInstallationError(ConflictError):
    """Another installation of the operator reconciles the object.

    Parameters
    ----------
    owner
        Name of that installation.
    """

    def __init__(self, owner: str) -> None:
        self.owner = owner
        super().__init__(f"the installation {owner} of the operator reconciles it")
