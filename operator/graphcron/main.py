"""Entry point: ``python -m graphcron.main`` runs the operator."""

import gc
import logging
import os
import sys
from typing import Final

import kopf

import graphcron.controller.handlers  # noqa: F401  (its decorators register the handlers)
from graphcron.controller.bugs import redact_error_messages
from graphcron.controller.manager import Manager
from graphcron.errors import SpecError
from graphcron.settings import from_arguments, from_environment

COLLECT_AFTER: Final = 50_000
"""Number of new objects after which Python's garbage collector runs.

The default of some hundreds takes a third of the time in which kopf delivers an event.
"""


def main() -> int:
    """Run the operator; return the exit code."""
    try:
        settings = from_environment({**os.environ, **from_arguments(sys.argv[1:])})
    except SpecError as error:
        print(error, file=sys.stderr)  # noqa: T201  (logging is not set up yet)
        return 2
    kopf.configure(log_format=kopf.LogFormat.JSON if settings.log_format == "json" else kopf.LogFormat.FULL)
    logging.getLogger().setLevel(settings.log_level.upper())
    redact_error_messages()
    # kopf logs each successful handler; the operator's handlers only add a key to a queue.
    logging.getLogger("kopf.objects").setLevel(max(logging.WARNING, logging.getLogger().level))
    manager = Manager(settings)
    gc.set_threshold(COLLECT_AFTER)
    kopf.run(
        standalone=True,
        # With patterns, the manager selects the namespaces: kopf 1.45 ignores namespaces that it sees in a relist only.
        clusterwide=not settings.namespaces_are_named,
        namespaces=settings.namespaces if settings.namespaces_are_named else (),
        memo=manager,
        stop_flag=manager.lease_lost,
    )
    return 1 if manager.lease_lost.is_set() else 0


if __name__ == "__main__":
    raise SystemExit(main())
