"""The API server without kubectl: a request costs milliseconds, and a process of kubectl a tenth of a second."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from kubernetes import config

from graphcron.unstructured.bounded_json import as_yaml, loads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
APPLY = {"Content-Type": "application/apply-patch+yaml"}


class Api:
    """HTTP to the API server, as the kubeconfig's user; quicker than a kubectl for each look."""

    def __init__(self, kubeconfig: Path) -> None:
        self._client = config.new_client_from_config(config_file=str(kubeconfig))

    def ask(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None
    ) -> tuple[int, str]:
        """Send a request; return status and text."""
        sent = {"Content-Type": "application/json", **(headers or {})}
        self._client.update_params_for_auth(sent, [], ["BearerToken"], path, method, body)
        url = self._client.configuration.host + path
        text = None if body is None else as_yaml(body).encode()
        answer = self._client.rest_client.pool_manager.request(
            method, url, body=text, headers=sent, timeout=30, retries=3
        )
        return answer.status, answer.data.decode()

    def get(self, path: str) -> Any:
        """GET JSON; None where there is no such thing."""
        status, text = self.ask("GET", path)
        if status == 404:
            return None
        assert status == 200, f"GET {path}: {status} {text}"
        return loads(text)

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """Send JSON that must be taken; return the answer."""
        status, text = self.ask(method, path, body)
        assert 200 <= status < 300, f"{method} {path}: {status} {text}"
        return json.loads(text) if text.strip() else None


class Resource(NamedTuple):
    """A resource of the API server."""

    group_version: str
    kind: str
    plural: str
    is_namespaced: bool
    names: frozenset[str]
    """What kubectl knows it by."""

    def path(self, namespace: str, name: str = "") -> str:
        """Return the path of an object, or of all in a namespace; without a namespace, of all."""
        root = f"/apis/{self.group_version}" if "/" in self.group_version else f"/api/{self.group_version}"
        place = f"/namespaces/{namespace}" if namespace and self.is_namespaced else ""
        return f"{root}{place}/{self.plural}" + (f"/{name}" if name else "")


class Client:
    """Objects of a cluster, asked for in kubectl's words.

    Parameters
    ----------
    api
        The way to the API server.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._resources: list[Resource] = []

    def get(self, *arguments: str) -> Any:
        """Return one object as `kubectl get` finds it; None where there is none."""
        asked = _ASKED.parse_args(arguments)
        return self._api.get(self._resource(asked.kinds).path(asked.namespace, asked.name))

    def items(self, *arguments: str) -> list[Any]:
        """Return the objects that `kubectl get` lists."""
        asked = _ASKED.parse_args(arguments)
        selectors = {"labelSelector": asked.selector, "fieldSelector": asked.field_selector}
        query = urlencode({name: value for name, value in selectors.items() if value})
        return [each for kind in asked.kinds.split(",") for each in self._list(kind, asked.namespace, query)]

    def _list(self, kind: str, namespace: str, query: str) -> list[Any]:
        resource = self._resource(kind)
        found = self._api.get(f"{resource.path(namespace)}?{query}")
        assert found is not None, f"the API server does not serve {kind}"
        identity = {"apiVersion": resource.group_version, "kind": resource.kind}
        return [{**identity, **each} for each in found["items"]]

    def apply(self, body: dict[str, Any], namespace: str) -> None:
        """Apply an object as `kubectl apply --server-side` does."""
        version, kind, metadata = body["apiVersion"], body["kind"], body["metadata"]
        resource = self._find(lambda each: (each.group_version, each.kind) == (version, kind), f"{version} {kind}")
        path = resource.path(metadata.get("namespace", namespace), metadata["name"])
        query = "?fieldManager=kubectl&fieldValidation=Strict"
        status, text = self._api.ask("PATCH", path + query, body, headers=APPLY)
        assert status in (200, 201), f"applying {path}: {status} {text}"

    def _resource(self, name: str) -> Resource:
        return self._find(lambda each: name.lower() in each.names, name)

    def _find(self, fits: Callable[[Resource], bool], what: str) -> Resource:
        """Return the first resource that fits, as kubectl does; one that is new is looked for again."""
        found = next(filter(fits, self._resources), None) or next(filter(fits, self._discover()), None)
        assert found, f"the API server knows no resource {what}"
        return found

    def _discover(self) -> list[Resource]:
        self._resources = [each for root in ("/api", "/apis") for each in self._discovered(root)]
        return self._resources

    def _discovered(self, root: str) -> Iterator[Resource]:
        status, text = self._api.ask("GET", root, headers={"Accept": DISCOVERY})
        assert status == 200, f"GET {root}: {status} {text}"
        for group in json.loads(text)["items"]:
            name = group["metadata"].get("name", "")
            for version in group["versions"]:
                group_version = f"{name}/{version['version']}" if name else version["version"]
                for each in version.get("resources", []):
                    plural, kind = each["resource"], each["responseKind"]["kind"]
                    short = {plural, kind.lower(), each.get("singularResource", plural), *each.get("shortNames", [])}
                    long = {f"{one}.{name}" for one in short} if name else set()
                    yield Resource(group_version, kind, plural, each["scope"] == "Namespaced", frozenset(short | long))


_ASKED = argparse.ArgumentParser(prog="kubectl get", exit_on_error=False, allow_abbrev=False)
_ASKED.add_argument("kinds")
_ASKED.add_argument("name", nargs="?", default="")
_ASKED.add_argument("--namespace", "-n", default="default")
_ASKED.add_argument("--all-namespaces", "-A", dest="namespace", action="store_const", const="")
_ASKED.add_argument("--selector", "-l", default="")
_ASKED.add_argument("--field-selector", default="")
