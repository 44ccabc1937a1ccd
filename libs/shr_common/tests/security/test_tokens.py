"""Only tokens of our issuer, for us, in time, under a key that it publishes, make a caller."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from shr_common.errors import Category, ShrError
from shr_common.security import Authenticator, Caller, tokens

ISSUER = "https://issuer.test"
NOW = int(time.time())
CLAIMS: dict[str, Any] = {
    "iss": ISSUER, "aud": "shr", "sub": "u1", "role": "citizen", "health_id": "98000173958", "exp": NOW + 600,
}  # fmt: skip


class Provider:
    """An identity provider: its keys, how often it was asked, whether it is away."""

    def __init__(self) -> None:
        self.keys: list[RSAKey | ECKey] = [RSAKey.generate_key(2048, auto_kid=True)]
        self.asked = 0
        self.away = False

    async def fetch(self) -> Any:
        self.asked += 1
        if self.away:
            raise OSError("away")
        return {"keys": [key.as_dict(private=False) for key in self.keys]}

    def sign(self, claims: dict[str, Any], *, key: Any = None, **header: Any) -> str:
        key = key or self.keys[0]
        alg = "ES256" if isinstance(key, ECKey) else "RS256"
        said = {name: value for name, value in ({"alg": alg, "kid": key.kid} | header).items() if value is not None}
        return jwt.encode(said, claims, key)


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def authenticator(provider: Provider) -> Authenticator:
    made = Authenticator(issuer=ISSUER, audience="shr", jwks_url="unused")
    made._fetch = provider.fetch  # type: ignore[method-assign]
    return made


async def refused(authenticator: Authenticator, token: str) -> str:
    with pytest.raises(ShrError) as error:
        await authenticator.caller(token)
    assert error.value.category is Category.UNAUTHENTICATED, error.value
    return error.value.issues[0].text


def part(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


async def test_a_good_token_makes_a_caller(authenticator: Authenticator, provider: Provider) -> None:
    token = provider.sign(CLAIMS | {"guardian_of": ["98001046534"], "name": "Rahima"})
    caller = await authenticator.caller(token)
    assert caller == Caller(
        role="citizen", subject="u1", health_id="98000173958", guardian_of=("98001046534",), token=token, name="Rahima"
    )
    assert caller.id == "98000173958"


async def test_es256_and_a_list_of_audiences_are_taken(authenticator: Authenticator, provider: Provider) -> None:
    provider.keys.append(ECKey.generate_key("P-256", auto_kid=True))
    token = provider.sign(CLAIMS | {"aud": ["other", "shr"]}, key=provider.keys[1])
    assert (await authenticator.caller(token)).role == "citizen"


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://another.test"}, {"iss": None}, {"aud": "another"}, {"aud": ["another"]}, {"aud": None},
        {"aud": {"shr": 1}}, {"exp": NOW - 1}, {"exp": NOW - 60}, {"exp": None}, {"exp": str(NOW + 600)}, {"exp": True},
        {"exp": float("nan")}, {"nbf": NOW + 600}, {"nbf": "soon"}, {"role": "emperor"}, {"role": None},
        {"role": ["citizen"]}, {"role": {}}, {"guardian_of": 5}, {"guardian_of": {"a": 1}},
    ],
)  # fmt: skip
async def test_a_wrong_or_missing_claim_is_refused(
    authenticator: Authenticator, provider: Provider, changed: dict[str, Any]
) -> None:
    await refused(authenticator, provider.sign(CLAIMS | changed))


async def test_no_algorithm_is_no_signature(authenticator: Authenticator) -> None:
    for alg in ("none", "None", "NONE", ""):
        await refused(authenticator, f"{part({'alg': alg, 'typ': 'JWT'})}.{part(CLAIMS)}.")


async def test_a_public_key_is_not_a_shared_secret(authenticator: Authenticator, provider: Provider) -> None:
    """HS256 signed with the public key's text: the classic confusion of keys."""
    public = provider.keys[0].as_pem(private=False)
    signed = f"{part({'alg': 'HS256', 'typ': 'JWT', 'kid': provider.keys[0].kid})}.{part(CLAIMS)}"
    mac = base64.urlsafe_b64encode(hmac.new(public, signed.encode(), hashlib.sha256).digest()).rstrip(b"=").decode()
    await refused(authenticator, f"{signed}.{mac}")
    await refused(authenticator, jwt.encode({"alg": "HS256"}, CLAIMS, OctKey.generate_key(256)))


async def test_another_algorithm_of_the_right_key_is_refused(authenticator: Authenticator, provider: Provider) -> None:
    key = provider.keys[0]
    token = jwt.encode({"alg": "RS512", "kid": key.kid}, CLAIMS, key, algorithms=["RS512"])
    await refused(authenticator, token)


async def test_a_key_that_the_token_brings_itself_is_not_trusted(
    authenticator: Authenticator, provider: Provider
) -> None:
    own = RSAKey.generate_key(2048, auto_kid=True)
    header = {"jwk": own.as_dict(private=False), "kid": provider.keys[0].kid}
    await refused(authenticator, provider.sign(CLAIMS, key=own, **header))
    await refused(authenticator, provider.sign(CLAIMS, key=own, kid=provider.keys[0].kid))


