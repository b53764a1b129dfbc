"""Who may talk to the dashboard: the browser of the user who started it, and no other page in that browser.

The dashboard acts with the user's rights in the cluster. Each request needs the cookie that the printed address sets,
so that other users of the machine have no access. A page of another site can neither read nor change anything: it has
another origin, and its requests lack the cookie (``SameSite=Strict``). A host name that an attacker lets point to
127.0.0.1 (DNS rebinding) is not among the hosts. What the cluster says is shown as text, and no script runs that is
not a file of this program.
"""

import secrets
from typing import Final

from starlette.datastructures import Headers, QueryParams
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOST: Final = "127.0.0.1"

_DEFAULT_PORT: Final = 80
"""The port that browsers leave out of Host and Origin."""

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""Headers of all answers."""

ACTION_HEADER: Final = "X-GraphCron"
ACTION_VALUE: Final = "dashboard"
"""Header of all requests that change something. A form cannot send it, and a page of another origin may not."""

_REMEDY: Final = "Open the address that the dashboard has printed.\n"
_READING: Final = frozenset({"GET", "HEAD"})
_OWN: Final = frozenset({"same-origin", "none"})
"""Values of ``Sec-Fetch-Site``: a request of the page itself, or one that the user has typed."""

_FORWARD: Final = '<!doctype html><title>GraphCron</title><meta http-equiv="refresh" content="0;url=/">'


class Guard:
    """Middleware that rejects all requests except those of the user's own page."""

    def __init__(self, app: ASGIApp, *, port: int, token: str) -> None:
        self._app = app
        self._token = token
        self._key = secrets.token_urlsafe(32)
        self._cookie = f"graphcron-{port}"
        suffixes = (f":{port}", "") if port == _DEFAULT_PORT else (f":{port}",)
        self._hosts = frozenset(name + suffix for name in (HOST, "localhost") for suffix in suffixes)
        self._once = secrets.token_urlsafe(32)

    @property
    def once(self) -> str:
        """A token that is valid once, for the command line of a browser, which other users of the machine can see."""
        return self._once

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # no WebSocket is needed
            return
        answer = self.answer_to(scope)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    *((name.lower().encode(), value.encode()) for name, value in HEADERS.items()),
                ]
            await send(message)

        await (answer or self._app)(scope, receive, send_with_headers)

    def answer_to(self, scope: Scope) -> Response | None:
        """Return the answer to a request that is rejected, or has the token; None: it may pass."""
        headers = Headers(scope=scope)
        if headers.get("host") not in self._hosts:
            return PlainTextResponse("This host name is not the dashboard's.\n", 403)
        if scope["method"] in _READING and scope["path"] == "/" and (token := _token_of(scope)):
            return self._enter(token, headers)
        if headers.get("sec-fetch-site", "none") not in _OWN or not _is_own(headers.get("origin"), headers):
            return PlainTextResponse("Only the dashboard's own page can ask this.\n", 403)
        if not self._has_cookie(headers.get("cookie", "")):
            return PlainTextResponse(_REMEDY, 403)
        return None if scope["method"] in _READING else self._check_action(headers)

    def _check_action(self, headers: Headers) -> Response | None:
        is_json = headers.get("content-type", "").partition(";")[0].strip() == "application/json"
        if "origin" in headers and is_json and headers.get(ACTION_HEADER) == ACTION_VALUE:
            return None
        return PlainTextResponse("Only the dashboard's own page can change something.\n", 403)

    def _enter(self, token: str, headers: Headers) -> Response:
        is_once = secrets.compare_digest(token.encode(), self._once.encode())
        if not is_once and not secrets.compare_digest(token.encode(), self._token.encode()):
            return PlainTextResponse(_REMEDY, 403)
        if is_once:
            self._once = secrets.token_urlsafe(32)
        # A browser withholds a strict cookie from a redirect that another site has begun, and not from a page's own.
        is_foreign = headers.get("sec-fetch-site", "none") not in _OWN
        answer: Response = HTMLResponse(_FORWARD) if is_foreign else RedirectResponse("/", 303)
        answer.set_cookie(self._cookie, self._key, path="/", httponly=True, samesite="strict")
        return answer

    def _has_cookie(self, text: str) -> bool:
        # Cookies of other ports come too, and the standard library drops all cookies that follow an invalid one.
        return secrets.compare_digest(cookie_parser(text).get(self._cookie, "").encode(), self._key.encode())


def _is_own(origin: str | None, headers: Headers) -> bool:
    """Return whether a request is the page's own, as far as its origin tells; browsers omit it for most reads."""
    return origin is None or origin == f"http://{headers['host']}"


def _token_of(scope: Scope) -> str:
    return QueryParams(scope["query_string"]).get("token", "")
