"""Folding by version: what an event says counts only if it is newer than what is known."""

from __future__ import annotations

from pymongo import UpdateOne
from shr_common.mongo import Document


def newer(id: str, fields: Document) -> UpdateOne:
    """Set ``fields`` (with their ``version``) where that is higher than the stored one's."""
    fresh = {"$gt": [fields["version"], {"$ifNull": ["$version", -1]}]}
    step = {name: {"$cond": [fresh, {"$literal": value}, f"${name}"]} for name, value in fields.items()}
    return UpdateOne({"_id": id}, [{"$set": step}], upsert=True)
