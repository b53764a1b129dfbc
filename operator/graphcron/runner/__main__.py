"""Entry point of the pod: ``python3 -I -S /app``."""

import gc
import os

gc.disable()  # imports make many objects and no garbage: to look for some takes a twelfth of the start

from graphcron.runner.occurrence.shutdown import ShutdownSignal  # noqa: E402

shutdown = ShutdownSignal()
shutdown.install()  # before anything slow: without a handler, process 1 of a container ignores SIGTERM

from graphcron.runner.main import main  # noqa: E402

gc.freeze()
gc.enable()

if __name__ == "__main__":
    os._exit(main(shutdown))  # all is written and flushed: Python's own way out costs 5 ms and does nothing for us
