"""Which proxy a request goes through: ``HTTP_PROXY``, ``HTTPS_PROXY`` and ``NO_PROXY``, small letters first.

The operator applies the same rule to its connections to the API server.
"""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit


class Proxy(NamedTuple):
    """Address of a proxy, and the headers that it needs."""

    host: str
    port: int
    headers: dict[str, str]


def proxy_for(scheme: str, host: str, port: int, environ: Mapping[str, str]) -> Proxy | None:
    """Return the proxy for a server, or None to connect directly.

    Raises
    ------
    ValueError
        The variable does not hold an HTTP proxy.
    """
    url = proxy_url(scheme, host, port, environ)
    if not url:
        return None
    form = f"{scheme.upper()}_PROXY is not of the form http://host:port"
    parts = split_url(url, ("http",), form)
    if not parts.hostname:
        raise ValueError(form)
    headers = {}
    if parts.username is not None:
        from base64 import b64encode

        credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = "Basic " + b64encode(credentials.encode()).decode()
    return Proxy(parts.hostname, parts.port or 80, headers)


def proxy_url(scheme: str, host: str, port: int, environ: Mapping[str, str]) -> str | None:
    """Return the URL of the proxy for a server, or None to connect directly."""
    url = _variable(f"{scheme}_proxy", environ)
    if not url or excepted(host, port, _variable("no_proxy", environ)):
        return None
    return url if "://" in url else f"http://{url}"


def split_url(url: str, schemes: tuple[str, ...], form: str) -> SplitResult:
    """Split a URL; the standard library's own errors repeat parts of it, such as a password.

    Raises
    ------
    ValueError
        It is not a URL with one of these schemes and a valid port; the text is the given one.
    """
    try:
        parts = urlsplit(url)
        is_right = parts.scheme in schemes and parts.port != 0
    except ValueError:
        raise ValueError(form) from None
    if not is_right:
        raise ValueError(form)
    return parts


def excepted(host: str, port: int, no_proxy: str) -> bool:
    """Return whether ``NO_PROXY`` names the server: ``*``, a domain and all below it, an address or a CIDR block."""
    for entry in (part.strip().lower() for part in no_proxy.split(",")):
        if entry == "*":
            return True
        name, _, wanted_port = entry.partition(":") if entry.count(":") == 1 else (entry, "", "")
        name = name.removeprefix("*").removeprefix(".").strip("[]")
        if not name or wanted_port not in ("", str(port)):
            continue
        if host == name or host.endswith(f".{name}") or _in_block(host, name):
            return True
    return False


def _in_block(host: str, block: str) -> bool:
    if "/" not in block or not (host[-1:].isdigit() or ":" in host):
        return False
    from ipaddress import ip_address, ip_network

    try:
        return ip_address(host) in ip_network(block, strict=False)
    except ValueError:
        return False


def _variable(name: str, environ: Mapping[str, str]) -> str:
    return environ.get(name) or environ.get(name.upper()) or ""
