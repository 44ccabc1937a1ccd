"""Brings stored persons to the present look-up keys: after new weights, a new key, or an older release."""

from __future__ import annotations

from pymongo import UpdateOne
from shr_common.mongo import Database, categorised

from shr_healthid.domain.names import search_words
from shr_healthid.storage.collections import PERSONS
from shr_healthid.storage.sealing import Sealing
from shr_healthid.storage.tokens import Tokens

BATCH = 500


async def rekey(database: Database, sealing: Sealing, tokens: Tokens, *, after: str = "") -> tuple[str, int]:
    """One batch in order of id: the last id looked at ("" at the end), and how many were brought up to date.

    A person who changes meanwhile keeps what her change stored: only the version that was read is touched.
    """
    with categorised():
        found = await database[PERSONS].find({"_id": {"$gt": after}}).sort("_id", 1).limit(BATCH).to_list()
        writes = []
        for document in found:
            if "moved_to" in document or document.get("keys_version") == tokens.version:
                continue
            person = sealing.person_of(document)
            state = {"words": search_words(person.demographics.names), **sealing.found_by(person)}
            writes.append(UpdateOne({"_id": document["_id"], "version": document["version"]}, {"$set": state}))
        if writes:
            await database[PERSONS].bulk_write(writes, ordered=False)
    return (found[-1]["_id"] if len(found) == BATCH else ""), len(writes)
