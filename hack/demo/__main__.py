"""Run the demo; see :mod:`demo`."""

import sys

from demo import main

raise SystemExit(main(sys.argv[1:]))
