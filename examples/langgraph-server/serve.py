"""Serve the graphs of ``langgraph.json`` and keep nothing: for containers with a read-only root, and for tests.

What ``langgraph dev`` does, less its watching and its browser. ``HOST``, ``PORT`` and ``N_JOBS_PER_WORKER`` (runs at a
time) may be set in the environment.
"""

import json
import os
import tempfile
from pathlib import Path

import uvicorn

HERE = Path(__file__).parent
CONFIG = json.loads((HERE / "langgraph.json").read_text())
DEFAULTS = {
    "LANGGRAPH_RUNTIME_EDITION": "inmem",
    "LANGGRAPH_DISABLE_FILE_PERSISTENCE": "true",
    "LANGGRAPH_NO_VERSION_CHECK": "true",
    "LANGSMITH_TRACING": "false",
    "MIGRATIONS_PATH": "__inmem",
    "DATABASE_URI": ":memory:",
    "REDIS_URI": "fake",
    "N_JOBS_PER_WORKER": "20",
    "LANGSERVE_GRAPHS": json.dumps({name: str(HERE / place) for name, place in CONFIG["graphs"].items()}),
    "LANGGRAPH_AUTH": json.dumps({"path": str(HERE / CONFIG["auth"]["path"])}),
}


def main() -> None:
    """Start the server; its modules read the environment when they are imported."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    os.chdir(tempfile.mkdtemp())  # its modules make a folder where they are, even if they keep nothing in it

    host, port = os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "2024"))
    uvicorn.run("langgraph_api.server:app", host=host, port=port, log_level="warning")


if __name__ == "__main__":
    main()
