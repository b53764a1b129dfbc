"""Entry point of the pod: ``python3 -I -S /app``."""

import os

from graphcron.runner.stop import Stop

stop = Stop()
stop.install()  # before anything slow: without a handler, process 1 of a container ignores SIGTERM

from graphcron.runner.main import main  # noqa: E402

if __name__ == "__main__":
    os._exit(main(stop))  # all is written and flushed: Python's own way out costs 5 ms and does nothing for us
