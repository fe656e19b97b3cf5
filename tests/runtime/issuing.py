"""A cluster's token issuer for tests: real keys, real signatures, and an HTTPS server that publishes them."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import jwt
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from ccproxy_runtime.issuer_keys import PATH_ISSUER, PATH_KEYS, ApiServer, Published
from ccproxy_runtime.tls import server_context

ISSUER = "https://kubernetes.default.svc.cluster.local"
POD_UID = "6d0b6a4e-7b5a-4f52-9c0d-2f1f0b8f3c55"


class Key:
    """One signing key and its public half as an API server publishes it."""

    def __init__(self, kid: str, algorithm: str = "RS256") -> None:
        self.kid = kid
        self.algorithm = algorithm
        self.private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
        if algorithm == "RS256":
            self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            published = RSAAlgorithm.to_jwk(self.private.public_key())
        else:
            self.private = ec.generate_private_key(ec.SECP256R1())
            published = ECAlgorithm.to_jwk(self.private.public_key())
        self.published: dict[str, object] = {**json.loads(published), "kid": kid, "use": "sig", "alg": algorithm}

    def public_pem(self) -> str:
        shape = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.private.public_key().public_bytes(serialization.Encoding.PEM, shape).decode()


def claims(
    *,
    audience: str,
    namespace: str = "team-a",
    account: str = "coder",
    pod: str = "coder-1",
    now_s: float | None = None,
) -> dict[str, Any]:
    """What Kubernetes writes into a token of one hour."""
    now = int(time.time() if now_s is None else now_s)
    bound: dict[str, Any] = {"namespace": namespace, "serviceaccount": {"name": account, "uid": "a-uid"}}
    if pod:
        bound["pod"] = {"name": pod, "uid": POD_UID}
    return {
        "aud": [audience], "exp": now + 3600, "iat": now, "nbf": now, "iss": ISSUER, "jti": "an-id",
        "sub": f"system:serviceaccount:{namespace}:{account}", "kubernetes.io": bound,
    }  # fmt: skip


def signed(said: dict[str, Any], key: Key, **head: str) -> str:
    return jwt.encode(said, key.private, algorithm=key.algorithm, headers={"kid": key.kid, **head})


class Api:
    """What the API server publishes now; `down` answers 503 instead."""

    def __init__(self, folder: Path, *keys: Key) -> None:
        self.keys = list(keys)
        self.issuer = ISSUER
        self.down = False
        self.asked = 0
        self.folder = folder
        self.port = 0

    @property
    def server(self) -> ApiServer:
        """How a pod finds it."""
        (self.folder / "token").write_text("the-pods-own-token\n")
        return ApiServer(
            url=f"https://127.0.0.1:{self.port}",
            ca_file=self.folder / "ca.crt",
            token_file=self.folder / "token",
        )

    @property
    def published(self) -> Published:
        return Published(self.issuer, tuple(key.published for key in self.keys))

    async def answer(self, request: web.Request) -> web.Response:
        if self.down or request.headers.get("authorization") != "Bearer the-pods-own-token":
            return web.Response(status=503 if self.down else 401)
        if request.path == PATH_ISSUER:
            return web.json_response({"issuer": self.issuer, "jwks_uri": "https://unused.invalid"})
        self.asked += 1
        return web.json_response({"keys": [key.published for key in self.keys]})


@asynccontextmanager
async def publishing(folder: Path, *keys: Key) -> AsyncIterator[Api]:
    """An HTTPS server on the loopback with a certificate of its own root, `ca.crt` in `folder`."""
    write_certificate(folder)
    api = Api(folder, *keys)
    app = web.Application()
    app.router.add_get(PATH_ISSUER, api.answer)
    app.router.add_get(PATH_KEYS, api.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context(folder))
    await site.start()
    api.port = runner.addresses[0][1]
    try:
        yield api
    finally:
        await runner.cleanup()


def write_certificate(folder: Path) -> str:
    """`tls.crt`, `tls.key` for 127.0.0.1 and localhost, and their root `ca.crt`; answers the root as PEM."""
    now = datetime.now(UTC)
    root_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a root of the test")])
    leaf_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    root = (
        _certificate(root_name, root_key.public_key(), now).issuer_name(root_name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(root_key, hashes.SHA256())
    )  # fmt: skip
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    leaf = (
        _certificate(leaf_name, leaf_key.public_key(), now).issuer_name(root_name)
        .add_extension(names, critical=False)
        .sign(root_key, hashes.SHA256())
    )  # fmt: skip
    pem, pkcs8, bare = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "tls.crt").write_bytes(leaf.public_bytes(pem))
    (folder / "tls.key").write_bytes(leaf_key.private_bytes(pem, pkcs8, bare))
    (folder / "ca.crt").write_bytes(root.public_bytes(pem))
    return root.public_bytes(pem).decode()


def _certificate(name: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder().subject_name(name).public_key(key).serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
    )  # fmt: skip
