"""A reviewer decides a case: the two are one person, or they are not. Once.

*Same* with two persons merges them in the same unit of work. *Same* about a provisional person whom the national
service knows by other data says that the number is hers all the same: she gets her Health ID. In all other cases
one side is what somebody sent, and the decision is kept for him to act on. *Different* is remembered for the pair,
whatever would ask about it next.
"""

from __future__ import annotations

from dataclasses import replace

from shr_common.errors import Issue
from shr_contracts.cloudevents import rfc3339

from shr_healthid.domain.cases import DECIDED, OPEN, SAME, Actor, Case, Decision
from shr_healthid.domain.joining import promote
from shr_healthid.domain.ledger import Intake, Ledger
from shr_healthid.domain.merging import Pair, Places, merge
from shr_healthid.domain.outcomes import Outcome, refused
from shr_healthid.domain.person import Change, Number, Person

AT = Places(survivor="survivor", retired="persons")
_HER_NUMBER = frozenset({"verification-contradicted", "verification-mismatch"})


def assign(ledger: Ledger, case_id: str, actor: Actor, *, to: str, take_over: bool) -> tuple[Outcome, Case | None]:
    """Somebody takes a case. Who has one already keeps it, unless it is taken over."""
    case = ledger.cases.get(case_id)
    if case is None:
        return Outcome("unknown"), None
    if case.status != OPEN:
        return _decided_already(case), None
    if case.assigned not in (None, to) and not (take_over or case.assigned == actor.id):
        text = f"{case.assigned} has taken this case. Send take_over: true to take it all the same."
        bangla = f"{case.assigned} এটি নিয়েছেন। তবু নিতে চাইলে take_over: true পাঠান।"
        return refused("conflict", Issue(text, expression="to", code="conflict", text_bn=bangla)), None
    return Outcome("existing"), ledger.put_case(replace(case, assigned=to))


def decide(ledger: Ledger, case_id: str, decision: Decision, intake: Intake) -> tuple[Outcome, Case | None]:
    """Decide a case and do what follows from it."""
    case = ledger.cases.get(case_id)
    if case is None:
        return Outcome("unknown"), None
    if case.status != OPEN:
        return _decided_already(case), None
    named = ledger.distinct(p for id_ in case.persons if (p := ledger.current(id_)) is not None)
    sides = [ledger.root(person) for person in named]
    outcome = Outcome("existing")
    if decision.verdict == SAME:
        outcome = _same(ledger, case, sides, decision, intake)
    elif len(sides) > 1:
        ledger.tell_apart(named)
        ledger.tell_apart(sides)
    if outcome.issue is not None:
        return outcome, None
    return outcome, ledger.put_case(replace(case, status=DECIDED, decision=decision))


def _same(ledger: Ledger, case: Case, sides: list[Person], decision: Decision, intake: Intake) -> Outcome:
    change = Change("merge", decision.by.id, decision.by.role, decision.reason)
    if len(sides) < 2:
        if sides and case.kind in _HER_NUMBER and not sides[0].is_active and not sides[0].is_retired:
            return _her_number(ledger, sides[0], replace(change, action="verify"), intake)
        return Outcome("existing", sides[0] if sides else None)
    survivor = ledger.current(decision.survivor or "")
    survivor = survivor and ledger.root(survivor)
    if survivor is None or survivor.id not in {side.id for side in sides}:
        named = ", ".join(side.id for side in sides)
        text = f"Say who survives: one of {named}."
        return refused("invalid", Issue(text, expression=AT.survivor, code="value",
                                        text_bn=f"কে থাকবেন বলুন: {named}-এর একজন।"))  # fmt: skip
    for side in sides:
        if side.id != survivor.id:
            outcome = merge(ledger, Pair(survivor.id, side.id, AT), intake, change)
            if outcome.issue is not None:
                return outcome
    return Outcome("existing", ledger.current(survivor.id))


def _her_number(ledger: Ledger, person: Person, change: Change, intake: Intake) -> Outcome:
    """A provisional person's number is hers, spelled otherwise at the national service: her Health ID."""
    if any(owner.id != person.id for owner in ledger.owners_of(number.hash for number in person.numbers)):
        text = "The number is another person's by proof. Merge the two if they are one person."
        bangla = "নম্বরটি প্রমাণিতভাবে অন্য একজনের। তাঁরা একই ব্যক্তি হলে একীভূত করুন।"
        return refused("conflict", Issue(text, expression="decision", code="conflict", text_bn=bangla))
    proven = [Number(n.kind, n.value, n.hash, verified=True, senders=n.senders) for n in person.numbers]
    return Outcome("created", promote(ledger, person, proven, intake, change=change))


def _decided_already(case: Case) -> Outcome:
    made = case.decision
    by = f" by {made.by.id} at {rfc3339(made.at)}: {made.verdict}" if made else ""
    text = f"This case was decided already{by}."
    bangla = f"এটির সিদ্ধান্ত আগেই হয়েছে{f' ({made.by.id})' if made else ''}।"
    return refused("conflict", Issue(text, expression="decision", code="conflict", text_bn=bangla))
