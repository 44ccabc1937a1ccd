"""Consent is fresh only where a beat was heard lately and folded, on every partition."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from shr_gateway.domain.freshness import Beat, Pulse

AT = datetime(2026, 1, 1, tzinfo=UTC)


def pulse_of(*beats: tuple[int, int, float], partitions: int = 2) -> Pulse:
    """(partition, offset, heard at second)."""
    pulse = Pulse()
    pulse.expect(partitions)
    for partition, offset, heard in beats:
        pulse.hear(partition, Beat(AT + timedelta(seconds=heard), offset, heard))
    return pulse


def clock(pulse: Pulse, folded: dict[int, int], now: float) -> datetime | None:
    """With the limit of two seconds."""
    return pulse.clock(folded, now_s=now, limit_s=2.0)


def test_nobody_knows_before_the_first_beat() -> None:
    assert clock(Pulse(), {}, 0) is None
    assert clock(pulse_of(), {0: 9, 1: 9}, 0) is None


def test_all_partitions_have_to_beat() -> None:
    assert clock(pulse_of((0, 5, 10.0)), {0: 6, 1: 6}, 10.1) is None
    assert clock(pulse_of((0, 5, 10.0), (1, 5, 10.0)), {0: 6, 1: 6}, 10.1) is not None


def test_a_beat_counts_only_once_the_view_has_folded_it() -> None:
    pulse = pulse_of((0, 5, 10.0), (1, 5, 10.0))
    assert clock(pulse, {0: 6, 1: 5}, 10.1) is None
    assert clock(pulse, {0: 6}, 10.1) is None


def test_a_view_that_lags_is_judged_by_the_last_beat_that_it_has_folded() -> None:
    pulse = pulse_of((0, 5, 10.0), (0, 9, 13.0), (1, 5, 13.0))
    assert clock(pulse, {0: 6, 1: 6}, 13.0) is None
    assert clock(pulse, {0: 10, 1: 6}, 13.0) is not None


def test_silence_makes_stale_and_a_new_beat_fresh() -> None:
    pulse = pulse_of((0, 5, 10.0), (1, 5, 10.0))
    folded = {0: 100, 1: 100}
    assert clock(pulse, folded, 12.0) is not None
    assert clock(pulse, folded, 12.1) is None
    for partition in (0, 1):
        pulse.hear(partition, Beat(AT + timedelta(seconds=13), 6, 13.0))
    assert clock(pulse, folded, 13.1) is not None


def test_the_clock_is_that_of_consent_plus_our_own_time_since() -> None:
    pulse = pulse_of((0, 5, 10.0), (1, 5, 10.5), partitions=2)
    assert clock(pulse, {0: 6, 1: 6}, 11.0) == AT + timedelta(seconds=11)


def test_another_connection_forgets_what_was_heard() -> None:
    pulse = pulse_of((0, 5, 10.0), (1, 5, 10.0))
    pulse.expect(2)
    assert clock(pulse, {0: 6, 1: 6}, 10.1) is None