async def test_a_changed_token_is_refused_also_when_the_true_one_is_known(
    authenticator: Authenticator, provider: Provider
) -> None:
    token = provider.sign(CLAIMS)
    await authenticator.caller(token)
    header, _, signature = token.split(".")
    await refused(authenticator, f"{header}.{part(CLAIMS | {'role': 'administrator'})}.{signature}")
    await refused(authenticator, token[:-4])


@pytest.mark.parametrize(
    "garbage", ["", ".", "..", "a.b.c", "a.b", "a.b.c.d.e", "\x00", "é.é.é", "x" * 100, "." * 50, part([1]) + ".a.b"]
)
async def test_garbage_is_refused(authenticator: Authenticator, garbage: str) -> None:
    await refused(authenticator, garbage)


async def test_a_huge_token_is_refused_before_it_is_worked_on(authenticator: Authenticator, provider: Provider) -> None:
    await refused(authenticator, "a" * 4_000_000 + ".b.c")
    await refused(authenticator, provider.sign(CLAIMS | {"scope": "x" * 10_000}))
    assert provider.asked == 0


async def test_keys_are_fetched_once_and_a_verified_token_is_not_verified_again(
    authenticator: Authenticator, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = provider.sign(CLAIMS)
    await asyncio.gather(*(authenticator.caller(token) for _ in range(20)))
    assert provider.asked == 1
    monkeypatch.setattr(jwt, "decode", None)
    assert (await authenticator.caller(token)).role == "citizen"


async def test_what_is_cached_still_expires(
    authenticator: Authenticator, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = provider.sign(CLAIMS)
    await authenticator.caller(token)
    monkeypatch.setattr(time, "time", lambda: NOW + 1000.0)
    await refused(authenticator, token)


async def test_a_rotated_key_is_fetched_when_it_is_first_met(
    authenticator: Authenticator, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "REFETCH_EVERY_S", 0.0)
    await authenticator.caller(provider.sign(CLAIMS))
    provider.keys = [RSAKey.generate_key(2048, auto_kid=True)]
    assert (await authenticator.caller(provider.sign(CLAIMS | {"sub": "u2"}))).subject == "u2"
    assert provider.asked == 2


async def test_unknown_keys_make_us_ask_the_issuer_once_in_a_while_not_once_a_token(
    authenticator: Authenticator, provider: Provider
) -> None:
    await authenticator.caller(provider.sign(CLAIMS))
    stranger = RSAKey.generate_key(2048, auto_kid=True)
    for n in range(20):
        await refused(authenticator, provider.sign(CLAIMS | {"sub": str(n)}, key=stranger))
    assert provider.asked <= 2


async def test_a_token_without_a_key_id_is_checked_against_the_only_key(
    authenticator: Authenticator, provider: Provider
) -> None:
    assert (await authenticator.caller(provider.sign(CLAIMS, kid=None))).role == "citizen"


async def test_without_any_key_we_are_unavailable_and_do_not_hammer_the_issuer(
    authenticator: Authenticator, provider: Provider
) -> None:
    provider.away = True
    for _ in range(10):
        with pytest.raises(ShrError) as error:
            await authenticator.caller(provider.sign(CLAIMS))
        assert error.value.category is Category.UNAVAILABLE
    assert provider.asked == 1


async def test_while_the_issuer_is_away_its_last_keys_hold(
    authenticator: Authenticator, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    await authenticator.caller(provider.sign(CLAIMS))
    provider.away = True
    monkeypatch.setattr(tokens, "KEYS_MAX_AGE_S", 0.0)
    monkeypatch.setattr(tokens, "REFETCH_EVERY_S", 0.0)
    assert (await authenticator.caller(provider.sign(CLAIMS | {"sub": "u3"}))).subject == "u3"


async def test_a_revoked_key_is_believed_for_five_minutes_at_most(
    authenticator: Authenticator, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = provider.sign(CLAIMS)
    await authenticator.caller(token)
    provider.keys = [RSAKey.generate_key(2048, auto_kid=True)]
    monkeypatch.setattr(tokens, "KEYS_MAX_AGE_S", 0.0)
    monkeypatch.setattr(tokens, "REFETCH_EVERY_S", 0.0)
    await refused(authenticator, token)


async def test_the_memory_of_verified_tokens_is_bounded(
    authenticator: Authenticator, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "CACHE_LIMIT", 3)
    for n in range(6):
        await authenticator.caller(provider.sign(CLAIMS | {"sub": str(n)}))
    assert len(authenticator._verified) == 3


def test_the_ids_that_an_audit_entry_names() -> None:
    assert Caller("source_system", "s", source="openmrs", facility="10000001").id == "openmrs/10000001"
    assert Caller("source_system", "s", source="openmrs").source_name == "openmrs/unknown"
    assert Caller("practitioner", "s", practitioner="20000001").id == "20000001"
    assert Caller("administrator", "root").id == "root"
    assert Caller("citizen", "").id == "citizen"
