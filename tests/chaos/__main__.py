"""``python -m tests.chaos``: chaos on the cluster that GRAPHCRON_TEST_CLUSTER names; `make chaos` brings one up."""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from pathlib import Path

from tests.chaos.chaos import Chaos, long_plan, short_plan
from tests.cluster import ENV_CLUSTER, ROOT, Cluster

sys.path.insert(0, str(ROOT / "hack/demo"))


def main() -> int:
    """Run, print the account, and return whether all held."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--occurrences", type=int, default=0, help="at least so many (default: 300; short: 30)")
    parser.add_argument("--seed", type=int, default=None, help="of the random numbers (default: a new one)")
    parser.add_argument("--short", action="store_true", help="few GraphCrons, one fault after the other")
    parser.add_argument("--log", default="", help="file for what was done when")
    options = parser.parse_args()
    seed = random.randrange(1_000_000) if options.seed is None else options.seed
    plan = short_plan(seed, options.occurrences or 30) if options.short else long_plan(seed, options.occurrences or 300)
    began = time.time()

    def say(text: str) -> None:
        print(f"[{time.time() - began:6.1f}s] {text}", file=sys.stderr, flush=True)

    result = Chaos(Cluster(os.environ[ENV_CLUSTER]), plan, say).run()
    if options.log:
        Path(options.log).write_text("\n".join(result.log) + "\n")
    elif not result.good:
        print(*result.log, sep="\n", file=sys.stderr)
    print(result.text(), flush=True)
    return 0 if result.good else 1


if __name__ == "__main__":
    raise SystemExit(main())
