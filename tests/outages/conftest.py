"""Parts of the control plane stopped: these tests disturb all others, so `hack/test` gives them a cluster of their own."""

from tests.e2e.conftest import crons

__all__ = ["crons"]
