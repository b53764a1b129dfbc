"""Entry point of the pod: ``python3 -I -S /app``."""

import gc
import os

gc.disable()  # imports create many objects and no garbage: collecting takes a twelfth of the start

from graphcron.runner.occurrence.shutdown import ShutdownSignal  # noqa: E402

shutdown = ShutdownSignal()
shutdown.install()  # before anything slow: without a handler, process 1 of a container ignores SIGTERM

from graphcron.runner.main import main  # noqa: E402

gc.freeze()
gc.enable()

if __name__ == "__main__":
    os._exit(main(shutdown))  # everything is flushed, and Python's own exit costs 5 ms
