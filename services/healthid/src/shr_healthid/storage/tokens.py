"""The keys by which people are looked up, as short keyed hashes: an index of them says nothing about anybody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from shr_healthid.domain.blocking import VERSION, keys_of, lookup_keys
from shr_healthid.domain.person import Demographics

_SIGN = 2**63


class Tokens:
    """Keyed hashes of 64 bits (stored as numbers, 8 bytes each). Two keys with one hash only cost a comparison.

    ``frequencies``: how often each word is met in names; part of ``version``, since it says which words make a key.
    """

    def __init__(
        self, hash_of: Callable[[str, str], str], frequencies: Mapping[str, float], *, weights_version: str
    ) -> None:
        self._hash_of = hash_of
        self._frequencies = frequencies
        self.version = f"{VERSION}.{weights_version}"

    def stored(self, said: Demographics) -> list[int]:
        """Those of a person who is stored."""
        return self._tokens(keys_of(said, self._frequencies))

    def sought(self, said: Demographics) -> list[int]:
        """Those to look for, the rarest kinds first."""
        return self._tokens(lookup_keys(said, self._frequencies))

    def _tokens(self, keys: Iterable[str]) -> list[int]:
        return [int(self._hash_of("block", key).rpartition(":")[2][:16], 16) - _SIGN for key in keys]
