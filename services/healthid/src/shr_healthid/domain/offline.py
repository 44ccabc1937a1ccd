"""What a Health ID that was issued offline, out of a block, means for a registration.

Unused and out of the sender's own block it becomes the person's Health ID; of a person who has one already it leads to
hers; used for somebody else it is refused, and a reviewer looks.
"""

from __future__ import annotations

from dataclasses import replace

from shr_common.errors import Issue
from shr_common.identifiers import is_health_id

from shr_healthid.domain.applicant import Applicant
from shr_healthid.domain.application import Application, side
from shr_healthid.domain.blocks import is_offline_id
from shr_healthid.domain.demographics import differences
from shr_healthid.domain.ledger import Intake, Ledger
from shr_healthid.domain.outcomes import Outcome, refused
from shr_healthid.domain.person import Number, Pending, Person

ALIASES_LIMIT = 50
"""Former ids of one person; more come from a system that gives her a new one each time."""


def with_offer(ledger: Ledger, application: Application) -> Application:
    """The application; ``offered`` is its Health ID if that is of the offline series and nobody has it."""
    uhid = application.applicant.uhid
    if uhid is None or not is_offline_id(uhid) or ledger.current(uhid) is not None:
        return application
    return replace(application, offered=uhid)


def objection(ledger: Ledger, application: Application) -> Issue | None:
    """Why this source may not give this Health ID now."""
    applicant, intake = application.applicant, application.intake
    block = ledger.blocks.get(application.offered or "")
    if block is None:
        return _issue(applicant, "This Health ID lies outside every block that was given out. Check the number.",
                      "এই হেলথ আইডি কোনো বরাদ্দ ব্লকে নেই। নম্বরটি মিলিয়ে দেখুন।", rule="block-outside")  # fmt: skip
    if block.source != intake.source:
        return _issue(applicant, "This Health ID lies in a block of another source. Use your own block.",
                      "এই হেলথ আইডি অন্য উৎসের ব্লকের। নিজের ব্লক ব্যবহার করুন।", rule="block-of-another")  # fmt: skip
    if intake.at >= block.expires_at:
        day = block.expires_at.date().isoformat()
        return _issue(applicant, f"The block of this Health ID ({block.id}) expired on {day}. A registrar can prolong "
                      "it; new people get Health IDs of a new block.",
                      f"এই হেলথ আইডির ব্লকের ({block.id}) মেয়াদ {day} তারিখে শেষ হয়েছে। নিবন্ধক মেয়াদ বাড়াতে পারেন; "
                      "নতুন ব্যক্তির জন্য নতুন ব্লক নিন।", rule="block-expired")  # fmt: skip
    if applicant.mother is not None and applicant.not_newborn is not None:
        return applicant.not_newborn
    return None


def _issue(applicant: Applicant, text: str, text_bn: str, *, rule: str) -> Issue:
    return Issue(text, expression=applicant.uhid_expression, code="business-rule", text_bn=text_bn, rule=rule)


def not_issued(application: Application) -> Outcome:
    """A Health ID of the central series that is not this person's."""
    text = "This Health ID was not issued to this person. Leave it out: it is issued here."
    bangla = "এই হেলথ আইডি এই ব্যক্তিকে দেওয়া হয়নি। এটি বাদ দিন: হেলথ আইডি এখানেই দেওয়া হয়।"
    at = application.applicant.uhid_expression or "Patient.identifier"
    return refused("invalid", Issue(text, expression=at, code="business-rule", text_bn=bangla))


def anothers(ledger: Ledger, application: Application) -> Outcome:
    """The Health ID names somebody else than the rest of the registration does."""
    holder = ledger.current(application.applicant.uhid or "")
    if holder is None or not is_offline_id(application.applicant.uhid or ""):
        return not_issued(application)
    hashes = [proof.number.hash for proof in application.proofs]
    review = ledger.review("health-id-used-twice", [holder, *ledger.owners_of(hashes)], application.intake,
                           sent=side(application.applicant.demographics))  # fmt: skip
    issue = Issue(
        "This Health ID is another person's already: it was used twice. Give this person another one of your block. "
        "A reviewer will look at it.",
        expression=application.applicant.uhid_expression,
        code="duplicate",
        rule="block-used-twice",
        text_bn="এই হেলথ আইডি আগেই অন্য একজনের: এটি দুইবার ব্যবহৃত হয়েছে। এই ব্যক্তিকে ব্লকের অন্য একটি আইডি দিন। "
        "একজন পর্যালোচক এটি দেখবেন।",
        diagnostics=f"review {review.id} ({review.kind})",
    )
    return refused("conflict", issue)


def names_another(ledger: Ledger, application: Application, numbers: list[Number]) -> bool:
    """While nothing can be proven: whether the holder of a Health ID issued offline is plainly somebody else."""
    uhid = application.applicant.uhid or ""
    holder = ledger.current(uhid)
    if holder is None or not is_offline_id(uhid):
        return False
    known = {(number.kind, len(number.value)): number.value for number in holder.numbers}
    if any(known.get((n.kind, len(n.value)), n.value) != n.value for n in numbers):
        return True
    return bool(differences(holder.demographics, application.applicant.demographics))


def carried(ledger: Ledger, person: Person, offered: str | None, intake: Intake) -> Person:
    """The person, with the Health ID that she was given offline: as her own, or leading to the one that she has."""
    if offered is None or ledger.current(offered) is not None:
        return person
    ledger.use(offered)
    changed = replace(person, version=person.version + 1, updated_at=intake.at, updated_by=intake.source)
    if is_health_id(person.id):
        changed = replace(changed, replaces=(*person.replaces, offered))
        ledger.alias(offered, changed)
        return ledger.put(changed, also_under=(offered,), trace=intake.traceparent)
    # due at once: whoever asks about her at this moment asks under the former id, and would not put her back in time
    pending = person.pending and Pending(person.pending.attempts, intake.at)
    changed = replace(changed, id=offered, replaces=(*person.replaces, person.id), pending=pending)
    ledger.move(person, changed)
    return ledger.put(changed, registered=True, also_under=changed.replaces, trace=intake.traceparent)


def too_many(person: Person, application: Application) -> Outcome | None:
    """A refusal when a person is given one Health ID after the other."""
    if application.offered is None or len(person.replaces) < ALIASES_LIMIT:
        return None
    text = f"This person was given {ALIASES_LIMIT} Health IDs already. Send her with the one that she has."
    bangla = f"এই ব্যক্তিকে আগেই {ALIASES_LIMIT}টি হেলথ আইডি দেওয়া হয়েছে। তাঁর বর্তমান আইডি দিয়ে পাঠান।"
    issue = Issue(text, expression=application.applicant.uhid_expression, code="business-rule", text_bn=bangla)
    return refused("conflict", issue)
