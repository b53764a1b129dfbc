"""Entry point of the test's pod."""

import os
import signal
import sys
from contextlib import nullcontext

from graphcron.errors import SpecError
from graphcron.helmtest.fake_server import serve
from graphcron.helmtest.settings import from_environment
from graphcron.helmtest.steps import Trial


def main() -> int:
    """Run the test; return the exit code."""
    # Process 1 of a container ignores SIGTERM by default; with a handler, the test deletes what it has created.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to stop"))
    try:
        settings = from_environment(os.environ)
    except SpecError as error:
        print(error, file=sys.stderr)  # noqa: T201  (a person reads it)
        return 2
    from graphcron.helmtest.cluster import Cluster  # noqa: PLC0415  (a second: what was forgotten is told before)

    with nullcontext() if settings.assistant else serve(settings.port):
        return 0 if Trial(Cluster(settings.namespace), settings).run() else 1


if __name__ == "__main__":
    raise SystemExit(main())
