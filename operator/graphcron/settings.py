"""The operator's settings: one frozen value, read from the environment and the arguments at start-up."""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any

from graphcron.api.v1alpha1 import Runner, parse_part
from graphcron.errors import SpecError

PREFIX = "GRAPHCRON_"
"""Each setting is the environment variable of its name, in capitals, behind this."""

LONGEST_TIMEOUT_SECONDS = 31_536_000
"""A year: the longest default timeout."""

LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("json", "text")

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

    runner_image_pull_policy: str = ""
    """When the kubelet pulls that image: Always, IfNotPresent or Never. Empty: as Kubernetes decides by the tag."""

    runner_image_pull_secrets: tuple[str, ...] = ()
    """Secrets, in each GraphCron's own namespace, with which the runner's image is pulled, comma-separated."""

    runner_defaults: dict[str, Any] = field(default_factory=dict)
    """Defaults for ``spec.runner`` of GraphCrons, as JSON, such as ``{"priorityClassName": "low"}``. A field of a
    GraphCron replaces its default; labels, annotations and nodeSelector are merged, and the GraphCron's keys win."""

    allowed_servers: tuple[str, ...] = ()
    """URLs below which GraphCrons and GraphServers may name servers, comma-separated or as a JSON list; see
    :mod:`graphcron.planning.allowed_servers`. Empty: all."""

    allowed_annotations: tuple[str, ...] = ()
    """Annotations that GraphCrons may give their pods where the servers are limited, as ``key`` or ``key=value``;
    ``*`` stands for any part."""

    allowed_labels: tuple[str, ...] = ()
    """Labels that they may give them, in the same way."""

    allowed_service_accounts: tuple[str, ...] = ()
    """ServiceAccounts that they may name; ``*`` stands for any part."""

    prices: dict[str, Any] = field(default_factory=dict)
    """Prices of a million tokens, as JSON: by model, or ``*`` for all others, ``{"input": "2.50", "output": "10"}``.
    Empty: tokens are not turned into money."""

    default_timeout_seconds: int = 604_800
    """Age at which a run is cancelled whose GraphCron sets no ``timeoutSeconds``, in seconds."""

    max_concurrent_preflights: int = 4
    """How many preflights run at a time, over all namespaces; those of GraphServers included."""

    preflight_seconds: float = 14400.0
    """The longest pause after a preflight that found something wrong, in seconds. The first is a minute at most; it
    doubles with each further one."""

    probe_seconds: float = 900.0
    """How often each GraphServer is looked at, in seconds. After one that found something wrong the first pause is a
    minute at most; it doubles up to this."""

    installation: str = ""
    """Name of this installation, the same for all its replicas; the chart sets its release's namespace and name. A
    GraphCron whose CronJob names another installation is left alone. Empty: an installation without a name."""

    health_port: int = 8080
    """Port of ``/livez``, ``/readyz`` and ``/metrics``; 0: a free one, which the log names."""

    lease_name: str = ""
    """Lease by which several replicas agree on the one that works. Empty: this one works, whoever else may."""

    lease_namespace: str = ""
    """Namespace of that Lease."""

    lease_seconds: int = 15
    """Duration of the Lease: how long after a leader's last renewal another may take over, in seconds; at least 10.
    A leader that has not renewed it within two thirds of that stops."""

    log_level: str = "info"
    """What is logged: debug, info, warning or error, and what is worse."""

    log_format: str = "json"
    """How: json, an object a line, or text."""

    workers: int = 8
    """GraphCrons reconciled at once: enough to keep the API server busy, too few to flood it."""

    resync_seconds: float = 600.0
    """How often each GraphCron is looked at without a reason, in seconds: the net under lost events.

    As often, the operator compares its view with a list, to find deletions that a watch has missed.
    """

    watch_inactivity_seconds: float = 130.0
    """A watch that is silent for longer is made anew, in seconds.

    The API server sends a bookmark each 60 s, and at times leaves one out though the watch is well.
    """

    echo_seconds: float = 180.0
    """A write of ours that the watch has not shown within this time means a dead watch: ``/livez`` fails.

    After half of it the operator looks up whether the object still exists.
    """

    @property
    def namespaces_are_named(self) -> bool:
        """Whether the namespaces are a list of plain names: no pattern, and not all there are."""
        return bool(self.namespaces) and not any(set(each) & set("*?![,") for each in self.namespaces)

    def serves(self, namespace: str) -> bool:
        """Tell whether a namespace is one of those: it matches a pattern, and none of those that begin with ``!``."""
        served, without = served_and_not(self.namespaces)
        return _matches(namespace, served) and not _matches(namespace, [each.removeprefix("!") for each in without])


def served_and_not(namespaces: Iterable[str]) -> tuple[list[str], list[str]]:
    """Tell the patterns of what is served, ``*`` where there is none, from those that begin with ``!``."""
    patterns = list(namespaces)
    without = [each for each in patterns if each.startswith("!")]
    return [each for each in patterns if each not in without] or ["*"], without


def _matches(namespace: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(namespace, each) for each in patterns)


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
    _check_runner_defaults(settings.runner_defaults)
    for name, right, remedy in _LIMITS:
        if not right(settings):
            value = getattr(settings, name)
            raise SpecError(field=PREFIX + name.upper(), problem=f"is {value!r}", remedy=remedy)
    return settings


