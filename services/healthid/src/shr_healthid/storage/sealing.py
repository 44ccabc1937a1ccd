"""A person as a document, and back. In the clear: what is searched or told anyway; sealed: everything else."""

from __future__ import annotations

from typing import Any

from shr_common.keys import Envelope
from shr_common.mongo import Document

from shr_healthid.domain import exact_json
from shr_healthid.domain.matching import Candidate, verified_of
from shr_healthid.domain.names import is_bangla, search_words
from shr_healthid.domain.person import Change, Demographics, LocalId, Number, Pending, Person
from shr_healthid.storage.tokens import Tokens


class Sealing:
    """Seals with the service's master key, bound to the person's key, so that a state cannot be moved."""

    def __init__(self, envelope: Envelope, tokens: Tokens) -> None:
        self._envelope = envelope
        self._tokens = tokens

    def document_of(self, person: Person) -> Document:
        """The stored form of a person."""
        said = person.demographics
        sealed = {
            "patient": person.patient,
            "mobile": said.mobile,
            "numbers": [_listed(number) for number in person.numbers],
            "unlinked": [_listed(number) for number in person.unlinked],
            "change": _told(person.change),
            **_traits(said),
        }
        document: Document = {
            "_id": person.id,
            "key": person.key,
            "version": person.version,
            "status": person.status,
            "names": list(said.names),
            "words": search_words(said.names),
            **self.found_by(person),
            "gender": said.gender,
            "birth_date": said.birth_date,
            "district": said.district,
            "upazila": said.upazila,
            "first_source": person.first_source,
            "registered_at": person.registered_at,
            "updated_at": person.updated_at,
            "updated_by": person.updated_by,
            "local_ids": [{"source": i.source, "system": i.system, "value": i.value} for i in person.local_ids],
            "guardians": list(person.guardians),
            "replaces": list(person.replaces),
            "survivor": person.survivor,
            "absorbed": list(person.absorbed),
            "sources": sorted(person.sources),
            "key_id": self._envelope.id,
            "sealed": self._envelope.seal(exact_json.dumps(sealed), person.key.encode()),
        }
        if person.pending is not None:
            document["pending"] = {"attempts": person.pending.attempts, "next_at": person.pending.next_at}
        return document

    def person_of(self, document: Document) -> Person:
        """The person of a stored form."""
        sealed = exact_json.loads(self._envelope.open(document["sealed"], document["key"].encode()))
        names = tuple(document["names"])
        pending = document.get("pending")
        return Person(
            id=str(document.get("id") or document["_id"]),
            key=document["key"],
            version=document["version"],
            status=document["status"],
            demographics=_demographics(document, names, sealed),
            patient=sealed["patient"],
            first_source=document["first_source"],
            registered_at=document["registered_at"],
            updated_at=document["updated_at"],
            updated_by=document["updated_by"],
            numbers=tuple(_number(listed) for listed in sealed["numbers"]),
            unlinked=tuple(_number(listed) for listed in sealed["unlinked"]),
            local_ids=tuple(LocalId(i["source"], i["system"], i["value"]) for i in document["local_ids"]),
            guardians=tuple(document["guardians"]),
            replaces=tuple(document["replaces"]),
            sources=frozenset(document["sources"]),
            pending=Pending(pending["attempts"], pending["next_at"]) if pending else None,
            survivor=document.get("survivor"),
            absorbed=tuple(document.get("absorbed", ())),
            change=Change(*told) if (told := sealed.get("change")) else None,
        )

    def found_by(self, person: Person) -> Document:
        """What look-ups of matching need: the keys, and what is compared, sealed apart from all the rest."""
        said = person.demographics
        verified = sorted([kind, length, hash_] for kind, length, hash_ in verified_of(person.numbers))
        traits = {"mobile": said.mobile, **_traits(said), "verified": verified}
        return {
            "keys": self._tokens.stored(said),
            "keys_version": self._tokens.version,
            "traits": self.seal(traits, f"{person.key}|traits"),
        }

    def candidate_of(self, document: Document) -> Candidate:
        """What a look-up compares; the person's other data stay sealed."""
        traits = self.open(document["traits"], f"{document['key']}|traits")
        demographics = _demographics(document, tuple(document["names"]), traits)
        return Candidate(document["_id"], demographics, frozenset((k, n, h) for k, n, h in traits["verified"]))

    def seal(self, value: Any, bound_to: str) -> bytes:
        """Any JSON value, sealed."""
        return self._envelope.seal(exact_json.dumps(value), bound_to.encode())

    def seal_bytes(self, value: bytes, bound_to: str) -> bytes:
        """Bytes, sealed."""
        return self._envelope.seal(value, bound_to.encode())

    def open(self, sealed: bytes, bound_to: str) -> Any:
        """The value of ``seal``."""
        return exact_json.loads(self._envelope.open(sealed, bound_to.encode()))


def _demographics(document: Document, names: tuple[str, ...], sealed: dict[str, Any]) -> Demographics:
    return Demographics(
        names=names,
        name=next((name for name in names if not is_bangla(name)), None),
        name_bn=next((name for name in names if is_bangla(name)), None),
        gender=document["gender"],
        birth_date=document["birth_date"],
        district=document["district"],
        upazila=document["upazila"],
        mobile=sealed["mobile"],
        father=sealed.get("father"),
        mother=sealed.get("mother"),
        place=sealed.get("place"),
        estimated=bool(sealed.get("estimated")),
    )


def _traits(said: Demographics) -> dict[str, Any]:
    return {"father": said.father, "mother": said.mother, "place": said.place, "estimated": said.estimated}


def _told(change: Change | None) -> list[Any] | None:
    return None if change is None else [change.action, change.by, change.role, change.reason, change.approved_by]


def _listed(number: Number) -> list[Any]:
    return [number.kind, number.value, number.hash, number.verified, sorted(number.senders)]


def _number(listed: list[Any]) -> Number:
    kind, value, hash_, verified, senders = listed
    return Number(kind, value, hash_, verified=verified, senders=frozenset(senders))
