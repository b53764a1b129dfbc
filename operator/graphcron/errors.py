"""The operator's exceptions; the type decides how an error is handled.

::

    GraphCronError
    ├── SpecError      the object is invalid: reported in the status, not retried until a user changes it
    │   └── NotAllowedError   not in the administrator's allow-list: the CronJobs are suspended
    ├── NameTakenError   a CronJob of the required name exists: looked up
    ├── PreflightPendingError   a preflight waits for its turn: reported in the status, requeued
    └── ClusterError   the API server rejected a request or did not respond: retried with back-off
        └── ConflictError   an object of another owner has the name: reported in the status, never modified
            └── OtherInstallationError   another installation of the operator reconciles the object

Callers do not need to know the exceptions of the HTTP client or of pydantic.
"""

from datetime import datetime


class GraphCronError(Exception):
    """Base class of the operator's exceptions."""

    exit_code = 1
    """Exit code of a program that ends with it."""


class SpecError(GraphCronError):
    """A field has an invalid value.

    Parameters
    ----------
    field
        Path of the field, such as ``spec.schedule``.
    problem
        What is wrong, without the field's name.
    remedy
        How to correct it, with an example if possible.
    """

    def __init__(self, *, field: str, problem: str, remedy: str) -> None:
        self.field = field
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{field}: {problem}; {remedy}")


class NotAllowedError(SpecError):
    """The value of a field is not in the administrator's allow-list."""


class ClusterError(GraphCronError):
    """The API server rejected a request or could not be reached.

    Parameters
    ----------
    message
        The request and the response, in one line.
    status
        HTTP status; 0: there was no response.
    reason
        Kubernetes' reason, such as ``AlreadyExists`` or ``Conflict``, which are both a 409.
    causes
        Reasons in the details, such as ``FieldManagerConflict`` or ``NamespaceTerminating``.
    """

    def __init__(
        self, message: str, *, status: int = 0, reason: str = "", causes: frozenset[str] = frozenset()
    ) -> None:
        self.status = status
        self.reason = reason
        self.causes = causes
        super().__init__(message)


class NameTakenError(GraphCronError):
    """A CronJob with the required name exists, and its owner is unknown."""


class PreflightPendingError(GraphCronError):
    """A preflight cannot start yet; its owner is reconciled again when its turn comes.

    Parameters
    ----------
    reason
        The reason as one CamelCase word.
    message
        The reason as a sentence.
    until
        Time to retry at the latest; None: only after an event.
    """

    def __init__(self, reason: str, message: str, *, until: datetime | None = None) -> None:
        self.reason = reason
        self.until = until
        super().__init__(message)


class ConflictError(ClusterError):
    """An object with the required name exists and has another owner."""


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
