"""The administrator's allow-list of LangGraph servers.

A user who may create a GraphCron can make a pod send a Secret of the namespace to a URL. The allow-list limits these
URLs. A custom runner image could send the Secret anywhere, so the administrator sets the image, too, and limits the
parts of the pod that meshes, injectors and clouds act on: annotations, labels and the ServiceAccount. The other
fields of ``runner`` affect where the pod runs and what it may use, not what runs in it; a Secret of
``imagePullSecrets`` goes only to the registry of the administrator's image. Labels, annotations and the ServiceAccount
of ``runner_defaults`` are always allowed. The chart's admission policy enforces the same rules at ``kubectl apply``.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from graphcron.api.restricted import RestrictedFields, repository_of, restricted_fields
from graphcron.api.v1alpha1 import GraphCron, GraphServer, Runner
from graphcron.cache.objects import CachedCronJob
from graphcron.errors import GraphCronError, NotAllowedError
from graphcron.settings import Settings

_HOST: Final = "[A-Za-z0-9.-]"
"""Characters that ``*`` matches, once or more: it matches within the host only."""

_BELOW: Final = "(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?"
"""What may follow an entry: a path without ``..``, escapes or empty parts."""


def _matching(pattern: str, one: str, least: str) -> str:
    """Return the regular expression of a pattern, in which ``*`` matches characters of one kind.

    Each part but the last is taken where it first occurs, without a second try, so a text is read in linear time.
    """
    first, *parts = map(re.escape, pattern.split("*"))
    if not parts:
        return first
    return first + "".join(f"(?>{one}{least}?{part})" for part in parts[:-1]) + f"{one}{least}{parts[-1]}"


def is_allowed(url: str, servers: Sequence[str]) -> bool:
    """Return whether a URL is one of the servers or below one.

    Parameters
    ----------
    servers
        URLs such as ``https://example.com/langgraph`` or ``http://*.agents.svc:8000``.
    """
    patterns = (_matching(each.rstrip("/"), _HOST, "+") + _BELOW for each in servers)
    return any(re.fullmatch(pattern, url, re.ASCII) for pattern in patterns)


def is_listed(key: str, value: str, entries: Sequence[str]) -> bool:
    """Return whether a label or an annotation is on a list.

    Parameters
    ----------
    entries
        ``key``, which allows any value, or ``key=value``; ``*`` matches any part of either.
    """
    return any(re.fullmatch(_pair_pattern(each), f"{key}={value}", re.ASCII) for each in entries)


def _pair_pattern(entry: str) -> str:
    key, equals, value = entry.partition("=")
    return "=".join((_matching(key, "[^=]", "*"), _matching(value if equals else "*", "(?s:.)", "*")))


def check_graphcron(graphcron: GraphCron, settings: Settings) -> None:
    """Reject a GraphCron that names what is not on the list; its ``serverRef`` is resolved.

    Raises
    ------
    NotAllowedError
        The server, the runner, or a part of the pod that other controllers read is not allowed.
    """
    if not settings.allowed_servers:
        return
    spec = graphcron.spec
    if spec.server and spec.server.url:
        _check_url("spec.server.url", spec.server.url, settings)
    if spec.runner:
        _check_runner(spec.runner, settings)


def _check_runner(runner: Runner, settings: Settings) -> None:
    for field in ("image", "env"):
        if getattr(runner, field):
            raise _not_allowed(field, "it could send a Secret anywhere")
    annotations, labels = ((each or {}).items() for each in (runner.annotations, runner.labels))
    for field, entries in _unlisted(annotations, labels, runner.service_account_name or "", settings):
        raise _not_allowed(field, "other controllers act on it and could send a Secret anywhere", entries)


def _unlisted(
    annotations: Iterable[tuple[str, str]], labels: Iterable[tuple[str, str]], account: str, settings: Settings
) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield the fields of ``runner`` with values that are not on their lists, and these lists."""
    for field, used, entries in (
        ("annotations", annotations, settings.allowed_annotations),
        ("labels", labels, settings.allowed_labels),
        ("serviceAccountName", [(account, "")] if account else [], settings.allowed_service_accounts),
    ):
        if not all(is_listed(key, value, entries) for key, value in used):
            yield field, entries


def _not_allowed(field: str, because: str, entries: Sequence[str] = ()) -> NotAllowedError:
    return NotAllowedError(
        field=f"spec.runner.{field}",
        problem=f"is not allowed where the administrator limits the servers: {because}",
        remedy=f"use only {', '.join(entries)}" if entries else "leave it out",
    )


def refusal_of(restricted: RestrictedFields, settings: Settings) -> str:
    """Return why the administrator does not allow what pods carry; empty: it is allowed."""
    return next(_refusals(restricted, settings), "") if settings.allowed_servers else ""


def _refusals(restricted: RestrictedFields, settings: Settings) -> Iterator[str]:
    if not restricted.server:
        yield "the server that its pods ask cannot be read"
    elif not is_allowed(restricted.server, _servers(settings)):
        yield _not_a_server(restricted.server)
    if restricted.image != repository_of(settings.runner_image):
        yield "the image of its pods is not the administrator's"
    if restricted.env:
        yield "its pods have environment variables that the operator does not set"
    defaults = _defaults(settings)
    annotations, labels = (
        set(restricted.annotations) - {*defaults.annotations},
        set(restricted.labels) - {*defaults.labels},
    )
    account = restricted.service_account if restricted.service_account != defaults.service_account else ""
    for field, _ in _unlisted(annotations, labels, account, settings):
        yield f"the {field} of its pods holds what the administrator does not allow"


def _defaults(settings: Settings) -> RestrictedFields:
    """Return what the administrator's defaults add to each pod."""
    defaults = settings.runner_defaults
    metadata = {key: defaults.get(key, {}) for key in ("labels", "annotations")}
    spec = {"serviceAccountName": defaults.get("serviceAccountName", "")}
    return restricted_fields({"template": {"metadata": metadata, "spec": spec}})


def suspension_of(cronjob: CachedCronJob, settings: Settings) -> str:
    """Return why a CronJob must create no more Jobs, regardless of its GraphCron; empty: it may."""
    if cronjob.restricted.is_unconfined:
        return "its pods have an annotation that changes their security profile"
    return refusal_of(cronjob.restricted, settings)


def to_suspend(
    cronjobs: Iterable[CachedCronJob], uid: str, settings: Settings, problem: GraphCronError | None = None
) -> list[CachedCronJob]:
    """Return those of a GraphCron's CronJobs that must create no more Jobs; all, if the GraphCron is not allowed."""
    refused = isinstance(problem, NotAllowedError)
    return [each for each in cronjobs if each.belongs_to(uid) and (refused or suspension_of(each, settings))]


def check_server(server: GraphServer, settings: Settings) -> None:
    """Reject a GraphServer that is not on the list.

    Raises
    ------
    NotAllowedError
        It is not.
    """
    if settings.allowed_servers:
        _check_url("spec.url", server.spec.url, settings)


def _check_url(field: str, url: str, settings: Settings) -> None:
    if not is_allowed(url, _servers(settings)):
        raise NotAllowedError(
            field=field,
            problem=_not_a_server(url),
            remedy=f"name one of {', '.join(_servers(settings))}",
        )


def _not_a_server(url: str) -> str:
    return f"{url} is not in the administrator's allow-list"


def _servers(settings: Settings) -> list[str]:
    return [each for each in (settings.server_url, *settings.allowed_servers) if each]
