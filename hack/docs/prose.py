"""Find words that the style guide bans in the pages, the chart's texts and the operator's code.

python hack/docs/prose.py [FILE …]
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]

WORDS: Final = {
    r"anew": "again",
    r"by (?:itself|themselves)": "automatically, alone",
    r"so many": "at most N, that many",
    r"of (?:its|their|his|her|your|one's) own": "its own …, a separate …",
    r"(?:tell|tells|telling|told) of": "report, describe",
    r"(?:say|says|saying|said) so": "report, state",
    r"in vain": "without success",
    r"whatever": "any, regardless of",
    r"(?:hang|hangs|hung) on": "depend on",
    r"(?<!there.)is no (?!longer|more|way)\w+": "is not a …, unknown …",
    r"(?:some|any|no)body": "name the actor: the operator, the runner, a user",
}
"""Words that no text has, and what to write."""

PAGE_WORDS: Final = {
    r"we|us|our|ours": "name the actor: the operator, the runner, GraphCron",
}
"""Words that no page has."""

TEXTS: Final = (
    "*.md",
    "docs/*.md",
    "benchmarks/*.md",
    "charts/graphcron/*.md",
    "charts/graphcron/values.yaml",
    "charts/graphcron/files/*.yaml",
    "charts/graphcron/templates/*.txt",
)
CODE: Final = ("operator/graphcron/**/*.py", "operator/graphcron/cli/dashboard/page/src/**/*.ts*")

_CODE_IN_TEXT = re.compile(r"^(```+).*?^\1$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_GAP = r"\s+(?:#\s+)?"


class Finding(NamedTuple):
    """A banned word in a file."""

    file: str
    line: int
    word: str
    instead: str


def findings(file: str, text: str) -> Iterator[Finding]:
    """Yield the banned words of a text, except in the fenced blocks and code spans of a page."""
    words = WORDS
    if not file.endswith(".py"):
        words = WORDS | PAGE_WORDS
        text = _CODE_IN_TEXT.sub(lambda code: re.sub(r"[^\n]", "`", code[0]), text)
    for word, instead in words.items():
        for found in re.finditer(rf"(?<![\w-])(?:{word.replace(' ', _GAP)})(?!\w)", text, re.IGNORECASE):
            line, said = text.count("\n", 0, found.start()) + 1, found[0].replace("#", "")
            yield Finding(file, line, " ".join(said.split()), instead)


def files() -> Iterator[Path]:
    """Yield all files that are checked."""
    for pattern in (*TEXTS, *CODE):
        yield from sorted(ROOT.glob(pattern))


def main(arguments: list[str]) -> int:
    """Print all findings; return the exit code."""
    found = []
    for path in [Path(each).resolve() for each in arguments] or files():
        name = (path.relative_to(ROOT) if path.is_relative_to(ROOT) else path).as_posix()
        found += sorted(findings(name, path.read_text(encoding="utf-8")))
    for file, line, word, instead in found:
        print(f"{file}:{line}: {word!r}: {instead}")
    return int(bool(found))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
