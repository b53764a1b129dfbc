"""The CRD: made from the model, structural, and never stale."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from graphcron import crd

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = crd.resource_schema()


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Walk a schema: each value's path and schema."""
    yield path, schema
    for name, each in schema.get("properties", {}).items():
        yield from nodes(each, f"{path}.{name}".lstrip("."))
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if key in schema:
            yield from nodes(schema[key], path + mark)


NODES = dict(nodes(SCHEMA))


def test_the_files_are_what_the_model_says() -> None:
    assert crd.main(["--check"]) == 0, "run `make generate`"


def test_a_stale_file_is_told_and_then_written(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "crds" / "graphcrons.yaml"
    monkeypatch.setattr(crd, "FILES", (file,))
    assert crd.main(["--check"]) == 1
    assert "graphcrons.yaml is stale: run `make generate`" in capsys.readouterr().err
    assert crd.main([]) == 0
    assert crd.main(["--check"]) == 0
    assert crd.main(["--print"]) == 0
    assert capsys.readouterr().out == file.read_text()
    assert yaml.safe_load(file.read_text()) == crd.crd()


def test_the_file_is_small_enough_for_any_way_of_applying_it() -> None:
    assert len(crd.dump(crd.crd())) < 200_000


def test_the_definition_has_no_status_and_no_defaults() -> None:
    definition = crd.crd()
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


@pytest.mark.parametrize(
    "path", [path for path in NODES if not re.search(r"(\[\]|\{\})$|^metadata\.name$|^metadata$", path)]
)
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
            assert (path + rule["fieldPath"]).lstrip(".") in NODES


def test_only_what_is_free_is_free() -> None:
    free = {path for path, schema in NODES.items() if "x-kubernetes-preserve-unknown-fields" in schema}
    assert free == {
        "spec.input",
        "spec.config",
        "spec.config.configurable",
        "spec.context",
        "spec.metadata",
        "spec.runner.affinity",
        "spec.runner.tolerations[]",
    }


def test_a_text_with_a_rule_has_a_longest_length() -> None:
    """CEL reckons with the worst case: without a bound the API server takes the rule for too dear."""
    for path, schema in NODES.items():
        if schema.get("type") == "string" and "x-kubernetes-validations" in schema:
            assert "maxLength" in schema, path


def test_columns() -> None:
    columns = crd.crd()["spec"]["versions"][0]["additionalPrinterColumns"]
    narrow = [column["name"] for column in columns if not column.get("priority")]
    assert narrow == ["Schedule", "Zone", "Ready", "Suspend", "Last", "Next", "Age"]
    assert [column["name"] for column in columns if column.get("priority")] == ["Assistant", "Thread", "Tokens"]
    for column in columns:
        path = re.sub(r"\[.*?\]", "[]", column["jsonPath"]).lstrip(".")
        assert path == "metadata.creationTimestamp" or path in NODES
