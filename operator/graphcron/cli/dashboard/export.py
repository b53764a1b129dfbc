"""The page with its data in one file, which opens from a disk."""

import base64
import hashlib
import re
from datetime import timedelta
from pathlib import Path
from typing import Final

from graphcron.cli.app import CliError
from graphcron.cli.dashboard.due_times import due
from graphcron.cli.dashboard.live import Dashboard
from graphcron.cli.dashboard.server import STATIC
from graphcron.cli.dashboard.store import as_json

LENGTH: Final = timedelta(days=31)
"""How far ahead the times of an exported page are."""

LIMIT: Final = 200
"""Maximum number of times of one GraphCron in an exported page."""

_STYLE: Final = re.compile(r'<link rel="stylesheet" href="/?([\w.-]+)">')
_SCRIPT: Final = re.compile(r'<script type="module" src="/?([\w.-]+)"></script>')
_HEAD: Final = re.compile(r'<meta charset="utf-8">', re.IGNORECASE)


async def page_with(dashboard: Dashboard) -> str:
    """Return the page with the present state of a cluster."""
    await dashboard.fill()
    state, now = await dashboard.state(read_only=True), dashboard.now()
    times = as_json(due(dashboard.store.plans(), now, now + LENGTH, limit=LIMIT))
    return one_file(Path(STATIC), f'{{"state":{state},"due":{times},"load":{as_json(await dashboard.load())}}}')


def one_file(static: Path, data: str) -> str:
    """Return the page with its script, its style and its data, and a policy that allows nothing else.

    Parameters
    ----------
    data
        JSON; ``<`` is escaped, so that no text in it can end its element.
    """
    page = (static / "index.html").read_text(encoding="utf-8")
    style = "".join((static / each).read_text(encoding="utf-8") for each in _STYLE.findall(page))
    script = "".join((static / each).read_text(encoding="utf-8") for each in _SCRIPT.findall(page))
    if "</script" in script.lower() or "</style" in style.lower():
        raise CliError("the page of this installation can't be written to one file")
    policy = f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; base-uri 'none'; form-action 'none'"  # noqa: E501
    block = f'<script type="application/json" id="state">{data.replace("<", chr(92) + "u003c")}</script>'
    page = _HEAD.sub(
        f'<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{policy}">', page, count=1
    )
    page = _STYLE.sub(lambda _: f"<style>{style}</style>", page, count=1)
    return _SCRIPT.sub(lambda _: f'{block}\n<script type="module">{script}</script>', page, count=1)


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
