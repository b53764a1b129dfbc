"""What needs no API server to be seen of the room that talks to it."""

import json

import pytest
import yaml

from graphcron.kube import as_yaml


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "🕰 outside the basic plane",  # JSON's pair of surrogates is no YAML
        "next\u0085line, separators\u2028and\u2029",  # YAML folds these
        "delete\x7f, C1\x9f, mark\ufeff",  # YAML refuses these
        'tab\t, newline\n, quote", backslash\\, \\u0041',
    ],
)
def test_what_is_sent_for_server_side_apply_is_json_and_yaml_alike(text):
    sent = as_yaml({"input": text})
    assert json.loads(sent) == {"input": text}
    assert yaml.safe_load(sent) == {"input": text}
