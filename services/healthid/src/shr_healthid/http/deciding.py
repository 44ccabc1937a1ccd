"""What routes of decisions have in common: who decides, a verdict with its reason, cursors of pages, audit entries."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from fastapi import Request
from shr_common.errors import Issue, ShrError, invalid, malformed
from shr_common.security import Caller
from shr_common.telemetry import traceparent

from shr_healthid.domain.cases import REASON_CHARACTERS_LIMIT, Actor, Decision
from shr_healthid.domain.ledger import Intake
from shr_healthid.http.callers import source_of

CURSOR_CHARACTERS_LIMIT = 300


def actor_of(caller: Caller) -> Actor:
    """Who acts: the id that an audit entry names."""
    return Actor(caller.id, caller.role)


def intake_of(caller: Caller, at: datetime) -> Intake:
    """Who changes something at this moment; not a registration."""
    return Intake(
        id="", digest="", source=source_of(caller), facility=caller.facility, channel="http", at=at,
        traceparent=traceparent(),
    )  # fmt: skip


def reason_of(tree: Mapping[str, Any], *, required: bool = False) -> str | None:
    """The reason in a body. Raises invalid for one that is no text, or too long."""
    reason = tree.get("reason")
    if reason is not None and (not isinstance(reason, str) or len(reason) > REASON_CHARACTERS_LIMIT):
        raise invalid(f"reason is a text of {REASON_CHARACTERS_LIMIT} characters at most.", expression="reason",
                      code="value", text_bn=f"reason সর্বোচ্চ {REASON_CHARACTERS_LIMIT} অক্ষরের লেখা।")  # fmt: skip
    reason = (reason or "").strip()
    if required and not reason:
        raise invalid("Say why, in reason.", expression="reason", code="required", text_bn="কারণ লিখুন (reason)।")
    return reason or None


def decision_of(
    tree: Mapping[str, Any], caller: Caller, at: datetime, *, verdicts: Collection[str], reasoned: str
) -> Decision:
    """The decision in a body; ``reasoned`` is the verdict that needs a reason. Raises invalid, located."""
    verdict, survivor = tree.get("decision"), tree.get("survivor")
    if not isinstance(verdict, str) or verdict not in verdicts:
        raise invalid(f"decision is {' or '.join(verdicts)}.", expression="decision", code="value",
                      text_bn=f"decision হবে {' অথবা '.join(verdicts)}।")  # fmt: skip
    if survivor is not None and not isinstance(survivor, str):
        raise invalid("survivor is the id of a person.", expression="survivor", code="value",
                      text_bn="survivor একজন ব্যক্তির আইডি।")  # fmt: skip
    reason = reason_of(tree, required=verdict == reasoned)
    named = survivor.rpartition("/")[2] if survivor else None
    return Decision(verdict, actor_of(caller), at, reason, named)


def cursor(*place: Any) -> str:
    """Where a page ended, as text that only we read."""
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode().rstrip("=")


def place_of(request: Request, *kinds: type) -> list[Any] | None:
    """The place of ``?next=``; moments as datetime. Raises malformed."""
    sent = request.query_params.get("next")
    if not sent:
        return None
    try:
        if len(sent) > CURSOR_CHARACTERS_LIMIT:
            raise ValueError("too long")
        read = orjson.loads(base64.urlsafe_b64decode(sent + "=" * (-len(sent) % 4)))
        if not isinstance(read, list) or len(read) != len(kinds):
            raise ValueError("no place")
        return [_as(kind, value) for kind, value in zip(kinds, read, strict=True)]
    except (ValueError, OverflowError, binascii.Error):
        raise ShrError(
            malformed("").category,
            Issue("This is no cursor of ours: follow next as it came.", expression="next", code="value",
                  text_bn="এই next আমাদের নয়: যেমন এসেছে তেমনই ব্যবহার করুন।"),
            detail="bad-request",
        ) from None  # fmt: skip


def page_size(request: Request, *, usual: int, most: int) -> int:
    """How many entries: ``?count=`` within limits."""
    sent = request.query_params.get("count", "")
    if not sent:
        return usual
    if not (sent.isascii() and sent.isdigit() and len(sent) < 6 and int(sent) > 0):
        raise invalid("count is a number from 1 on.", expression="count", code="value",
                      text_bn="count ১ বা তার বেশি একটি সংখ্যা।")  # fmt: skip
    return min(int(sent), most)


def _as(kind: type, value: Any) -> Any:
    if kind is datetime:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        if moment is None or moment.tzinfo is None:
            raise ValueError("no moment")
        return moment.astimezone(UTC)
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    if kind is str and isinstance(value, str):
        return value
    raise ValueError("no place")
