"""Runs the commands of the page, each as a process of this program."""

import asyncio
from contextlib import suppress
from typing import Final

from graphcron.cli.clients.kubectl import Object
from graphcron.cli.dashboard.commands import Command

WAIT_SECONDS: Final = 15.0
"""How long an answer waits for a command. A backfill takes as long as its runs."""

MOST_OUTPUT: Final = 64 * 1024

CONTINUES: Final = "The command continues as long as the dashboard runs. The page shows its runs.\n"


class Processes:
    """Commands that may outlast the request that has started them."""

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Task[bytes], asyncio.subprocess.Process] = {}

    async def run(self, command: Command) -> Object:
        """Run a command. Return its exit code and its output; the code is None if it continues."""
        process = await asyncio.create_subprocess_exec(
            *command.argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output = bytearray()
        task = asyncio.create_task(_read(process, output))
        self._tasks[task] = process
        task.add_done_callback(lambda done: self._tasks.pop(done, None))
        await asyncio.wait({task}, timeout=WAIT_SECONDS)
        text = bytes(output).decode(errors="replace")
        return {"code": process.returncode, "output": text if task.done() else text + CONTINUES}

    async def close(self) -> None:
        """End all commands, as Ctrl-C does."""
        running = dict(self._tasks)
        for process in running.values():
            with suppress(ProcessLookupError):
                process.terminate()
        await asyncio.gather(*running, return_exceptions=True)


async def _read(process: asyncio.subprocess.Process, output: bytearray) -> bytes:
    assert process.stdout is not None
    while part := await process.stdout.read(4096):
        output += part[: max(MOST_OUTPUT - len(output), 0)]
    await process.wait()
    return bytes(output)
