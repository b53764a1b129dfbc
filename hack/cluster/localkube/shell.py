"""Basics of all modules: progress lines, errors of one sentence, and child processes."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

STARTED = time.monotonic()
TELL_EVERY = 15.0
"""Seconds between two lines on the progress of a long command."""


class ClusterError(Exception):
    """An error that the user can fix; printed as one line, without a traceback."""


def say(message: str) -> None:
    """Print a progress line on standard error, with the seconds since the start."""
    print(f"[{time.monotonic() - STARTED:6.1f}s] {message}", file=sys.stderr, flush=True)


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    log: Path | None = None,
    cause: str = "",
    tell: Callable[[], None] | None = None,
) -> str:
    """Run a command and return its output; if it fails, raise an error with its last lines.

    Parameters
    ----------
    log
        A file to which its output is written.
    cause
        Prefixes of lines that name the cause of a failure. The error contains these lines instead of the last ones.
    tell
        Called every few seconds while it runs.
    """
    words = [str(word) for word in command]
    with ExitStack() as files:
        output = files.enter_context(log.open("ab")) if log else subprocess.PIPE
        errors = subprocess.STDOUT if log else subprocess.PIPE
        try:
            process = subprocess.Popen(
                words, cwd=cwd, env=env, stdin=subprocess.PIPE, stdout=output, stderr=errors, text=True
            )
        except FileNotFoundError as error:
            raise ClusterError(f"{words[0]} is not installed") from error
        with process:
            printed, complaint = _communicate(process, stdin or "", tell)
    if process.returncode:
        complaint = log.read_text(errors="replace") if log else complaint or printed
        lines = complaint.strip().splitlines()
        named = [line.strip() for line in lines if cause and line.startswith(cause)]
        tail = "\n  ".join(named or lines[-15:])
        where = f" (all of it: {log})" if log else ""
        raise ClusterError(f"`{' '.join(words[:6])}` ended with {process.returncode}{where}:\n  {tail}")
    return printed or ""


def _communicate(process: subprocess.Popen[str], stdin: str, tell: Callable[[], None] | None) -> tuple[str, str]:
    given: str | None = stdin
    try:
        while True:
            try:
                return process.communicate(given, timeout=TELL_EVERY if tell else None)
            except subprocess.TimeoutExpired:
                given = None  # it is kept, and can't be given twice
                if tell:
                    tell()
    except BaseException:
        process.kill()
        raise


def succeeds(command: Sequence[str | Path]) -> bool:
    """Return whether a command exists and ends with 0; discard its output."""
    try:
        return subprocess.run([str(w) for w in command], capture_output=True, check=False, timeout=30).returncode == 0
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False


def wait_for(what: str, condition: Callable[[], bool], *, seconds: float, interval: float = 0.1) -> None:
    """Wait until the condition holds, or raise an error that states what did not happen."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise ClusterError(f"{what}: not within {seconds:.0f} s")
        time.sleep(interval)


def write(path: Path, text: str, mode: int = 0o644) -> Path:
    """Write a file atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as sink:
        sink.write(text)
    temporary.replace(path)
    return path
