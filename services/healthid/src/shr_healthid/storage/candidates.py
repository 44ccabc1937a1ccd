"""Who may be meant: persons with a key in common, at a cost that does not grow with the registry.

One query on one index finds them. Where a key is shared by too many (a placeholder phone, a test system's only
patient), each key gives a few instead, so that nobody's rare key is starved by another's common one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from shr_common.mongo import Database, Document, categorised

from shr_healthid.domain.matching import Candidate
from shr_healthid.domain.person import ACTIVE, PROVISIONAL, Demographics, Person
from shr_healthid.storage.collections import PERSONS
from shr_healthid.storage.persons import PersonStore
from shr_healthid.storage.sealing import Sealing
from shr_healthid.storage.tokens import Tokens

EACH_LIMIT = 16
"""Candidates that a look-up of one person expects at most on average; the sum of a batch caps its query."""
SPARE = 48
KEY_LIMIT = 8
"""Persons that one key gives when keys are common."""
KEYS_A_QUERY = 40
COMPARED_LIMIT = 20
"""Candidates that are compared with one person, those with most keys in common first."""
_SHOWN = {"sealed": 0, "words": 0, "local_ids": 0, "replaces": 0, "guardians": 0, "sources": 0}


class CandidateStore:
    """Look-ups by blocking keys."""

    def __init__(self, database: Database, sealing: Sealing, tokens: Tokens, persons: PersonStore) -> None:
        self._documents = database[PERSONS]
        self._sealing = sealing
        self._tokens = tokens
        self._persons = persons

    async def near(self, said: Demographics) -> list[Candidate]:
        """Who may be meant by one description."""
        return (await self.near_each([said]))[0]

    async def near_each(self, described: Sequence[Demographics]) -> list[list[Candidate]]:
        """Who may be meant by each, in order, with one query for all."""
        sought = [self._tokens.sought(said) for said in described]
        tokens = list(dict.fromkeys(token for one in sought for token in one))
        if not tokens:
            return [[] for _ in described]
        limit = EACH_LIMIT * len(described) + SPARE
        with categorised():
            found = await self._documents.find({"keys": {"$in": tokens}}, _SHOWN).limit(limit).to_list()
            if len(found) == limit:
                found = await self._few_of_each(tokens)
        by_token: dict[int, list[int]] = {}
        for place, document in enumerate(found):
            for token in document["keys"]:
                by_token.setdefault(token, []).append(place)
        opened: dict[int, Candidate | None] = {}
        return [self._chosen(one, by_token, found, opened) for one in sought]

    async def _few_of_each(self, tokens: Sequence[int]) -> list[Document]:
        found: dict[Any, Document] = {}
        for start in range(0, len(tokens), KEYS_A_QUERY):
            stages = [_few(token) for token in tokens[start : start + KEYS_A_QUERY]]
            others = [{"$unionWith": {"coll": PERSONS, "pipeline": stage}} for stage in stages[1:]]
            async for document in await self._documents.aggregate([*stages[0], *others]):
                found[document["_id"]] = document
        return list(found.values())

    def _chosen(
        self,
        sought: Sequence[int],
        by_token: dict[int, list[int]],
        found: list[Document],
        opened: dict[int, Candidate | None],
    ) -> list[Candidate]:
        shared: dict[int, int] = {}
        for token in sought:
            for place in by_token.get(token, ()):
                shared[place] = shared.get(place, 0) + 1
        chosen = sorted(shared, key=lambda place: (-shared[place], place))[:COMPARED_LIMIT]
        for place in chosen:
            if place not in opened:
                opened[place] = self._candidate(found[place])
        return [candidate for place in chosen if (candidate := opened[place]) is not None]

    def _candidate(self, document: Document) -> Candidate | None:
        if document.get("status") not in (ACTIVE, PROVISIONAL) and not document.get("survivor"):
            return None
        return self._sealing.candidate_of(document)

    async def persons(self, ids: Iterable[str]) -> dict[str, Person]:
        """Who answers for each id: herself, or in the end whom she was merged into."""
        wanted = list(dict.fromkeys(ids))
        with categorised():
            found = await self._documents.find({"_id": {"$in": wanted}}).to_list()
        persons: dict[str, Person] = {}
        for document in found:
            moved = document.get("moved_to")
            person = await self._persons.by_id(moved) if moved else self._sealing.person_of(document)
            if person is not None:
                persons[document["_id"]] = await self._persons.answering(person)
        return persons


def _few(token: int) -> list[Document]:
    return [{"$match": {"keys": token}}, {"$limit": KEY_LIMIT}, {"$project": _SHOWN}]
