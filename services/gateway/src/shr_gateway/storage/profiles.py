"""Profiles as they are stored: lines in one packed value, with the format in which this code packs them beside it."""

from __future__ import annotations

from collections.abc import Iterable

from pymongo import DESCENDING, ReplaceOne
from shr_common.errors import unavailable
from shr_common.mongo import Database, Document, Session

from shr_gateway.domain.lines import FORMAT, packed, unpacked
from shr_gateway.domain.sections import OTHER, SECTIONS, limit_of
from shr_gateway.projections.records import Profile, empty_profile, refilled
from shr_gateway.storage.views import PROFILES, RESOURCES


def document_of(profile: Profile) -> Document:
    """A profile as stored: its lines in one packed value, which reads in a tenth of the time."""
    return {**profile, "lines": packed(profile["lines"]), "format": FORMAT}


def profile_of(document: Document) -> Profile:
    """From the store. Raises unavailable for one that another version packed: ``Profiles.renewed`` is for these."""
    if outdated(document):
        raise unavailable("This record is being put together anew at the moment.")
    return {**document, "lines": unpacked(document["lines"])}


def outdated(document: Document) -> bool:
    """Whether this is a profile that another version of the gateway packed, whose lines mean nothing to this one."""
    return "lines" in document and document.get("format") != FORMAT


class Profiles:
    """Reads and writes ``profiles``. What another version packed is made anew from the rows, which are the truth."""

    def __init__(self, database: Database) -> None:
        self._profiles = database[PROFILES]
        self._rows = database[RESOURCES]

    async def load(self, persons: Iterable[str], session: Session) -> dict[str, Profile]:
        """A profile for each person, in the order of their ids; an empty one for who has none."""
        profiles = {person: empty_profile(person) for person in sorted(persons)}
        async for document in self._profiles.find({"_id": {"$in": list(profiles)}}, session=session):
            of_rows = await self._of_rows(document, session) if outdated(document) else profile_of(document)
            profiles[document["_id"]] = of_rows
        return profiles

    async def store(self, profiles: Iterable[Profile], session: Session) -> None:
        """Write them whole."""
        writes = [ReplaceOne({"_id": profile["_id"]}, document_of(profile), upsert=True) for profile in profiles]
        if writes:
            await self._profiles.bulk_write(writes, session=session, ordered=False)

    async def renewed(self, document: Document) -> Document:
        """For a reader that met an outdated document: the same in our format; kept, unless a fold was faster."""
        anew = document_of(await self._of_rows(document, None))
        as_it_was = {"_id": document["_id"], "lines": document["lines"], "format": document.get("format")}
        await self._profiles.replace_one(as_it_was, anew)
        return anew

    async def refill(self, profile: Profile, section: str, session: Session | None) -> Profile:
        """The profile with one section made anew from its newest rows."""
        limit = limit_of(section)
        newest: list[Document] = (
            await self._rows.find(
                {"person": profile["_id"], "section": section, "gone": False}, {"body": 0}, session=session
            )
            .sort([("at", DESCENDING), ("_id", DESCENDING)])
            .limit(limit + 1)
            .to_list()
        )
        return refilled(profile, section, newest[:limit], more=len(newest) > limit)

    async def _of_rows(self, document: Document, session: Session | None) -> Profile:
        """Who has seen which result is not packed: it is kept as it stands."""
        profile = {**empty_profile(document["_id"]), "acknowledged": document.get("acknowledged") or []}
        for section in (*SECTIONS, OTHER):
            profile = await self.refill(profile, section, session)
        return profile
