"""The client of the API server: whose credentials it has, and by which proxy it goes."""

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from kubernetes.aio import client, config


async def open_client() -> client.ApiClient:
    """Return a client with the pod's ServiceAccount, or with the kubeconfig where there is no pod."""
    configuration = client.Configuration()
    try:
        config.load_incluster_config(client_configuration=configuration)
    except config.ConfigException:
        await config.load_kube_config(client_configuration=configuration)
    configuration.proxy = configuration.proxy or proxy_for(configuration.host)
    # By itself the session has a thread read the environment for each request.
    configuration.client_session_kwargs = {"trust_env": False}
    return client.ApiClient(configuration)


def proxy_for(url: str) -> str | None:
    """Return the proxy that the environment names for an API server; None: it is asked directly."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)
