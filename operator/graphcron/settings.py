"""The operator's settings, read from the environment and the arguments at start-up."""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any

from graphcron.api.v1alpha1 import UI_URL_RULES, Runner, parse_part
from graphcron.errors import SpecError

PREFIX = "GRAPHCRON_"
"""Prefix of the environment variables. The rest is the name of the setting in capitals."""

LONGEST_TIMEOUT_SECONDS = 31_536_000
"""The longest default timeout: a year."""

LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("json", "text")

_MONEY = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of an administrator; every field has a working default."""

    namespaces: tuple[str, ...] = ()
    """Namespaces to watch, comma-separated, with the ``*`` and ``!`` patterns of kopf. Empty: all."""

    server_url: str = ""
    """URL of the default LangGraph server. Empty: each GraphCron must set its server."""

    ui_url: str = ""
    """Template of a link to each run on the default server, in the form of ``server.uiUrl`` of a GraphCron, for example
    ``https://smith.langchain.com/o/ORG/projects/p/PROJECT/r/{runId}``. Empty: no links."""

    api_key_secret_name: str = ""
    """Secret in each GraphCron's namespace that holds the API key. Empty: the runner sends no key."""

    api_key_secret_key: str = "api-key"
    """Key of that Secret."""

    ca_config_map_name: str = ""
    """ConfigMap in each GraphCron's namespace with CA certificates. Empty: only the system's."""

    ca_config_map_key: str = "ca.crt"
    """Key of that ConfigMap."""

    runner_image: str = "graphcron/runner:dev"
    """Image of the runner pods; the chart sets the image of its version."""

    runner_resources: dict[str, Any] = field(
        default_factory=lambda: {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}}
    )
    """Resources of the runner's container, as JSON. A run needs about 20 MiB and 50 ms of CPU."""

    runner_image_pull_policy: str = ""
    """Pull policy of that image: Always, IfNotPresent or Never. Empty: the default of Kubernetes."""

    runner_image_pull_secrets: tuple[str, ...] = ()
    """Secrets in each GraphCron's namespace for pulling that image, comma-separated."""

    runner_defaults: dict[str, Any] = field(default_factory=dict)
    """Defaults for ``spec.runner`` of GraphCrons, as JSON, such as ``{"priorityClassName": "low"}``. A field of a
    GraphCron replaces its default. Labels, annotations and nodeSelector are merged; the GraphCron's keys win."""

    allowed_servers: tuple[str, ...] = ()
    """URLs that GraphCrons and GraphServers can use, with the paths below them, comma-separated or as a JSON list; see
    :mod:`graphcron.planning.allowed_servers`. Empty: all."""

    allowed_annotations: tuple[str, ...] = ()
    """Annotations that GraphCrons can set on their pods if ``allowed_servers`` is set, as ``key`` or ``key=value``;
    ``*`` matches any part."""

    allowed_labels: tuple[str, ...] = ()
    """Labels that they can set, in the same form."""

    allowed_service_accounts: tuple[str, ...] = ()
    """ServiceAccounts that they can set; ``*`` matches any part."""

    prices: dict[str, Any] = field(default_factory=dict)
    """Prices of a million tokens by model, as JSON: ``{"*": {"input": "2.50", "output": "10"}}``. The key ``*`` applies
    to all other models. Empty: the status contains no costs."""

    default_timeout_seconds: int = 604_800
    """Timeout of a run in seconds, for GraphCrons without ``timeoutSeconds``."""

    max_concurrent_preflights: int = 4
    """Maximum number of concurrent preflights in all namespaces, including those of GraphServers."""

    preflight_seconds: float = 14400.0
    """Longest back-off after a failed preflight, in seconds. The first pause is a minute at most and doubles with each
    further failure."""

    probe_seconds: float = 900.0
    """Interval of the checks of each GraphServer, in seconds. After a failed check, the first pause is a minute at most
    and doubles up to this interval."""

    installation: str = ""
    """Name of this installation, the same for all replicas; the chart sets ``NAMESPACE/RELEASE``. The operator ignores
    a GraphCron whose CronJob names another installation. Empty: an installation without a name."""

    health_port: int = 8080
    """Port of ``/livez``, ``/readyz`` and ``/metrics``. 0: a free port, which the operator logs."""

    lease_name: str = ""
    """Lease for leader election between replicas. Empty: this replica works without an election."""

    lease_namespace: str = ""
    """Namespace of that Lease."""

    lease_seconds: int = 15
    """Duration of the Lease in seconds, at least 10. After this time without a renewal, another replica can take over.
    A leader that cannot renew the Lease for two thirds of this time stops."""

    log_level: str = "info"
    """Lowest level that is logged: debug, info, warning or error."""

    log_format: str = "json"
    """Format of the log: json, with one object per line, or text."""

    workers: int = 8
    """Maximum number of concurrent reconciliations. It limits the load on the API server."""

    resync_seconds: float = 600.0
    """Interval in seconds at which the operator reconciles each GraphCron without an event.

    At the same interval, the operator compares its cache with a list, to find deletions that a watch has missed.
    """

    watch_inactivity_seconds: float = 130.0
    """Time in seconds without an event after which the operator restarts a watch.

    The API server sends a bookmark every 60 s, and sometimes omits one on a healthy watch.
    """

    expectations_timeout_seconds: float = 180.0
    """Time in seconds within which the watch must show a write of the operator. Later, ``/livez`` fails.

    After half of this time, the operator checks whether the object still exists.
    """

    @property
    def namespaces_are_named(self) -> bool:
        """Whether the namespaces are a list of plain names, without patterns."""
        return bool(self.namespaces) and not any(set(each) & set("*?![,") for each in self.namespaces)

    def serves(self, namespace: str) -> bool:
        """Return whether a namespace matches a pattern, and no pattern that begins with ``!``."""
        served, without = served_and_not(self.namespaces)
        return _matches(namespace, served) and not _matches(namespace, [each.removeprefix("!") for each in without])


