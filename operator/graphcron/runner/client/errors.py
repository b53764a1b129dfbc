"""What can go wrong between us and the server; the type says what may be done next.

::

    Unanswered        nothing, or nothing that helps, came back
    ├── NotSent       the server surely did not get the request: send it again
    ├── ResponseLost          it may have got it: look before anything is sent again
    └── ServerBusy          429 or 5xx: later; 5xx may hide that the request was carried out
    RequestRejected           4xx: a person must change something (404 and 409 are facts that callers use)
    CertificateError         the certificate is not to be trusted: final
    RunEnded             not a failure of the wire: the occurrence has its outcome
"""

from typing import NamedTuple

from graphcron.contract import Outcome


class RunResult(NamedTuple):
    """How the occurrence ended."""

    outcome: Outcome
    reason: str = ""
    message: str = ""


class RunEnded(Exception):
    """Nothing more is to be done: carries the :class:`RunResult`."""

    def __init__(self, outcome: Outcome, reason: str = "", message: str = "") -> None:
        self.result = RunResult(outcome, reason, message)
        super().__init__(f"{outcome.value} {reason}: {message}")


class Unanswered(Exception):
    """No useful answer; the text holds nothing of what came or was sent."""

    retry_after: float = 0.0
    """Seconds that the server asked us to wait."""


class NotSent(Unanswered):
    """No connection: the server did not get the request."""


class ResponseLost(Unanswered):
    """The request was sent, its answer never came."""


class ServerBusy(Unanswered):
    """The server, or a proxy before it, answered 429 or 5xx; of that answer it keeps a known sentence."""

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
        What its answer says, in a sentence of :mod:`graphcron.runner.client.answers`; empty: it has no known shape.
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
