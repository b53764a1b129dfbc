"""What the chart's watchNamespaces mean to kopf: it serves a namespace that any pattern matches."""

import pytest

from graphcron.main import watched


@pytest.mark.parametrize(
    ("namespaces", "patterns"),
    [
        ((), []),
        (("team-a",), ["team-a"]),
        (("team-a", "team-b"), ["team-a", "team-b"]),
        (("!kube-*",), ["*,!kube-*"]),
        (("team-*", "!team-test-*"), ["team-*,!team-test-*"]),
        (("!x-1", "team-*", "x-*", "!team-1"), ["team-*,!x-1,!team-1", "x-*,!x-1,!team-1"]),
    ],
)
def test_what_is_left_out_is_left_out_of_each_pattern(namespaces: tuple[str, ...], patterns: list[str]):
    assert watched(namespaces) == patterns
