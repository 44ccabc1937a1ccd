"""Keyed hashes and sealed bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shr_common import keys
from shr_common.keys import KEY_BYTES, Envelope, LookupKey, key_id, new_key, sealed_under


@given(plain=st.binary(max_size=200), bound_to=st.none() | st.binary(max_size=20))
def test_what_was_sealed_opens_to_the_same_bytes(plain: bytes, bound_to: bytes | None) -> None:
    envelope = Envelope(b"k" * KEY_BYTES)
    sealed = envelope.seal(plain, bound_to)
    assert envelope.open(sealed, bound_to) == plain
    assert sealed != envelope.seal(plain, bound_to)


@pytest.mark.parametrize("place", [0, 5, 12, 20, -1])
def test_a_changed_byte_is_noticed(place: int) -> None:
    envelope = Envelope(new_key())
    sealed = bytearray(envelope.seal(b"a visit", b"topic"))
    sealed[place] ^= 1
    with pytest.raises(ValueError, match="cannot be opened"):
        envelope.open(bytes(sealed), b"topic")


@pytest.mark.parametrize("sealed", [b"", b"short", b"x" * 28])
def test_what_is_no_envelope_does_not_open(sealed: bytes) -> None:
    with pytest.raises(ValueError, match="cannot be opened"):
        Envelope(new_key()).open(sealed)


def test_sealed_bytes_cannot_be_moved_to_another_place_or_key() -> None:
    key = new_key()
    sealed = Envelope(key).seal(b"a visit", b"here")
    for envelope, place in ((Envelope(key), b"there"), (Envelope(new_key()), b"here"), (Envelope(key), None)):
        with pytest.raises(ValueError, match="cannot be opened"):
            envelope.open(sealed, place)


def test_a_keyed_hash_names_its_key_and_tells_nothing_else() -> None:
    lookup = LookupKey(b"a" * KEY_BYTES)
    nid = lookup.hash("nid", "1234567890")
    assert nid == lookup.hash("nid", "1234567890")
    assert nid.split(":")[0] == lookup.id == key_id(b"a" * KEY_BYTES)
    assert len(nid.split(":")[1]) == 64
    assert "1234567890" not in nid
    assert nid != lookup.hash("brn", "1234567890")
    assert nid != LookupKey(b"b" * KEY_BYTES).hash("nid", "1234567890")


def test_a_missing_key_stops_the_start_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"master-records\.key cannot be read .*SHR_KEYS_DIR"):
        Envelope.load(tmp_path, "master-records")
    (tmp_path / "lookup.key").write_bytes(b"short")
    with pytest.raises(SystemExit, match=r"lookup\.key has 5 bytes, needs 32"):
        LookupKey.load(tmp_path)


@given(plain=st.binary(max_size=200))
def test_what_an_older_release_sealed_opens(plain: bytes) -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key, other, nonce = new_key(), new_key(), b"n" * 12
    sealed = nonce + AESGCM(key).encrypt(nonce, plain, b"here")
    assert sealed_under(sealed) is None
    assert Envelope(key).open(sealed, b"here") == plain
    assert Envelope(other, former=[key]).open(sealed, b"here") == plain


def test_an_envelope_names_its_key_and_former_keys_open(tmp_path: Path) -> None:
    old, new = new_key(), new_key()
    sealed = Envelope(old).seal(b"a visit")
    assert sealed_under(sealed) == key_id(old) == Envelope(old).id
    both = Envelope(new, former=[old])
    assert both.open(sealed) == b"a visit"
    assert both.ids == {key_id(old), key_id(new)}
    assert sealed_under(both.seal(b"x")) == key_id(new)
    with pytest.raises(ValueError, match="cannot be opened"):
        Envelope(new).open(sealed)


def test_a_replaced_key_is_noticed_by_who_seals_and_a_new_one_by_who_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = new_key(), new_key()
    (tmp_path / "master-records.key").write_bytes(first)
    writer, reader = (Envelope.load(tmp_path, "master-records") for _ in range(2))
    sealed = writer.seal(b"before")
    (tmp_path / f"master-records.key.{key_id(first)}").write_bytes(first)
    part = tmp_path / "part"
    part.write_bytes(second)
    part.replace(tmp_path / "master-records.key")
    assert sealed_under(writer.seal(b"at once")) == key_id(first)  # it looks once a second
    monkeypatch.setattr(keys, "LOOK_EVERY_S", -1.0)
    again = writer.seal(b"after")
    assert sealed_under(again) == key_id(second)
    assert reader.open(again) == b"after"  # it had never heard of this key
    assert writer.open(sealed) == b"before"
    (tmp_path / "master-records.key").unlink()
    assert reader.open(writer.seal(b"the key store is away")) == b"the key store is away"
