"""Runs a command and prints what it cost: CPU in ms and memory in MiB, as JSON.

    python -I -S benchmarks/measured.py COMMAND…

A process of its own, and a small one: Linux counts a child's memory from before its exec, when it still is its parent.
"""

import json
import os
import sys


def main(command: list[str]) -> int:
    """Run the command without its output; return its exit code."""
    nowhere = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    process = os.posix_spawnp(command[0], command, os.environ, file_actions=nowhere)
    _, status, usage = os.wait4(process, 0)
    sys.stdout.write(json.dumps([1000 * (usage.ru_utime + usage.ru_stime), usage.ru_maxrss / 1024]))
    return os.waitstatus_to_exitcode(status)


raise SystemExit(main(sys.argv[1:]))