def served_and_not(namespaces: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the patterns of served namespaces, ``*`` if there are none, and the patterns that begin with ``!``."""
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
        A variable has an invalid value.
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
    _check_ui_url(settings.ui_url)
    for name, right, remedy in _LIMITS:
        if not right(settings):
            value = getattr(settings, name)
            raise SpecError(field=PREFIX + name.upper(), problem=f"is {value!r}", remedy=remedy)
    return settings


def _is_absolute(url: str) -> bool:
    """Return whether a host is the same in each namespace. A name without a dot is a Service in the pod's namespace.

    ``*`` does not count as a dot, because it can match such a name.
    """
    return re.match(r"https?://[^/]*[.\[]", url, re.ASCII) is not None


_ABSOLUTE = (
    "write each host with a dot, such as langgraph.agents.svc; without one it is a Service in the namespace of each "
    "GraphCron, where others may create it"
)

_LIMITS: tuple[tuple[str, Callable[[Settings], bool], str], ...] = (
    *(
        (each.name, lambda settings, name=each.name: 1 <= getattr(settings, name) < math.inf, "give seconds, 1 or more")
        for each in fields(Settings)
        if isinstance(each.default, float)
    ),
    ("workers", lambda settings: settings.workers >= 1, "give 1 or more"),
    (
        "max_concurrent_preflights",
        lambda settings: settings.max_concurrent_preflights >= 1,
        "give 1 or more; `preflight: false` in a GraphCron turns its preflight off",
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
"""Name of a setting, the condition that it must satisfy, and the remedy."""


def from_arguments(arguments: Sequence[str]) -> dict[str, str]:
    """Return arguments such as ``--resync-seconds=300`` as environment variables.

    Raises
    ------
    SpecError
        A setting is unknown.
    """
    known = {each.name for each in fields(Settings)}
    values = {}
    for argument in arguments:
        name, equals, text = argument.removeprefix("--").partition("=")
        setting = name.replace("-", "_")
        if not argument.startswith("--") or not equals or setting not in known:
            near = ", ".join(f"--{each.replace('_', '-')}" for each in sorted(known))
            raise SpecError(field=argument, problem="unknown setting", remedy=f"give --name=value, of {near}")
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


def _check_ui_url(template: str) -> None:
    for rule in UI_URL_RULES if template else ():
        if not rule.holds(template):
            raise SpecError(field=f"{PREFIX}UI_URL", problem=rule.problem, remedy=rule.remedy)


def _check_runner_defaults(defaults: Mapping[str, Any]) -> None:
    variable = f"{PREFIX}RUNNER_DEFAULTS"
    for name in defaults.keys() & {"image", "resources", "imagePullSecrets", "env"}:
        remedy = "leave it out; image, resources and pull secrets have separate settings"
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
