"""Signed texts: only ours are genuine, under the current key and the former ones."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey
from shr_healthid.card_keys import CardKeys, CardVerifier
from shr_healthid.domain.cards import TEXT_CHARACTERS_LIMIT, Claims, UnprovenError

RAHIMA = Claims("98001046534", "Rahima Khatun", 12, "2026-11-24")
KEYS = CardKeys(ECKey.generate_key("P-256"))
TEXT = KEYS.sign(RAHIMA.as_json())


def encoded(content: Any) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def refusal(text: str, verifier: CardVerifier = KEYS) -> str:
    with pytest.raises(UnprovenError) as refused:
        verifier.card(text)
    return refused.value.reason


def test_the_published_key_alone_proves_a_text() -> None:
    verifier = CardVerifier.of(json.loads(json.dumps(KEYS.public)))
    assert verifier.card(f" {TEXT}\r\n") == RAHIMA
    assert "d" not in KEYS.public["keys"][0]
    assert len(TEXT) < 260, "the code stays coarse enough for old telephones"


def test_a_bangla_name_is_signed_as_it_is_written() -> None:
    claims = Claims("98001046534", "রহিমা খাতুন", 12, "2026-11-24")
    assert KEYS.card(KEYS.sign(claims.as_json())) == claims


def test_forged_texts_are_named_for_what_they_are() -> None:
    header, payload, signature = TEXT.split(".")
    kid = KEYS.public["keys"][0]["kid"]
    other = encoded({**RAHIMA.as_json(), "n": "Somebody Else"})
    stranger = CardKeys(ECKey.generate_key("P-256"))
    public_pem = ECKey.import_key({k: KEYS.public["keys"][0][k] for k in ("kty", "crv", "x", "y")}).as_pem(
        private=False
    )
    hs256 = f"{encoded({'alg': 'HS256', 'kid': kid})}.{payload}"
    mac = encoded(hmac.new(public_pem, hs256.encode(), hashlib.sha256).digest())
    assert refusal(f"{header}.{other}.{signature}") == "signature"
    assert refusal(f"{header}.{payload}.{encoded(b'0' * 64)}") == "signature"
    assert refusal(f"{header}.{payload}.") == "signature"
    assert refusal(f"{encoded({'alg': 'none'})}.{payload}.") == "algorithm"
    assert refusal(f"{encoded({'alg': 'none', 'kid': kid})}.{payload}.{signature}") == "algorithm"
    assert refusal(f"{hs256}.{mac}") == "algorithm"
    assert refusal(f"{encoded({'alg': ['ES256'], 'kid': kid})}.{payload}.{signature}") == "algorithm"
    assert refusal(f"{encoded({'alg': 'ES256', 'kid': [kid]})}.{payload}.{signature}") == "unknown-key"
    assert refusal(f"{encoded({'alg': 'ES256'})}.{payload}.{signature}") == "unknown-key"
    assert refusal(stranger.sign(RAHIMA.as_json())) == "unknown-key"


def test_a_key_that_a_text_brings_along_is_not_believed() -> None:
    stranger = ECKey.generate_key("P-256")
    kid = KEYS.public["keys"][0]["kid"]
    header = {"alg": "ES256", "kid": kid, "jwk": stranger.as_dict(private=False)}
    text = jws.serialize_compact(header, json.dumps(RAHIMA.as_json()).encode(), stranger)
    assert refusal(text) == "signature"


def test_another_statement_of_ours_is_no_card_and_a_card_no_statement() -> None:
    assert refusal(KEYS.sign({"sub": "urn:shr:card-status:0"}, type="statuslist+jwt")) == "claims"
    assert refusal(KEYS.sign(RAHIMA.as_json(), type="statuslist+jwt")) == "claims"
    assert refusal(KEYS.sign({"h": "98001046534"})) == "claims"
    with pytest.raises(UnprovenError):
        KEYS.statement(TEXT, type="statuslist+jwt")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("x" * (TEXT_CHARACTERS_LIMIT + 1), "too-long"),
        ("https://example.org/", "unreadable"),
        ("রহিমা", "unreadable"),
        ("..", "unreadable"),
        ("a.b.c", "unreadable"),
        ("\x00.\x00.\x00", "unreadable"),
        (f"{encoded([])}.e30.x", "unreadable"),
        (f"{encoded(b'[' * 1000)}.e30.x", "unreadable"),
        (f"{TEXT}.{TEXT}", "unreadable"),
    ],
)
def test_what_is_no_card_at_all_is_said_so(text: str, reason: str) -> None:
    assert refusal(text) == reason


@given(st.text(max_size=300) | st.tuples(st.integers(0, len(TEXT) - 1), st.characters()).map(
    lambda change: TEXT[: change[0]] + change[1] + TEXT[change[0] + 1 :]
))  # fmt: skip
def test_no_text_but_a_genuine_one_is_proved_and_none_breaks_the_verifier(text: str) -> None:
    try:
        proved = KEYS.card(text)
    except UnprovenError:
        return
    # base64 leaves a few bits unused at the end of a part: another letter there says the same
    assert proved == RAHIMA


def test_after_a_rotation_old_cards_are_genuine_and_new_ones_signed_with_the_new_key(tmp_path: Path) -> None:
    first = CardKeys.load(tmp_path, create=True)
    old = first.sign(RAHIMA.as_json())
    (tmp_path / "cards.pem").rename(tmp_path / "cards-2026.pem")
    second = CardKeys.load(tmp_path, create=True)
    new = second.sign(RAHIMA.as_json())
    assert second.card(old) == second.card(new) == RAHIMA
    assert [key["kid"] for key in second.public["keys"]] == [
        json.loads(base64.urlsafe_b64decode(text.split(".")[0] + "==="))["kid"] for text in (new, old)
    ]
    assert refusal(new, first) == "unknown-key"


def test_of_a_former_key_the_public_half_is_enough(tmp_path: Path) -> None:
    old = KEYS.sign(RAHIMA.as_json())
    public = ECKey.import_key({k: KEYS.public["keys"][0][k] for k in ("kty", "crv", "x", "y")})
    (tmp_path / "cards-2025.pem").write_bytes(public.as_pem(private=False))
    assert CardKeys.load(tmp_path, create=True).card(old) == RAHIMA


def test_a_missing_or_unfit_key_ends_the_start_with_one_line(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"cards\.pem is missing"):
        CardKeys.load(tmp_path, create=False)
    (tmp_path / "cards.pem").write_bytes(ECKey.generate_key("P-384").as_pem(private=True))
    with pytest.raises(SystemExit, match="P-256"):
        CardKeys.load(tmp_path, create=False)
    (tmp_path / "cards.pem").write_bytes(ECKey.generate_key("P-256").as_pem(private=False))
    with pytest.raises(SystemExit, match="no private key"):
        CardKeys.load(tmp_path, create=False)


@pytest.mark.parametrize(
    "published", [None, [], {}, {"keys": None}, {"keys": [1, {}]}, {"keys": [{"crv": "P-256", "kid": "x"}]}]
)
def test_a_set_without_a_key_of_ours_is_refused(published: Any) -> None:
    with pytest.raises(ValueError, match="P-256"):
        CardVerifier.of(published)
