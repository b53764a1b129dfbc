"""An API key for the sample server: asked for only where the environment has ``API_KEY``."""

import os
import secrets

from langgraph_sdk import Auth

auth = Auth()


@auth.authenticate
async def authenticate(headers: dict[bytes, bytes]) -> str:
    """Let in whoever sends the key as ``x-api-key``; everybody where none is set."""
    expected = os.environ.get("API_KEY", "").encode()
    if expected and not secrets.compare_digest(headers.get(b"x-api-key", b""), expected):
        raise Auth.exceptions.HTTPException(status_code=401, detail="bad api key")
    return "somebody"
