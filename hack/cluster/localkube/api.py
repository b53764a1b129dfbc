"""Requests to the API server of a local cluster while it starts."""

import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

_NO_PROXY = urllib.request.ProxyHandler({})


def get(server: str, path: str, pki: Path) -> Any:
    """GET a path as the administrator; None unless the server answers with a 200."""
    context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
    return _fetch(server + path, urllib.request.HTTPSHandler(context=context))


def plain(url: str) -> bool:
    """Whether a plain HTTP URL answers with a 200."""
    return _fetch(url, urllib.request.HTTPHandler()) is not None


def _fetch(url: str, handler: urllib.request.BaseHandler) -> Any:
    try:
        with urllib.request.build_opener(_NO_PROXY, handler).open(url, timeout=2) as answer:
            body: bytes = answer.read()
    except (OSError, urllib.error.HTTPError):
        return None
    return json.loads(body) if body.startswith(b"{") else body.decode()
