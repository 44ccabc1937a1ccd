"""Keyed hashes and sealed bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shr_common.keys import KEY_BYTES, Envelope, LookupKey, key_id, new_key


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
