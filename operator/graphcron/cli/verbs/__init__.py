"""The verbs, one module each. Importing this package adds them to the program, in the order of its help."""

import importlib
from typing import Final

ORDER: Final = (
    *("list_", "describe", "history", "next_times", "forecast", "top", "logs", "dashboard"),  # look
    *("run", "backfill", "cancel", "suspend"),  # do
    *("create", "lint", "render", "diff"),  # files
    *("import_", "export"),  # move
    *("doctor", "version", "help_"),
)

for _each in ORDER:
    importlib.import_module(f"{__name__}.{_each}")
