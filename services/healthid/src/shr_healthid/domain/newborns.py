"""Newborns have no number yet: a provisional record tied to the mother, one for each child."""

from __future__ import annotations

from dataclasses import replace

from shr_common.errors import Issue

from shr_healthid.domain.applicant import Applicant
from shr_healthid.domain.demographics import differences
from shr_healthid.domain.ledger import Intake, Ledger, newborn_key
from shr_healthid.domain.offline import carried
from shr_healthid.domain.outcomes import Outcome, refused
from shr_healthid.domain.person import PROVISIONAL, Person, with_local_ids


def register_newborn(
    ledger: Ledger, applicant: Applicant, intake: Intake, *, mother_id: str, new_id: str, offered: str | None = None
) -> Outcome:
    """A newborn of a known mother; ``multipleBirthInteger`` or another local id of a source tells twins apart.

    ``offered``: a Health ID out of an offline block, which is hers then and counts from her birth registration on.
    """
    mother = ledger.current(mother_id)
    born = applicant.demographics.birth_date
    if mother is None or born is None:
        issue = Issue("No person has this Health ID; a newborn's link names her mother.",
                      expression=applicant.mother_expression, code="not-found",
                      text_bn="এই হেলথ আইডির কোনো ব্যক্তি নেই; নবজাতকের সংযোগে মায়ের আইডি দিন।")  # fmt: skip
        return refused("invalid", issue)
    key = newborn_key(mother, born)
    known = [id_ for side in ledger.family(mother) for id_ in ledger.newborns.get(newborn_key(side, born), ())]
    siblings = [p for id_ in known if (p := ledger.current(id_))]
    same = next((child for child in siblings if _is_same(child, applicant, intake.source)), None)
    if same is not None:
        person = carried(ledger, _again(ledger, same, applicant, intake), offered, intake)
    else:
        person = _born(ledger, applicant, intake, mother, ledger.use(offered) if offered else new_id)
        ledger.newborns[key] = (*ledger.newborns.get(key, ()), person.id)
        ledger.changed_newborns.add(key)
    for local_id in person.local_ids:
        if others := ledger.claim(local_id, person):
            ledger.review("local-id-shared", [person, *others], intake)
    outcome = "existing" if person.is_active else "provisional"
    ledger.settle(intake, outcome, person)
    return Outcome(outcome, person, warnings=_of_mother(ledger, mother, applicant))


def _of_mother(ledger: Ledger, mother: Person, applicant: Applicant) -> tuple[Issue, ...]:
    """A mother who was merged into somebody answers as that person; the sender should use that Health ID."""
    if not mother.is_retired:
        return ()
    survivor = ledger.root(mother).id
    text = f"The mother's Health ID was merged into {survivor}. The newborn is tied to her; use that Health ID."
    bangla = f"মায়ের হেলথ আইডি {survivor}-এর সঙ্গে একীভূত হয়েছে। নবজাতক তাঁর সঙ্গে যুক্ত; ঐ হেলথ আইডি ব্যবহার করুন।"
    issue = Issue(text, expression=applicant.mother_expression, code="business-rule", severity="warning",
                  rule="mother-retired", text_bn=bangla)  # fmt: skip
    return (issue,)


def _is_same(child: Person, applicant: Applicant, source: str) -> bool:
    if child.patient.get("multipleBirthInteger") != applicant.multiple:
        return False
    if "gender" in differences(child.demographics, applicant.demographics):
        return False
    hers = {one for one in child.local_ids if one.source == source}
    sent = set(applicant.local_ids)
    return not hers or not sent or bool(hers & sent)


def _again(ledger: Ledger, child: Person, applicant: Applicant, intake: Intake) -> Person:
    local_ids = with_local_ids(child.local_ids, applicant.local_ids)
    sources = child.sources | {intake.source}
    if (local_ids, sources) == (child.local_ids, child.sources):
        return child
    joined = replace(child, version=child.version + 1, local_ids=local_ids, sources=sources,
                     updated_at=intake.at, updated_by=intake.source)  # fmt: skip
    return ledger.put(joined, trace=intake.traceparent)


def _born(ledger: Ledger, applicant: Applicant, intake: Intake, mother: Person, new_id: str) -> Person:
    child = Person(
        id=new_id, key=new_id, version=1, status=PROVISIONAL, demographics=applicant.demographics,
        patient=applicant.patient, first_source=intake.source, registered_at=intake.at, updated_at=intake.at,
        updated_by=intake.source, local_ids=applicant.local_ids, guardians=(mother.id,),
        sources=frozenset({intake.source}),
    )  # fmt: skip
    return ledger.put(child, registered=True, trace=intake.traceparent)
