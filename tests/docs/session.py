"""Running the snippets of one language as a reader does: one after the other, in one program."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

from tests.docs.page import Block

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NODE_MODULES = Path(__file__).parent / "node_modules"

_MARK = "--- the reader looks at what has happened ---"
_PAUSES = {
    "bash": f"printf '\\n%s\\n' '{_MARK}'; read -r",
    "python": f"print(); print({_MARK!r}, flush=True); __import__('sys').stdin.readline()",
    "javascript": f"""
        console.log("\\n" + {_MARK!r});
        await new Promise((go) => process.stdin.resume().once("data", go));
        process.stdin.pause();
    """,
}
"""What stands between two snippets: say on a line of its own that we are there, and wait for one."""


class Session:
    """A program made of snippets, which stops after each of them.

    Parameters
    ----------
    snippets
        Code of one language; YAML among it is written to the file that it names.
    folder
        Where it runs.
    environment
        What it runs with.
    """

    def __init__(self, snippets: Sequence[Block], folder: Path, environment: Mapping[str, str]) -> None:
        for block in snippets:
            if block.language == "yaml":
                assert block.file_name, f"{block}: the first line has to name the file"
                (folder / block.file_name).write_text(block.text, encoding="utf-8")
        code = [block for block in snippets if block.language != "yaml"]
        (language,) = {block.language for block in code}
        pause = _PAUSES[language]
        text = "".join(f"{block.text}\n{pause}\n" for block in code)
        self._printed: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._program = subprocess.Popen(
            _command(language, text, folder),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert self._program.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._program.stdout,), daemon=True)
        self._reader.start()
        self._begun = False

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        """End the program, and what it has left in the background."""
        with suppress(ProcessLookupError):
            os.killpg(self._program.pid, signal.SIGKILL)
        self._program.wait()
        self._reader.join()
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        self._program.stdout.close()
        with suppress(BrokenPipeError):
            self._program.stdin.close()

    def step(self, *, seconds: float = 120) -> str:
        """Run the next snippet and return what it printed."""
        self._go_on()
        lines: list[str] = []
        while (line := self._next_line(seconds)) != _MARK:
            if line is None:
                raise AssertionError(f"the program has ended:\n{self._transcript()}")
            lines.append(line)
        return "\n".join(lines)

    def end(self, *, seconds: float = 30) -> None:
        """Run to the end, which must be a good one."""
        self._go_on()
        while self._next_line(seconds) is not None:
            pass
        code = self._program.wait(seconds)
        assert code == 0, f"exit code {code}:\n{self._transcript()}"

    def _go_on(self) -> None:
        if self._begun:
            assert self._program.stdin is not None
            self._program.stdin.write("\n")
            self._program.stdin.flush()
        self._begun = True

    def _next_line(self, seconds: float) -> str | None:
        try:
            return self._lines.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"no further step after {seconds:.0f} s:\n{self._transcript()}") from None

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self._printed.append(line)
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def _transcript(self) -> str:
        return "".join(self._printed)


def _command(language: str, text: str, folder: Path) -> list[str]:
    """Write the program and return how to run it."""
    if language == "bash":
        program = folder / "snippets.sh"
        program.write_text(f"set -euo pipefail\n{text}", encoding="utf-8")
        return ["bash", str(program)]
    if language == "python":
        program = folder / "snippets.py"
        program.write_text(text, encoding="utf-8")
        return [sys.executable, str(program)]
    if not shutil.which("node") or not NODE_MODULES.exists():
        pytest.fail("the JavaScript snippets need Node.js and its modules: run `make setup`")
    (folder / "node_modules").symlink_to(NODE_MODULES)
    program = folder / "snippets.mjs"
    program.write_text(text, encoding="utf-8")
    return ["node", str(program)]
