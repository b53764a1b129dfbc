"""From the last release to this checkout, away and back: nothing is lost, made anew or fired."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.upgrade.judge import Row, table
from tests.upgrade.previous import Previous, files_of, last_release

if TYPE_CHECKING:
    from tests.e2e.crons import Crons


@pytest.mark.timeout(900)
def test_an_upgrade_keeps_everything(crons: Crons) -> None:
    import installing
    from tests.upgrade.upgrade import install, leave_and_return, upgrade

    try:
        with files_of(last_release()) as folder:
            kept(upgrade(crons, Previous(folder, crons.cluster), installing.say))
        kept(leave_and_return(crons, installing.say))
    finally:
        install(crons)


def kept(rows: list[Row]) -> None:
    assert not any(row.findings for row in rows), f"\n{table(rows)}"
