"""``encounter.submitted``: headers become a Submission; what has no sender or no id goes to the dead letters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from shr_common.errors import malformed
from shr_common.identifiers import is_person_id
from shr_common.kafka import DeadLetters, Record

from shr_records.domain.submission import Submission, format_of, source_name
from shr_records.use_cases.record_submissions import RecordSubmissions

LONGEST_ID = 512


class EncounterSubmitted:
    """Deals with one batch of records."""

    def __init__(self, record: RecordSubmissions, dead_letters: DeadLetters, *, now: Callable[[], datetime]) -> None:
        self._record = record
        self._dead_letters = dead_letters
        self._now = now

    async def __call__(self, records: Sequence[Record]) -> None:
        """Every record is answered or buried when this returns; raises busy, unavailable, fault."""
        at = self._now()
        submissions = []
        for record in records:
            submission = submission_of(record, at)
            if submission is None:
                reason = f"ce_id and ce_source are needed (at most {LONGEST_ID} characters): nobody could be answered."
                await self._dead_letters.bury(record, malformed(reason))
            else:
                submissions.append(submission)
        if submissions:
            await self._record(submissions, at=at)


def submission_of(record: Record, at: datetime) -> Submission | None:
    """The submission of a record, or None if nobody could be answered."""
    sender, name = record.id, record.source
    if not sender or not name or len(sender) > LONGEST_ID or len(name) > LONGEST_ID:
        return None
    return Submission(
        source=source_name(name),
        body=record.value,
        received_at=at,
        format=format_of(record.type),
        id=sender,
        key=record.key if record.key and is_person_id(record.key) else None,
        by_topic=True,
        traceparent=record.traceparent,
    )
