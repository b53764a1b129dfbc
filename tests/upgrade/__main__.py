"""``python -m tests.upgrade``: on the cluster that GRAPHCRON_TEST_CLUSTER names; `make upgrade-test` brings one up."""

from __future__ import annotations

import argparse
import os
import sys
import uuid

from tests.cluster import ENV_CLUSTER, ROOT, Cluster

sys.path.insert(0, str(ROOT / "hack/demo"))


def main() -> int:
    """Upgrade, print the account, and return whether all was kept."""
    import installing
    from tests.e2e.api import LangGraph
    from tests.e2e.crons import Crons
    from tests.upgrade.judge import table
    from tests.upgrade.previous import Previous, files_of, last_release
    from tests.upgrade.upgrade import leave_and_return, upgrade

    parser = argparse.ArgumentParser(prog="python -m tests.upgrade")
    parser.add_argument("--from", dest="revision", default=last_release(), help="default: %(default)s")
    revision = parser.parse_args().revision
    cluster = Cluster(os.environ[ENV_CLUSTER])
    installing.install_server(cluster)
    api = cluster.api
    namespace = f"upgrade-{uuid.uuid4().hex[:8]}"
    installing.make_namespace(cluster, namespace)
    crons = Crons(cluster, api, LangGraph(api, installing.SERVER_NAMESPACE), namespace)
    try:
        with files_of(revision) as folder:
            rows = upgrade(crons, Previous(folder, cluster), installing.say)
        print(f"\nFrom {revision} to this checkout:\n{table(rows)}\n", flush=True)
        back = leave_and_return(crons, installing.say)
        print(f"\nUninstalled and installed anew:\n{table(back)}", flush=True)
    finally:
        installing.delete_namespaces(cluster, namespace)
    return 1 if any(row.findings for row in (*rows, *back)) else 0


if __name__ == "__main__":
    raise SystemExit(main())
