"""The breaker opens when the service is away, not when it refuses one number."""

from __future__ import annotations

from shr_healthid.verification.circuit import Circuit


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def circuit() -> tuple[Circuit, Clock]:
    clock = Clock()
    return Circuit(failures=3, pause_s=10, monotonic=clock), clock


def test_it_opens_after_failures_in_a_row_and_lets_one_probe_after_the_pause() -> None:
    breaker, clock = circuit()
    for _ in range(3):
        assert breaker.admits()
        breaker.failed("n", reached=False)
    assert not breaker.admits()
    clock.now = 11
    assert breaker.admits()
    assert not breaker.admits(), "one probe at a time"
    breaker.failed("n", reached=False)
    assert not breaker.admits()
    clock.now = 22
    assert breaker.admits()
    breaker.succeeded()
    assert breaker.admits()
    assert not breaker.is_open


def test_a_success_between_failures_forgives_them() -> None:
    breaker, _ = circuit()
    for _ in range(20):
        breaker.failed("n", reached=False)
        breaker.succeeded()
    assert breaker.admits()


def test_one_number_that_is_refused_again_and_again_opens_nothing() -> None:
    breaker, _ = circuit()
    for _ in range(100):
        breaker.failed("same", reached=True)
    assert breaker.admits()
    for n in range(12):
        breaker.failed(f"other {n}", reached=True)
    assert not breaker.admits()


def test_an_abandoned_probe_does_not_block_the_next() -> None:
    breaker, clock = circuit()
    for _ in range(3):
        breaker.failed("n", reached=False)
    clock.now = 11
    assert breaker.admits()
    breaker.abandoned()
    assert breaker.admits()
