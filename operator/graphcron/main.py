"""Entry point: ``python -m graphcron.main`` runs the operator."""

import gc
import logging
import os
import sys
from collections.abc import Sequence
from typing import Final

import kopf

import graphcron.controller.handlers  # noqa: F401  (its decorators register the handlers)
from graphcron.controller.bugs import redact_error_messages
from graphcron.controller.manager import Manager
from graphcron.errors import SpecError
from graphcron.settings import from_arguments, from_environment, served_and_not

COLLECT_AFTER: Final = 50_000
"""Number of new objects after which Python's garbage collector runs.

The default of some hundreds takes a third of the time in which kopf delivers an event.
"""


def watched(namespaces: Sequence[str]) -> list[str]:
    """Return the namespace patterns for kopf, each without the excluded namespaces, since kopf serves any match."""
    served, without = served_and_not(namespaces)
    return [",".join([each, *without]) for each in served] if namespaces else []


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
        clusterwide=not settings.namespaces,
        namespaces=watched(settings.namespaces),
        memo=manager,
        stop_flag=manager.lease_lost,
    )
    return 1 if manager.lease_lost.is_set() else 0


if __name__ == "__main__":
    raise SystemExit(main())
