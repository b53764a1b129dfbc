"""The operator's settings: one frozen value, read from the environment at start-up."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from graphcron.errors import SpecError

PREFIX = "GRAPHCRON_"
"""Each setting is the environment variable of its name, in capitals, behind this."""

_MONEY = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an administrator can set; every field has a default that works."""

    namespaces: tuple[str, ...] = ()
    """Namespaces to watch, comma-separated; ``*`` and ``!`` patterns as kopf takes them. Empty: all."""

    server_url: str = ""
    """URL of the LangGraph server for GraphCrons that name none. Empty: each must name one."""

    api_key_secret_name: str = ""
    """Secret, in each GraphCron's own namespace, that holds the API key. Empty: no key is sent."""

    api_key_secret_key: str = "api-key"
    """Key of that Secret."""

    ca_config_map_name: str = ""
    """ConfigMap, in each GraphCron's own namespace, with CA certificates. Empty: the system's only."""

    ca_config_map_key: str = "ca.crt"
    """Key of that ConfigMap."""

    runner_image: str = "graphcron/runner:dev"
    """Image of the runner pods; the chart sets the one of its own version."""

    runner_resources: dict[str, Any] = field(
        default_factory=lambda: {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}}
    )
    """Resources of the runner's container, as JSON. A run costs it some 20 MiB and 50 ms of CPU."""

    prices: dict[str, Any] = field(default_factory=dict)
    """Prices of a million tokens, as JSON: by model, or ``*`` for all others, ``{"input": "2.50", "output": "10"}``.
    Empty: tokens are not turned into money."""

    preflight_seconds: float = 1800.0
    """How long after a preflight that found something wrong the next one is made, in seconds."""

    probe_seconds: float = 900.0
    """How often each GraphServer is looked at, in seconds."""

    health_port: int = 8080
    """Port of ``/livez`` and ``/readyz``; 0: a free one, which the log names."""

    workers: int = 8
    """GraphCrons reconciled at once: enough to keep the API server busy, too few to flood it."""

    resync_seconds: float = 600.0
    """How often each GraphCron is looked at without a reason, in seconds: the net under lost events."""

    watch_inactivity_seconds: float = 70.0
    """A watch that is silent for longer is made anew, in seconds. The API server sends a bookmark each 60 s."""

    echo_seconds: float = 180.0
    """A write of ours that the watch has not shown within this time means a dead watch: ``/livez`` fails."""


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings.

    Raises
    ------
    SpecError
        A variable holds what can't be read.
    """
    values: dict[str, Any] = {}
    for each in fields(Settings):
        variable = PREFIX + each.name.upper()
        text = environment.get(variable, "").strip()
        if text:
            values[each.name] = _read(variable, text, each.name)
    settings = Settings(**values)
    _check_prices(settings.prices)
    return settings


def _check_prices(prices: Mapping[str, Any]) -> None:
    for model, price in prices.items():
        parts = dict(price) if isinstance(price, Mapping) else {}
        if set(parts) != {"input", "output"} or not all(_MONEY.fullmatch(str(part)) for part in parts.values()):
            raise SpecError(
                field=f"{PREFIX}PRICES[{model}]",
                problem=f"is {json.dumps(price)}",
                remedy='give the prices of a million tokens as decimals: {"input": "2.50", "output": "10"}',
            )


def _read(variable: str, text: str, name: str) -> Any:
    default = getattr(Settings(), name)
    try:
        if isinstance(default, tuple):
            return tuple(part.strip() for part in text.split(",") if part.strip())
        if isinstance(default, dict):
            return dict(json.loads(text))
        return type(default)(text)
    except (ValueError, TypeError) as error:
        raise SpecError(
            field=variable, problem=f"cannot read {text!r}", remedy=f"give a value such as {default!r}"
        ) from error
