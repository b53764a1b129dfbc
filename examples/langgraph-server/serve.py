"""Serve the graphs of ``langgraph.json`` and keep nothing: for containers with a read-only root, and for tests.

What ``langgraph dev`` does, less its watching and its browser. ``HOST``, ``PORT`` and ``N_JOBS_PER_WORKER`` (runs at a
time) may be set in the environment. With ``DATA_DIR``, a folder, threads and runs survive a restart by SIGTERM;
``SHUTDOWN_SECONDS`` is how long that waits for clients that hold a connection (default: until they let go).
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
    data = os.environ.get("DATA_DIR")
    if data:
        os.environ["LANGGRAPH_DISABLE_FILE_PERSISTENCE"] = "false"
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    os.chdir(data or tempfile.mkdtemp())  # its modules make a folder where they are, even if they keep nothing in it

    host, port = os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "2024"))
    patience = int(os.environ.get("SHUTDOWN_SECONDS", "0")) or None
    app = "langgraph_api.server:app"
    uvicorn.run(app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=patience)


if __name__ == "__main__":
    main()
