"""Id tokens that must not be believed, each one change away from one that is: pure, no network, no database."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from retinue.access import oidc_wire as wire
from retinue.errors import Unauthenticated

from .issuer import CLIENT, Json, Keys, b64, hs256, token

KEYS, OTHERS, WEAK = Keys(), Keys(), Keys(1024)
ISSUER, PLACE = "https://id.example", "https://id.example/keys"
CLIENT_HERE = wire.Client(issuer=ISSUER, client_id=CLIENT, secret=None, algorithms=("RS256", "ES256"))
ENDPOINTS = wire.Endpoints(f"{ISSUER}/authorize", f"{ISSUER}/token", PLACE, takes_basic=True)
NOW = int(time.time())
GOOD: Json = {"iss": ISSUER, "aud": CLIENT, "sub": "p1", "nonce": "n", "iat": NOW, "exp": NOW + 300}
HEADER: Json = {"alg": "RS256", "kid": "r1"}


def publish() -> list[Json]:
    """Let the issuer publish its keys, and beside them what no issuer should."""
    oct_key = {"kty": "oct", "kid": "o1", "k": b64(b"shared" * 8)}
    weak = {**WEAK.published()[0], "kid": "w1"}
    for_encryption = {**OTHERS.published()[0], "kid": "x1", "use": "enc"}
    keys = [*KEYS.published(), oct_key, weak, for_encryption]
    wire.memory.forget()
    wire.memory._kept[PLACE] = (time.monotonic(), {"keys": keys})
    return keys


@pytest.fixture(autouse=True)
def published() -> Iterator[list[Json]]:
    yield publish()
    wire.memory.forget()


def read(text: str, client: wire.Client = CLIENT_HERE) -> wire.Claims:
    return wire.read_id_token(ENDPOINTS, client, text, nonce="n", now=datetime.fromtimestamp(NOW, UTC))


def rs(data: bytes) -> bytes:
    return KEYS.sign("RS256", data)


def made(header: Json | None = None, sign: Callable[[bytes], bytes] = rs, **claims: Any) -> str:
    """Return the good token with these changes; a value of ... takes the claim away."""
    changed = {name: value for name, value in {**GOOD, **claims}.items() if value is not ...}
    return token({**HEADER, **(header or {})}, changed, sign)


def test_good_id_token_is_believed() -> None:
    """The control: every attack below is one change away from these."""
    assert read(made()).subject == "p1"
    assert read(made({"alg": "ES256", "kid": "e1"}, lambda data: KEYS.sign("ES256", data))).subject == "p1"
    assert read(made(aud=[CLIENT, "other"], azp=CLIENT)).subject == "p1"
    assert read(made(auth_time=NOW - 5)).auth_time == NOW - 5
    said = read(made(email="a@example.com", email_verified=True, name=" Anna "))
    assert (said.email, said.name) == ("a@example.com", "Anna")
    assert read(made(email="a@example.com", email_verified="true")).email == "", "only true is true"
    assert read(made(name="x\u202ey\n")).name == ""


def nothing(_: bytes) -> bytes:
    return b""


SIGNATURES: dict[str, Callable[[], str]] = {
    "none": lambda: made({"alg": "none"}, nothing),
    "None": lambda: made({"alg": "None"}, nothing),
    "NONE with a signature": lambda: made({"alg": "NONE"}),
    "no algorithm": lambda: token({"kid": "r1"}, GOOD, rs),
    "algorithm null": lambda: made({"alg": None}),
    "algorithm a list": lambda: made({"alg": ["RS256"]}),
    "HS256 by the public key": lambda: made({"alg": "HS256"}, hs256(KEYS.pem())),
    "HS256 by the modulus": lambda: made({"alg": "HS256"}, hs256(KEYS.published()[0]["n"].encode())),
    "HS256 by an empty key": lambda: made({"alg": "HS256"}, hs256(b"")),
    "HS256 by a published shared key": lambda: made({"alg": "HS256", "kid": "o1"}, hs256(b"shared" * 8)),
    "RS256 by a shared key": lambda: made({"kid": "o1"}, hs256(b"shared" * 8)),
    "an algorithm not allowed here": lambda: made({"alg": "RS512"}, lambda data: KEYS.sign("RS512", data)),
    "RS256 named, ES256 signed": lambda: made({"kid": "e1"}, lambda data: KEYS.sign("ES256", data)),
    "ES256 named, RS256 signed": lambda: made({"alg": "ES256", "kid": "r1"}),
    "ES256 of zeroes": lambda: made({"alg": "ES256", "kid": "e1"}, lambda _: bytes(64)),
    "somebody else's key": lambda: made(sign=lambda data: OTHERS.sign("RS256", data)),
    "a key for encryption": lambda: made({"kid": "x1"}, lambda data: OTHERS.sign("RS256", data)),
    "a weak key": lambda: made({"kid": "w1"}, lambda data: WEAK.sign("RS256", data)),
    "an unknown key": lambda: made({"kid": "zz"}),
    "a key as a path": lambda: made({"kid": "../../dev/null"}, hs256(b"")),
    "no key named, several published": lambda: token({"alg": "RS256"}, GOOD, rs),
    "a key in the header": lambda: made(
        {"kid": "zz", "jwk": OTHERS.published()[0]}, lambda data: OTHERS.sign("RS256", data)
    ),
    "an address of keys in the header": lambda: made(
        {"kid": "zz", "jku": "https://evil.example/keys"}, lambda data: OTHERS.sign("RS256", data)
    ),
    "an unknown critical extension": lambda: made({"crit": ["exp2"], "exp2": 1}),
    "unencoded payload": lambda: made({"crit": ["b64"], "b64": False}),
    "an empty critical list": lambda: made({"crit": []}),
    "no signature": lambda: made().rsplit(".", 1)[0] + ".",
    "a cut signature": lambda: made()[:-8],
    "another payload": lambda: ".".join(
        [made().split(".")[0], made(sub="p2").split(".")[1], made().split(".")[2]]
    ),
    "two parts": lambda: made().rsplit(".", 1)[0],
    "five parts": lambda: made() + ".x.y",
    "no token": lambda: "",
    "rubbish": lambda: "a.b.c",
    "a header that is a list": lambda: f"{b64(b'[]')}.{b64(b'{}')}.{b64(b'x')}",
    "a header that is no text": lambda: f"{b64(bytes(range(200, 240)))}.e30.eA",
    "too long": lambda: made(pad="x" * 20_000),
}
CLAIMS: dict[str, Json] = {
    "wrong audience": {"aud": "other"},
    "no audience": {"aud": ...},
    "empty audience": {"aud": []},
    "audience in a longer text": {"aud": f"{CLIENT}.evil"},
    "several audiences, nobody authorised": {"aud": [CLIENT, "other"]},
    "several audiences, another one authorised": {"aud": [CLIENT, "other"], "azp": "other"},
    "another one authorised": {"azp": "other"},
    "wrong issuer": {"iss": "https://evil.example"},
    "issuer with a slash": {"iss": ISSUER + "/"},
    "no issuer": {"iss": ...},
    "wrong nonce": {"nonce": "m"},
    "no nonce": {"nonce": ...},
    "nonce null": {"nonce": None},
    "expired": {"exp": NOW - 61},
    "no end": {"exp": ...},
    "end as text": {"exp": str(NOW + 300)},
    "end true": {"exp": True},
    "end not a number": {"exp": float("nan")},
    "made tomorrow": {"iat": NOW + 3600},
    "made an hour ago": {"iat": NOW - 3600},
    "no time it was made": {"iat": ...},
    "not before tomorrow": {"nbf": NOW + 3600},
    "nobody": {"sub": ...},
    "an empty name": {"sub": ""},
    "a number for a name": {"sub": 7},
    "a list for a name": {"sub": ["p1"]},
    "too long a name": {"sub": "x" * 256},
}


@pytest.mark.parametrize("attack", SIGNATURES)
def test_id_token_under_a_bad_signature_is_not_believed(attack: str) -> None:
    """F7: none, swapped algorithms, foreign, weak and empty keys, unknown crit."""
    with pytest.raises(Unauthenticated) as refused:
        read(SIGNATURES[attack]())
    assert refused.value.code == "provider-not-believed"


@pytest.mark.parametrize("attack", CLAIMS)
def test_id_token_for_somebody_else_is_not_believed(attack: str) -> None:
    """F7: a good signature under claims that are for another client, browser, time or issuer."""
    with pytest.raises(Unauthenticated) as refused:
        read(made(**CLAIMS[attack]))
    assert refused.value.code == "provider-not-believed"


def test_new_key_of_the_issuer_is_fetched_once_a_minute(
    published: list[Json], monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []

    def fetch(_method: str, url: str) -> Json:
        fetched.append(url)
        return {"keys": [*published, {**OTHERS.published()[0], "kid": "new"}]}

    monkeypatch.setattr(wire, "_fetch", fetch)
    fresh = made({"kid": "new"}, lambda data: OTHERS.sign("RS256", data))
    with pytest.raises(Unauthenticated):
        read(fresh)
    assert fetched == [], "the keys were read a moment ago"
    wire.memory._kept[PLACE] = (time.monotonic() - 61, {"keys": published})
    assert read(fresh).subject == "p1"
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            read(made({"kid": "newer"}))
    assert fetched == [PLACE]


@pytest.mark.parametrize(
    "issuer",
    ["http://id.example", "ftp://id.example", "https://", "https://id.example?x=1", "id.example", ""],
)
def test_issuer_is_an_https_address(issuer: str) -> None:
    with pytest.raises(ValueError, match="https"):
        wire.check_issuer(issuer)
    wire.check_issuer("https://id.example/realms/a")
    wire.check_issuer("http://127.0.0.1:8080")


def test_attacks_are_many() -> None:
    """F7: the figure of the goal table is counted here."""
    assert len(SIGNATURES) + len(CLAIMS) >= 60
