"""``python -m graphcron.cli``."""

import graphcron.cli.verbs  # noqa: F401  (each adds itself)
from graphcron.cli.app import main

if __name__ == "__main__":
    main()
