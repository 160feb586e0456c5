"""An OpenID provider of one's own: real HTTP on loopback, real keys, and an answer that can be bent at will."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

CLIENT, SECRET = "retinue-client", "a secret with : and &"
Json = dict[str, Any]


def b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Keys:
    """One RSA key and one on a curve, as this provider publishes them."""

    def __init__(self, bits: int = 2048) -> None:
        self.rsa = rsa.generate_private_key(65537, bits)
        self.curve = ec.generate_private_key(ec.SECP256R1())

    def published(self) -> list[Json]:
        public, point = self.rsa.public_key().public_numbers(), self.curve.public_key().public_numbers()
        one = {"kty": "RSA", "kid": "r1", "use": "sig", "n": number(public.n), "e": number(public.e)}
        two = {"kty": "EC", "kid": "e1", "crv": "P-256", "x": b64(point.x.to_bytes(32, "big"))}
        return [one, {**two, "y": b64(point.y.to_bytes(32, "big"))}]

    def pem(self) -> bytes:
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.rsa.public_key().public_bytes(serialization.Encoding.PEM, form)

    def sign(self, alg: str, data: bytes) -> bytes:
        if alg == "ES256":
            r, s = decode_dss_signature(self.curve.sign(data, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        kind = hashes.SHA512() if alg == "RS512" else hashes.SHA256()
        return self.rsa.sign(data, padding.PKCS1v15(), kind)


def token(header: Json, claims: Json, sign: Callable[[bytes], bytes]) -> str:
    """Return a compact JWS of whatever is given, signed by whatever is given."""
    data = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
    return f"{data}.{b64(sign(data.encode()))}"


def hs256(key: bytes) -> Callable[[bytes], bytes]:
    return lambda data: hmac.new(key, data, hashlib.sha256).digest()


class Issuer:
    """The provider; `who` signs in there, `bend` changes the claims and `forge` the whole token."""

    def __init__(self) -> None:
        self.keys, self.who = Keys(), "person-1"
        self.more: Json = {}
        self.document: Json = {}
        self.token_status = 200
        self.codes: dict[str, Json] = {}
        self.calls: list[str] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def authorize(self, address: str) -> dict[str, str]:
        """Do what the person does there: sign in, and be sent back with a code."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_hex(8)
        self.codes[code] = asked
        return {"state": asked["state"], "code": code, "iss": self.url}

    def _claims(self, asked: Json) -> Json:
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "sub": self.who, "nonce": asked["nonce"]}
        return {**claims, "iat": now, "exp": now + 300, **self.more}

    def redeem(self, form: Json, authorization: str) -> Json | None:
        """Give the id token for a code: once, to the right client, with the right verifier."""
        asked = self.codes.pop(form.get("code", ""), None)
        expected = base64.b64encode(b"retinue-client:a%20secret%20with%20%3A%20and%20%26").decode()
        if asked is None or authorization != f"Basic {expected}":
            return None
        challenge = b64(hashlib.sha256(form["code_verifier"].encode()).digest())
        if challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return None
        header = {"alg": "RS256", "kid": "r1", "typ": "JWT"}
        signed = token(header, self._claims(asked), lambda data: self.keys.sign("RS256", data))
        return {"access_token": "unused", "token_type": "Bearer", "id_token": signed}

    def answer(self, path: str, form: Json, authorization: str) -> tuple[int, Any]:
        self.calls.append(path)
        if path == "/.well-known/openid-configuration":
            names = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
            places = {name: self.url + place for name, place in names.items()}
            return 200, {"issuer": self.url, **places, **self.document}
        if path == "/keys":
            return 200, {"keys": self.keys.published()}
        given = self.redeem(form, authorization) if self.token_status == 200 else None
        return (200, given) if given else (max(self.token_status, 400), {"error": "invalid_grant"})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                form = {
                    name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()
                }
                status, body = issuer.answer(self.path, form, self.headers.get("authorization", ""))
                sent = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