def _is_absolute(url: str) -> bool:
    """Return whether a host is the same in each namespace: a name without a dot is a Service of the pod's own.

    ``*`` is no dot: it may stand for such a name.
    """
    return re.match(r"https?://[^/]*[.\[]", url, re.ASCII) is not None


_ABSOLUTE = (
    "write each host with a dot, such as langgraph.agents.svc; without one it is a Service in the namespace of each "
    "GraphCron, where others may create it"
)

_LIMITS: tuple[tuple[str, Callable[[Settings], bool], str], ...] = (
    *(
        (name, lambda settings, name=name: 1 <= getattr(settings, name) < math.inf, "give seconds, 1 or more")
        for name in ("preflight_seconds", "probe_seconds", "resync_seconds", "watch_inactivity_seconds", "echo_seconds")
    ),
    ("workers", lambda settings: settings.workers >= 1, "give 1 or more"),
    (
        "max_concurrent_preflights",
        lambda settings: settings.max_concurrent_preflights >= 1,
        "give 1 or more; `preflight: false` in a GraphCron turns its own off",
    ),
    (
        "default_timeout_seconds",
        lambda settings: 1 <= settings.default_timeout_seconds <= LONGEST_TIMEOUT_SECONDS,
        f"give seconds, 1 to {LONGEST_TIMEOUT_SECONDS}",
    ),
    ("allowed_servers", lambda settings: all(map(_is_absolute, settings.allowed_servers)), _ABSOLUTE),
    (
        "server_url",
        lambda settings: not settings.allowed_servers or not settings.server_url or _is_absolute(settings.server_url),
        _ABSOLUTE,
    ),
    *(
        (
            name,
            lambda settings, name=name: not getattr(settings, name) or bool(settings.allowed_servers),
            "set allowed servers, too; without them GraphCrons may use any",
        )
        for name in ("allowed_annotations", "allowed_labels", "allowed_service_accounts")
    ),
    ("health_port", lambda settings: 0 <= settings.health_port <= 65535, "give a port, or 0 for a free one"),
    ("lease_seconds", lambda settings: settings.lease_seconds >= 10, "give seconds, 10 or more"),
    (
        "lease_namespace",
        lambda settings: bool(settings.lease_namespace) or not settings.lease_name,
        "name the namespace of the Lease",
    ),
    ("log_level", lambda settings: settings.log_level in LOG_LEVELS, f"give one of {', '.join(LOG_LEVELS)}"),
    ("log_format", lambda settings: settings.log_format in LOG_FORMATS, f"give one of {', '.join(LOG_FORMATS)}"),
)
"""Name of a setting, what must hold of it, and what would be right."""


def from_arguments(arguments: Sequence[str]) -> dict[str, str]:
    """Return the variables that arguments such as ``--resync-seconds=300`` stand for.

    Raises
    ------
    SpecError
        One of them is no setting.
    """
    known = {each.name for each in fields(Settings)}
    values = {}
    for argument in arguments:
        name, equals, text = argument.removeprefix("--").partition("=")
        setting = name.replace("-", "_")
        if not argument.startswith("--") or not equals or setting not in known:
            near = ", ".join(f"--{each.replace('_', '-')}" for each in sorted(known))
            raise SpecError(field=argument, problem="is no setting", remedy=f"give --name=value, of {near}")
        values[PREFIX + setting.upper()] = text
    return values


def _check_prices(prices: Mapping[str, Any]) -> None:
    for model, price in prices.items():
        parts = dict(price) if isinstance(price, Mapping) else {}
        if set(parts) != {"input", "output"} or not all(_MONEY.fullmatch(str(part)) for part in parts.values()):
            raise SpecError(
                field=f"{PREFIX}PRICES[{model}]",
                problem=f"is {json.dumps(price)}",
                remedy='give the prices of a million tokens as decimals: {"input": "2.50", "output": "10"}',
            )


def _check_runner_defaults(defaults: Mapping[str, Any]) -> None:
    variable = f"{PREFIX}RUNNER_DEFAULTS"
    for name in defaults.keys() & {"image", "resources", "imagePullSecrets", "env"}:
        remedy = "leave it out; image, resources and pull secrets have settings of their own"
        raise SpecError(field=f"{variable}.{name}", problem="cannot have a default here", remedy=remedy)
    try:
        parse_part(Runner, defaults)
    except SpecError as error:
        raise SpecError(field=f"{variable}.{error.field}", problem=error.problem, remedy=error.remedy) from None


def _read(variable: str, text: str, name: str) -> Any:
    default = getattr(Settings(), name)
    try:
        if isinstance(default, tuple):
            if text.startswith("["):
                return tuple(map(str, json.loads(text)))
            return tuple(part.strip() for part in text.split(",") if part.strip())
        if isinstance(default, dict):
            return dict(json.loads(text))
        return type(default)(text)
    except (ValueError, TypeError) as error:
        raise SpecError(
            field=variable, problem=f"cannot read {text!r}", remedy=f"give a value such as {default!r}"
        ) from error
