"""Manage a local Kubernetes cluster, with or without Docker: `python hack/cluster VERB`."""

import sys

from localkube.cli import main

sys.exit(main(sys.argv[1:]))
