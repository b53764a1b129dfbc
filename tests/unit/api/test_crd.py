"""The CRDs: made from the model, structural, and never stale."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from graphcron.api import crd

if TYPE_CHECKING:
    from collections.abc import Iterator


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Walk a schema: each value's path and schema."""
    yield path, schema
    for name, each in schema.get("properties", {}).items():
        yield from nodes(each, f"{path}.{name}".lstrip("."))
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if key in schema:
            yield from nodes(schema[key], path + mark)


NODES = {
    f"{kind.model.__name__}: {path}": schema for kind in crd.KINDS for path, schema in nodes(crd.resource_schema(kind))
}


def test_the_files_are_what_the_model_says() -> None:
    assert crd.main(["--check"]) == 0, "run `make generate`"


def test_a_stale_file_is_told_and_then_written(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(crd, "FOLDERS", (tmp_path / "crds", tmp_path / "copies"))
    assert crd.main(["--check"]) == 1
    assert capsys.readouterr().err.count(".graphcron.dev.yaml is stale: run `make generate`") == 2 * len(crd.KINDS)
    assert crd.main([]) == 0
    assert crd.main(["--check"]) == 0
    assert crd.main(["--print"]) == 0
    files = [
        tmp_path / folder / f"{kind.plural}.graphcron.dev.yaml" for folder in ("crds", "copies") for kind in crd.KINDS
    ]
    texts = [file.read_text() for file in files]
    written, copies = texts[: len(crd.KINDS)], texts[len(crd.KINDS) :]
    assert written == copies == capsys.readouterr().out.split("---\n")
    assert tuple(map(yaml.safe_load, written)) == crd.crds()


@pytest.mark.parametrize("kind", crd.KINDS, ids=lambda kind: kind.plural)
def test_the_file_is_small_enough_for_any_way_of_applying_it(kind: crd.Kind) -> None:
    assert len(crd.dump(crd.crd(kind))) < 200_000


@pytest.mark.parametrize("kind", crd.KINDS, ids=lambda kind: kind.plural)
def test_the_definition_has_no_status_and_no_defaults(kind: crd.Kind) -> None:
    definition = crd.crd(kind)
    assert "status" not in definition
    assert definition["spec"]["versions"][0]["subresources"] == {"status": {}}
    for path, schema in NODES.items():
        assert "default" not in schema, path


@pytest.mark.parametrize("path", NODES)
def test_each_value_is_structural(path: str) -> None:
    schema = NODES[path]
    assert not {"$ref", "anyOf", "oneOf", "title", "const", "exclusiveMinimum", "exclusiveMaximum"} & schema.keys()
    free = {"x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields"} & schema.keys()
    assert schema.get("type") or free
    assert not ("properties" in schema and "additionalProperties" in schema)
    if schema.get("type") == "array":
        assert schema["x-kubernetes-list-type"] in {"atomic", "map"}


@pytest.mark.parametrize("path", [path for path in NODES if not re.search(r"(\[\]|\{\})$|: metadata(\.name)?$", path)])
def test_each_field_is_described_in_sentences_on_one_line(path: str) -> None:
    description = NODES[path]["description"]
    assert description.endswith((".", "…", "!", "?"))
    assert "\n" not in description
    assert "``" not in description


@pytest.mark.parametrize("path", [path for path, schema in NODES.items() if "x-kubernetes-validations" in schema])
def test_each_rule_has_words_and_names_a_field_that_exists(path: str) -> None:
    for rule in NODES[path]["x-kubernetes-validations"]:
        problem, _, remedy = rule["message"].partition("; ")
        assert problem
        assert remedy
        if "fieldPath" in rule:
            assert (path + rule["fieldPath"]).replace(": .", ": ") in NODES


def test_only_what_is_free_is_free() -> None:
    free = {path for path, schema in NODES.items() if "x-kubernetes-preserve-unknown-fields" in schema}
    fields = (
        "input",
        "config",
        "config.configurable",
        "context",
        "metadata",
        "runner.affinity",
        "runner.tolerations[]",
    )
    assert free == {f"{kind}: spec.{field}" for kind in ("GraphCron", "GraphRun") for field in fields}


def test_a_text_with_a_rule_has_a_longest_length() -> None:
    """CEL reckons with the worst case: without a bound the API server takes the rule for too dear."""
    for path, schema in NODES.items():
        if schema.get("type") == "string" and "x-kubernetes-validations" in schema:
            assert "maxLength" in schema, path


def test_columns() -> None:
    columns = {
        kind.model.__name__: crd.crd(kind)["spec"]["versions"][0]["additionalPrinterColumns"] for kind in crd.KINDS
    }
    names = {
        kind: {wide: [each["name"] for each in told if each.get("priority", 0) == wide] for wide in (0, 1)}
        for kind, told in columns.items()
    }
    assert names == {
        "GraphCron": {
            0: ["Schedule", "Zone", "Ready", "Target", "Suspend", "Last", "Next", "Age"],
            1: ["Assistant", "Thread", "Server", "Tokens"],
        },
        "GraphRun": {
            0: ["GraphCron", "Outcome", "Duration", "Tokens", "Age"],
            1: ["Reason", "Scheduled", "Thread", "Cost"],
        },
        "GraphServer": {0: ["URL", "Ready", "Server", "Age"], 1: []},
    }
    for kind, told in columns.items():
        for column in told:
            for path in _fields_of(column["jsonPath"]):
                assert path == "metadata.creationTimestamp" or f"{kind}: {path}" in NODES


def _fields_of(path: str) -> list[str]:
    """Return the fields that a column's path leads to: ``.a['b','c']`` to two."""
    parent, _, names = path.strip(".]").partition("['")
    if names:
        return [f"{parent}.{name}" for name in names.strip("'").split("','")]
    return [re.sub(r"\[.*?\]", "[]", path).lstrip(".")]
