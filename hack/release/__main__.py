"""Run a step of a release; see :mod:`release`."""

import sys

from release import main

raise SystemExit(main(sys.argv[1:]))
