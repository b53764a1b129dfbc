"""The verbs: one file each. Importing this adds them all to the program, in the order in which its help lists them."""

import importlib
from typing import Final

ORDER: Final = (
    *("list_", "describe", "history", "next_times", "top", "logs"),  # look
    *("run", "cancel", "suspend"),  # do
    *("create", "lint", "render", "diff"),  # files
    *("import_", "export"),  # move
    *("doctor", "version"),
)

for _each in ORDER:
    importlib.import_module(f"{__name__}.{_each}")
