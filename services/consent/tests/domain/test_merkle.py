"""Trees and histories: every path leads to the root, and only from its own leaf."""

from __future__ import annotations

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st
from shr_consent.domain import merkle


def leaves(count: int) -> list[bytes]:
    return [merkle.leaf(str(n).encode()) for n in range(count)]


@settings(max_examples=100, deadline=None)
@given(count=st.integers(1, 70), data=st.data())
def test_every_path_leads_to_the_root(count: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, count - 1))
    nodes = leaves(count)
    steps = merkle.path(nodes, index)
    assert merkle.climbed(nodes[index], steps) == merkle.root(nodes)
    assert merkle.climbed(merkle.leaf(b"other"), steps) != merkle.root(nodes)


def test_the_root_is_that_of_rfc_6962() -> None:
    def recursive(nodes: list[bytes]) -> bytes:
        if len(nodes) < 2:
            return nodes[0] if nodes else hashlib.sha256(b"").digest()
        split = 1 << (len(nodes) - 1).bit_length() - 1
        return merkle.node(recursive(nodes[:split]), recursive(nodes[split:]))

    for count in range(40):
        assert merkle.root(leaves(count)) == recursive(leaves(count))


def test_a_history_grows_to_the_same_root_and_proves_every_member() -> None:
    members = leaves(41)
    kept: dict[merkle.Place, bytes] = {}
    for size in range(1, len(members) + 1):
        nodes = merkle.completed_at(size, members[size - 1], kept.__getitem__)
        kept.update(((level, size), node) for level, node in enumerate(nodes))
        root = merkle.history_root(size, kept.__getitem__)
        assert root == merkle.root(members[:size])
        for number in range(1, size + 1):
            steps = merkle.history_path(number, size, kept.__getitem__)
            assert merkle.climbed(members[number - 1], steps) == root
