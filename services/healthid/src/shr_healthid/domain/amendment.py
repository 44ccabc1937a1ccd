"""Changes to a registered person: new demographics, guardians."""

from __future__ import annotations

from dataclasses import replace

from shr_common.errors import Issue

from shr_healthid.domain.applicant import Applicant
from shr_healthid.domain.ledger import Intake, Ledger
from shr_healthid.domain.merging import merged_into
from shr_healthid.domain.outcomes import Outcome, refused
from shr_healthid.domain.person import Change, Person, with_local_ids


def refusal_of(
    ledger: Ledger, person: Person | None, applicant: Applicant, *, hashes: frozenset[str], if_version: int | None,
    source: str | None,
) -> Outcome | None:  # fmt: skip
    """Why a person cannot be changed so. ``if_version``: the version seen; ``hashes``: the numbers in the body.

    ``source``: who changes whom it registered; None may change anyone. Numbers stay: only proof adds one.
    """
    if person is None:
        return Outcome("unknown")
    family = ledger.family(person)
    if source is not None and not any(source in side.sources for side in family):
        text = "Only a source that registered this person may change her data. First POST /fhir/Patient."
        bangla = "যে উৎস তাঁকে নিবন্ধন করেছে কেবল সে-ই তথ্য বদলাতে পারে। আগে POST /fhir/Patient করুন।"
        return refused("forbidden", Issue(text, code="forbidden", text_bn=bangla))
    if person.is_retired:
        return refused("conflict", merged_into(ledger, person))
    if if_version is not None and if_version != person.version:
        text = f"This person was changed meanwhile: version {person.version} is current. Read it and try again."
        bangla = f"এই ব্যক্তির তথ্য এর মধ্যে বদলেছে: বর্তমান সংস্করণ {person.version}। পড়ে আবার চেষ্টা করুন।"
        return refused("stale", Issue(text, code="conflict", text_bn=bangla))
    if not hashes <= {number.hash for side in family for number in (*side.numbers, *side.unlinked)}:
        text = "A number cannot be changed here. Register it by POST /fhir/Patient: it has to be verified."
        bangla = "এখানে নম্বর বদলানো যায় না। POST /fhir/Patient দিয়ে নিবন্ধন করুন: নম্বরটি যাচাই করতে হবে।"
        return refused("invalid", Issue(text, expression="Patient.identifier", code="business-rule", text_bn=bangla))
    if applicant.uhid not in (None, *(id_ for side in family for id_ in (side.id, *side.replaces))):
        text = "The Health ID in the body is another person's than the one in the address."
        bangla = "বডির হেলথ আইডি আর ঠিকানার হেলথ আইডি এক নয়।"
        return refused("invalid", Issue(text, expression="Patient.identifier", code="business-rule", text_bn=bangla))
    return None


def amend(ledger: Ledger, person: Person, applicant: Applicant, intake: Intake, change: Change) -> Outcome:
    """Put new demographics. The caller has asked ``refusal_of``."""
    ours = tuple(one for one in applicant.local_ids if one.value not in (person.id, *person.replaces))
    changed = replace(
        person,
        version=person.version + 1,
        demographics=applicant.demographics,
        patient=applicant.patient,
        local_ids=with_local_ids(person.local_ids, ours),
        updated_at=max(intake.at, person.updated_at),
        updated_by=intake.source,
        change=change,
    )
    ledger.put(changed, trace=intake.traceparent)
    for local_id in ours:
        if others := ledger.claim(local_id, changed):
            ledger.review("local-id-shared", [changed, *others], intake)
    return Outcome("existing", changed)


def set_guardian(
    ledger: Ledger, person_id: str, guardian_id: str, intake: Intake, change: Change, *, ends: bool
) -> Outcome:  # fmt: skip
    """Add or end a guardian. Both must be registered, and nobody is her own guardian."""
    person, guardian = ledger.current(person_id), ledger.current(guardian_id)
    if person is None:
        return Outcome("unknown")
    if person.is_retired:
        return refused("conflict", merged_into(ledger, person))
    if guardian is None or ledger.root(guardian).id == person.id:
        text = "The guardian must be another registered person."
        bangla = "অভিভাবক হতে হবে অন্য একজন নিবন্ধিত ব্যক্তি।"
        return refused("invalid", Issue(text, expression="guardian", code="value", text_bn=bangla))
    ended = {side.id for side in ledger.family(guardian)} if ends else {guardian.id}
    left = tuple(one for one in person.guardians if (g := ledger.current(one)) is None or g.id not in ended)
    guardians = left if ends else (*left, guardian.id)
    if set(guardians) == set(person.guardians):
        return Outcome("existing", person)
    at = max(intake.at, person.updated_at)
    changed = replace(person, version=person.version + 1, guardians=guardians, updated_at=at,
                      updated_by=intake.source, change=change)  # fmt: skip
    return Outcome("existing", ledger.put(changed, trace=intake.traceparent))
