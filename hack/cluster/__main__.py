"""`python hack/cluster VERB`: a local Kubernetes, with Docker (kind) or without it."""

import sys

from localkube.cli import main

sys.exit(main(sys.argv[1:]))
