"""Parts of the control plane stopped: these tests disturb all others, so `hack/test.py` runs them alone, at the end."""

from tests.e2e.conftest import api, crons, langgraph

__all__ = ["api", "crons", "langgraph"]
