"""Merge two persons who are one, and undo it. Nothing moves: each side stays as it is, and a link says who answers.

Rules, each with its answer:
- Both are registered, and they are two. Mother and child (one the other's guardian) are never one.
- Who has a Health ID is never retired into somebody who has none; a number under verification is waited for.
- The survivor is not retired herself: whoever was merged into somebody answers as that person, so a cycle cannot be.
- Who is retired may have absorbed others: the chain B → A → C holds, at most ``DEPTH_LIMIT`` links long, and each
  link is undone by itself, in any order.
- The same merge again changes nothing; the other way round, or undone twice, is a conflict.

What comes in under the retired id while merged is written to the retired side (``registration``), so undoing the merge
gives each side back with all that came in for it meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from shr_common.errors import Issue

from shr_healthid.domain.ledger import Intake, Ledger, Merged
from shr_healthid.domain.outcomes import Outcome, refused
from shr_healthid.domain.person import Change, Pending, Person

DEPTH_LIMIT = 4
"""Links from the deepest retired person to the one who answers. Other services follow 8 at least."""
FAMILY_LIMIT = 50
"""Persons who are one by merges."""
UNKNOWN = ("No person has this id.", "এই আইডির কোনো ব্যক্তি নেই।")


@dataclass(frozen=True, slots=True)
class Places:
    """Where a request names the two."""

    survivor: str = "Parameters.parameter.where(name='survivor').value"
    retired: str = "Parameters.parameter.where(name='retired').value"


@dataclass(frozen=True, slots=True)
class Pair:
    """The two ids as they were sent, and where."""

    survivor: str
    retired: str
    at: Places = Places()


def merged_into(ledger: Ledger, person: Person, *, expression: str | None = None) -> Issue:
    """Why a retired person cannot be changed or merged: the answer names who answers for her."""
    root = ledger.root(person)
    return Issue(
        f"{person.id} was merged into {root.id}. Use {root.id}, or undo the merge first.",
        expression=expression,
        code="conflict",
        text_bn=f"{person.id} একীভূত হয়েছে {root.id}-এর সঙ্গে। {root.id} ব্যবহার করুন, অথবা আগে একীভবন বাতিল করুন।",
    )


def merge(ledger: Ledger, pair: Pair, intake: Intake, change: Change) -> Outcome:
    """The survivor answers for the retired one from now on. Outcome existing with the survivor, else a refusal."""
    survivor, retired = ledger.current(pair.survivor), ledger.current(pair.retired)
    if survivor is None or retired is None:
        return _unknown(pair.at.survivor if survivor is None else pair.at.retired)
    if retired.survivor is not None and ledger.current(retired.survivor) is survivor:
        return Outcome("existing", survivor)
    refusal = _refusal(ledger, survivor, retired, pair.at)
    if refusal is not None:
        return refusal
    return Outcome("existing", _link(ledger, survivor, retired, intake, change, undone=False)[0])


def unmerge(ledger: Ledger, pair: Pair, intake: Intake, change: Change) -> tuple[Outcome, Person | None]:
    """Each answers for herself again. The outcome has the survivor; beside it the other one."""
    survivor, retired = ledger.current(pair.survivor), ledger.current(pair.retired)
    if survivor is None or retired is None:
        return _unknown(pair.at.survivor if survivor is None else pair.at.retired), None
    into = ledger.current(retired.survivor) if retired.survivor is not None else None
    if into is None:
        text = f"{retired.id} is not merged into anybody: there is nothing to undo."
        bangla = f"{retired.id} কারও সঙ্গে একীভূত নয়: বাতিল করার কিছু নেই।"
        return refused("conflict", Issue(text, expression=pair.at.retired, code="conflict", text_bn=bangla)), None
    if into.id != survivor.id:
        text = f"{retired.id} was merged into {into.id}, not into {survivor.id}: undo that merge."
        bangla = f"{retired.id} একীভূত হয়েছে {into.id}-এর সঙ্গে, {survivor.id}-এর সঙ্গে নয়: সেটি বাতিল করুন।"
        return refused("conflict", Issue(text, expression=pair.at.survivor, code="conflict", text_bn=bangla)), None
    first, second = _link(ledger, survivor, retired, intake, change, undone=True)
    return Outcome("existing", first), second


def _link(
    ledger: Ledger, survivor: Person, retired: Person, intake: Intake, change: Change, *, undone: bool
) -> tuple[Person, Person]:
    """Set or take away the link on both sides, and tell it. Never earlier than what was told before."""
    at = max(intake.at, survivor.updated_at, retired.updated_at)
    others = tuple(one for one in survivor.absorbed if (p := ledger.current(one)) is not None and p.id != retired.id)
    first = replace(
        survivor,
        version=survivor.version + 1,
        absorbed=others if undone else (*others, retired.id),
        updated_at=at,
        updated_by=intake.source,
        change=change,
    )
    second = replace(
        retired,
        version=retired.version + 1,
        survivor=None if undone else survivor.id,
        pending=_due(retired, intake) if undone else None,
        updated_at=at,
        updated_by=intake.source,
        change=change,
    )
    ledger.put(second, trace=intake.traceparent)
    ledger.put(first, trace=intake.traceparent)
    ledger.merges.append(
        Merged(first.id, second.id, undone, second.version, second.key, at, change.by, intake.traceparent)
    )
    if undone:
        ledger.tell_apart([first, second])
    return first, second


def _due(person: Person, intake: Intake) -> Pending | None:
    """A provisional person whose number was proven while she was merged gets her own Health ID after all."""
    proven = any(number.verified for number in person.numbers)
    return Pending(0, intake.at) if proven and not person.is_active else None


def _refusal(ledger: Ledger, survivor: Person, retired: Person, at: Places) -> Outcome | None:
    if survivor.id == retired.id:
        text = "Both ids are this one person's: a person cannot be merged with herself."
        return _invalid(text, "দুটি আইডি একই ব্যক্তির: কাউকে নিজের সঙ্গে একীভূত করা যায় না।", at.retired)
    if retired.is_retired:
        return refused("conflict", merged_into(ledger, retired, expression=at.retired))
    if survivor.is_retired:
        return refused("conflict", merged_into(ledger, survivor, expression=at.survivor))
    if survivor.id in _guardians(ledger, retired) or retired.id in _guardians(ledger, survivor):
        text = "One is the other's guardian: they are two persons. End the guardianship first if that is wrong."
        return _invalid(text, "একজন অন্যজনের অভিভাবক: তাঁরা দুজন ব্যক্তি। ভুল হলে আগে অভিভাবকত্ব শেষ করুন।", at.retired)
    if retired.is_active and not survivor.is_active:
        text = "The survivor has no Health ID yet, and the other one has: merge them the other way round."
        return _invalid(text, "যিনি থাকবেন তাঁর হেলথ আইডি নেই, অন্যজনের আছে: উল্টো দিকে একীভূত করুন।", at.survivor)
    if retired.pending is not None:
        text = "Her number is still being verified; that may show by itself who she is. Merge when it is settled."
        bangla = "তাঁর নম্বর এখনো যাচাই হচ্ছে; তাতেই জানা যেতে পারে তিনি কে। যাচাই শেষ হলে একীভূত করুন।"
        return refused("conflict", Issue(text, expression=at.retired, code="conflict", text_bn=bangla))
    if _height(ledger, retired) >= DEPTH_LIMIT:
        text = f"The chain of merges would be longer than {DEPTH_LIMIT}. Merge those below directly."
        bangla = f"একীভবনের ধারা {DEPTH_LIMIT}-এর বেশি হবে। নিচের জনদের সরাসরি একীভূত করুন।"
        return refused("conflict", Issue(text, expression=at.retired, code="business-rule", text_bn=bangla))
    if len(ledger.family(retired)) + len(ledger.family(survivor)) > FAMILY_LIMIT:
        text = f"At most {FAMILY_LIMIT} ids can be one person's."
        bangla = f"একজনের সর্বোচ্চ {FAMILY_LIMIT}টি আইডি হতে পারে।"
        return refused("conflict", Issue(text, expression=at.retired, code="business-rule", text_bn=bangla))
    return None


def _guardians(ledger: Ledger, person: Person) -> set[str]:
    named = [one for side in ledger.family(person) for one in side.guardians]
    return {one if (p := ledger.current(one)) is None else ledger.root(p).id for one in named}


def _height(ledger: Ledger, person: Person) -> int:
    """Links below a person; the depth that is allowed bounds the recursion."""
    below = [p for id_ in person.absorbed if (p := ledger.current(id_)) is not None]
    return 1 + max(_height(ledger, p) for p in below) if below else 0


def _unknown(expression: str) -> Outcome:
    text, bangla = UNKNOWN
    return refused("invalid", Issue(text, expression=expression, code="not-found", text_bn=bangla))


def _invalid(text: str, bangla: str, expression: str) -> Outcome:
    return refused("invalid", Issue(text, expression=expression, code="business-rule", text_bn=bangla))
