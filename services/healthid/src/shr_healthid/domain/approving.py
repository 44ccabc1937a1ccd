"""Changes of a registered person's data that need a second person, by a table of roles and elements."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from shr_common.errors import Issue
from shr_contracts.cloudevents import rfc3339

from shr_healthid.domain.amendment import amend, refusal_of
from shr_healthid.domain.applicant import Applicant
from shr_healthid.domain.cases import APPROVE, APPROVED, PENDING, REJECTED, Actor, Approval, Decision
from shr_healthid.domain.ledger import Intake, Ledger
from shr_healthid.domain.outcomes import Outcome, refused
from shr_healthid.domain.person import Change, Person

ELEMENTS: Mapping[str, tuple[str, ...]] = {
    "name": ("name",),
    "gender": ("gender",),
    "birth_date": ("birthDate", "_birthDate"),
    "deceased": ("deceasedBoolean", "deceasedDateTime"),
    "address": ("address",),
}
"""What the policy names, and the elements of Patient that say it."""
_IN_BANGLA = {"name": "নাম", "gender": "লিঙ্গ", "birthDate": "জন্ম তারিখ", "_birthDate": "জন্ম তারিখ", "address": "ঠিকানা",
              "deceasedBoolean": "মৃত্যু", "deceasedDateTime": "মৃত্যুর তারিখ"}  # fmt: skip
WAITING_LIMIT = 20
"""Changes of one person that may wait at a time."""


@dataclass(frozen=True, slots=True)
class Policy:
    """For each role what of ``ELEMENTS`` a second person has to approve; everything else is done at once."""

    second_person: Mapping[str, frozenset[str]]

    def held(self, role: str, person: Person, after: Mapping[str, Any]) -> tuple[str, ...]:
        """The changed elements that need a second person. Of a provisional person none: nobody vouches for her yet."""
        if not person.is_active:
            return ()
        named = self.second_person.get(role, frozenset())
        elements = (element for one in ELEMENTS if one in named for element in ELEMENTS[one])
        return tuple(e for e in elements if person.patient.get(e) != after.get(e))


@dataclass(frozen=True, slots=True)
class Asked:
    """A change as it was asked for. ``hashes``: of the numbers in it; ``if_version``: the version that was seen."""

    applicant: Applicant
    intake: Intake
    actor: Actor
    hashes: frozenset[str]
    if_version: int | None = None
    reason: str | None = None
    any_person: bool = False


def propose(ledger: Ledger, person_id: str, asked: Asked, policy: Policy) -> tuple[Outcome, Approval | None]:
    """Change a person at once, or keep the change for a second person: all of it, so that nothing is half done."""
    person = ledger.current(person_id)
    refusal = refusal_of(ledger, person, asked.applicant, hashes=asked.hashes, if_version=asked.if_version,
                         source=None if asked.any_person else asked.intake.source)  # fmt: skip
    if refusal is not None or person is None:
        return refusal or Outcome("unknown"), None
    held = policy.held(asked.actor.role, person, asked.applicant.patient)
    if not held:
        change = Change("update", asked.actor.id, asked.actor.role, asked.reason)
        return amend(ledger, person, asked.applicant, asked.intake, change), None
    approval, waiting = _approval(person, asked), ledger.waiting(person)
    for known in waiting:
        if (known.asked_by, known.version, known.after) == (approval.asked_by, approval.version, approval.after):
            return Outcome("held", person), known  # asked again: the same question
    if len(waiting) >= WAITING_LIMIT:
        text = f"{WAITING_LIMIT} changes of this person wait for approval already. Have them decided first."
        bangla = f"এই ব্যক্তির {WAITING_LIMIT}টি পরিবর্তন অনুমোদনের অপেক্ষায় আছে। আগে সেগুলোর সিদ্ধান্ত নিন।"
        return refused("conflict", Issue(text, expression="Patient", code="conflict", text_bn=bangla)), None
    return Outcome("held", person), ledger.put_approval(approval)


def _approval(person: Person, asked: Asked) -> Approval:
    before, after = person.patient, asked.applicant.patient
    elements = [e for one in ELEMENTS.values() for e in one if before.get(e) != after.get(e)]
    intake = asked.intake
    named = f"{person.key}\n{person.version}\n{asked.actor.role}\n{asked.actor.id}\n{rfc3339(intake.at)}\n".encode()
    return Approval(
        id=hashlib.sha256(named + intake.body).hexdigest()[:24],
        person=person.id,
        version=person.version,
        asked_by=asked.actor,
        source=intake.source,
        facility=intake.facility,
        asked_at=intake.at,
        before={e: before[e] for e in elements if e in before},
        after={e: after[e] for e in elements if e in after},
        body=intake.body,
        reason=asked.reason,
    )


def refuse_decision(approval: Approval | None, decision: Decision) -> Outcome | None:
    """Why this decision cannot be made: unknown, decided already, or by who asked for the change."""
    if approval is None:
        return Outcome("unknown")
    if approval.status != PENDING:
        made = approval.decision
        by = f" by {made.by.id} at {rfc3339(made.at)}" if made else ""
        text = f"This change was decided already{by}: {approval.status}."
        return refused("conflict", Issue(text, expression="decision", code="conflict",
                                         text_bn="এই পরিবর্তনের সিদ্ধান্ত আগেই হয়েছে।"))  # fmt: skip
    if approval.asked_by == decision.by:
        text = "Another person than the one who asked for the change has to decide."
        bangla = "যিনি পরিবর্তন চেয়েছেন তিনি নয়, অন্য একজনকে সিদ্ধান্ত নিতে হবে।"
        return refused("forbidden", Issue(text, expression="decision", code="forbidden", text_bn=bangla))
    return None


def decide(
    ledger: Ledger, approval_id: str, decision: Decision, applicant: Applicant | None, intake: Intake
) -> tuple[Outcome, Approval | None]:
    """Approve or reject. ``applicant``: the change, read from what was sent; ``intake``: who asked, and now."""
    approval = ledger.approvals.get(approval_id)
    refusal = refuse_decision(approval, decision)
    if refusal is not None or approval is None:
        return refusal or Outcome("unknown"), None
    person = ledger.current(approval.person)
    if decision.verdict == APPROVE:
        if person is None or applicant is None:
            return Outcome("unknown"), None
        refusal = refusal_of(ledger, person, applicant, hashes=frozenset(), if_version=None, source=None)
        if refusal is not None:
            return refusal, None
        if {e: person.patient[e] for e in _elements() if e in person.patient and e in approval.fields} != dict(
            approval.before
        ):
            return _changed_meanwhile(approval), None
        change = Change("update", approval.asked_by.id, approval.asked_by.role,
                        decision.reason or approval.reason, decision.by.id)  # fmt: skip
        outcome = amend(ledger, person, applicant, intake, change)
    else:
        outcome = Outcome("existing", person)
    status = APPROVED if decision.verdict == APPROVE else REJECTED
    return outcome, ledger.put_approval(replace(approval, status=status, decision=decision))


def _changed_meanwhile(approval: Approval) -> Outcome:
    text = "What this changes was changed otherwise meanwhile. Reject it; its sender sees the new data and asks again."
    bangla = "এর মধ্যে তথ্যটি অন্যভাবে বদলেছে। এটি বাতিল করুন; প্রেরক নতুন তথ্য দেখে আবার চাইবেন।"
    return refused("conflict", Issue(text, expression=f"Patient.{approval.fields[0]}", code="conflict",
                                     text_bn=bangla))  # fmt: skip


def _elements() -> Iterable[str]:
    return (element for elements in ELEMENTS.values() for element in elements)


def held_issues(approval: Approval) -> list[Issue]:
    """What the asker is told: nothing was changed yet, and which elements wait."""
    when = rfc3339(approval.asked_at)
    return [
        Issue(
            f"Patient.{element} waits for a second person's approval since {when}; nothing was changed yet.",
            expression=f"Patient.{element.removeprefix('_')}",
            code="informational",
            severity="information",
            text_bn=f"{_IN_BANGLA[element]}: দ্বিতীয় একজনের অনুমোদনের অপেক্ষায়; এখনো কিছু বদলায়নি।",
            diagnostics=f"approval {approval.id}",
        )
        for element in approval.fields
    ]
