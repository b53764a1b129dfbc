"""The errors between the pod and the server. The type determines what the pod can do next.

::

    Unanswered        no useful answer
    ├── NotSent       the server did not receive the request: send it again
    ├── ResponseLost  the server may have received it: look before sending it again
    └── ServerBusy    429 or 5xx: retry later; with 5xx the server may still carry out the request
    RequestRejected   4xx: a person must change something (404 and 409 are facts that callers use)
    CertificateError  the certificate does not verify: final
    RunEnded          not an error of the connection: the occurrence has its outcome
"""

from typing import NamedTuple

from graphcron.contract import Outcome


class RunResult(NamedTuple):
    """How the occurrence ended."""

    outcome: Outcome
    reason: str = ""
    message: str = ""


class RunEnded(Exception):
    """The occurrence is over; carries the :class:`RunResult`."""

    def __init__(self, outcome: Outcome, reason: str = "", message: str = "") -> None:
        self.result = RunResult(outcome, reason, message)
        super().__init__(f"{outcome.value} {reason}: {message}")


class Unanswered(Exception):
    """No useful answer; the text contains nothing of the request or the answer."""

    retry_after: float = 0.0
    """Seconds to wait, as requested by the server."""


class NotSent(Unanswered):
    """No connection: the server did not receive the request."""


class ResponseLost(Unanswered):
    """The request was sent, and no answer came."""


class ServerBusy(Unanswered):
    """The server, or a proxy in front of it, answered 429 or 5xx; the text has a known sentence of the answer."""

    def __init__(self, status: int, retry_after: float = 0.0, said: str = "") -> None:
        self.status = status
        self.retry_after = retry_after
        super().__init__(f"the server answered {status}" + (f" ({said})" if said else ""))


class RequestRejected(Exception):
    """The server answered 3xx or 4xx.

    Parameters
    ----------
    status
        HTTP status.
    said
        Meaning of the response, as a sentence of :mod:`graphcron.runner.client.answers`; empty if it is unknown.
    question
        Method and path of what was refused, without ids.
    """

    def __init__(self, status: int, said: str = "", question: str = "") -> None:
        self.status = status
        self.detail = said
        self.request = question
        super().__init__(f"the server answered {status}")


class CertificateError(Exception):
    """The server's certificate does not verify."""
