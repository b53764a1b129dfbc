"""Certificates and kubeconfigs of a local cluster, made with the openssl program."""

import base64
import json
from pathlib import Path

from .addresses import SERVICE_API, Link
from .shell import run, write

_CONFIG = "[req]\ndistinguished_name = dn\nprompt = no\n[dn]\n"
_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_CLIENT = ("-addext", "extendedKeyUsage=clientAuth")
NODE_NAME = "node1"

# Who each client is to the API server. CoreDNS may read all it asks for: its own role names a ServiceAccount.
CLIENTS = {
    "admin": "/O=system:masters/CN=admin",
    "kube-controller-manager": "/CN=system:kube-controller-manager",
    "kube-scheduler": "/CN=system:kube-scheduler",
    "kubelet": f"/O=system:nodes/CN=system:node:{NODE_NAME}",
    "kube-proxy": "/CN=system:kube-proxy",
    "coredns": "/O=system:masters/CN=coredns",
    "kube-apiserver-kubelet": "/O=system:masters/CN=kube-apiserver-kubelet",
}


def make(folder: Path, link: Link) -> None:
    """Make the authority, every certificate, and the key that signs ServiceAccount tokens."""
    folder.mkdir(mode=0o700, parents=True)
    write(folder / "openssl.cnf", _CONFIG)
    authority = ("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    _certificate(folder, "ca", "/CN=graphcron-local-ca", *authority, signed=False)
    _certificate(folder, "front-proxy-ca", "/CN=graphcron-local-front-proxy", *authority, signed=False)
    names = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
    subjects = [f"DNS:{name}" for name in (*names, "localhost")]
    subjects += [f"IP:{address}" for address in ("127.0.0.1", SERVICE_API, link.node)]
    server = ("-addext", f"subjectAltName={','.join(subjects)}", "-addext", "extendedKeyUsage=serverAuth")
    _certificate(folder, "kube-apiserver", "/CN=kube-apiserver", *server)
    for name, subject in CLIENTS.items():
        _certificate(folder, name, subject, *_CLIENT)
    run(["openssl", "genpkey", "-algorithm", "RSA", "-out", folder / "service-accounts.key"])


def _certificate(folder: Path, name: str, subject: str, *extensions: str, signed: bool = True) -> None:
    issuer = ("-CA", folder / "ca.crt", "-CAkey", folder / "ca.key") if signed else ()
    files = ("-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt")
    request = ("openssl", "req", "-x509", "-config", folder / "openssl.cnf", "-days", "3650", "-subj", subject)
    run([*request, *_CURVE, *issuer, *extensions, *files])


def kubeconfig(folder: Path, client: str, *, server: str, name: str) -> str:
    """Return a kubeconfig, as JSON (which is YAML), with its certificates inside."""

    def inside(file: str) -> str:
        return base64.b64encode((folder / file).read_bytes()).decode()

    user = {"client-certificate-data": inside(f"{client}.crt"), "client-key-data": inside(f"{client}.key")}
    cluster = {"server": server, "certificate-authority-data": inside("ca.crt")}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": f"{name}-{client}", "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": f"{name}-{client}"}}],
        "current-context": name,
    }
    return json.dumps(document, indent=2) + "\n"
