"""What users get wrong is found without a cluster, in the model's words: the whole table, in one call."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.api.specs import manifest_of, problems, table
from tests.cli.offline.program import run

if TYPE_CHECKING:
    from pathlib import Path

BAD = table("bad_specs.yaml")
GOOD = table("good_specs.yaml")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """Lint all rows, a file each; return what was found, by file."""
    folder = tmp_path_factory.mktemp("rows")
    for table_name, rows in (("bad", BAD), ("good", GOOD)):
        for number, row in enumerate(rows):
            body = manifest_of(row, name=f"{table_name}-{number}")
            _file(folder, table_name, number).write_text(yaml.safe_dump(body))
    done = run("lint", str(folder), "-o", "json")
    assert done.returncode == 1, done.stderr
    found: dict[str, list[dict[str, Any]]] = {}
    for each in (each for each in json.loads(done.stdout) if each["severity"] == "error"):
        found.setdefault(each["file"].rpartition("/")[2], []).append(each)
    return found


def _file(folder: Path, table_name: str, number: int) -> Path:
    return folder / f"{table_name}-{number}.yaml"


@pytest.mark.parametrize("number", range(len(BAD)), ids=[row["name"] for row in BAD])
def test_a_slip_is_found_in_the_words_of_the_model(told: dict[str, list[dict[str, Any]]], number: int) -> None:
    row = BAD[number]
    found = told[f"bad-{number}.yaml"]
    said = {(each["field"], each["problem"], each["remedy"]) for each in found}
    assert said == {
        (each.field, each.problem, each.remedy) for each in problems(manifest_of(row, name=f"bad-{number}"))
    }
    messages = [f"{each['problem']}; {each['remedy']}" for each in found if each["field"] == row["field"]]
    assert any(all(part in message for part in row.get("offline", row["says"])) for message in messages)


@pytest.mark.parametrize("number", range(len(GOOD)), ids=[row["name"] for row in GOOD])
def test_nothing_is_found_where_nothing_is_wrong(told: dict[str, list[dict[str, Any]]], number: int) -> None:
    assert told.get(f"good-{number}.yaml", []) == []
