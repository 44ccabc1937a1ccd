"""The whole way of one visit, over the public interfaces only: HTTP, Kafka, and the citizen's own pages."""

from __future__ import annotations

from shr_local.demo.story import World, tell


async def test_a_visit_becomes_part_of_the_record_and_its_citizen_decides_who_sees_it(world: World) -> None:
    told: list[tuple[str, str]] = []

    await tell(world, lambda happened, came_back, _where: told.append((happened, came_back)))

    answers = dict(told)
    assert "recorded" in answers["records answers on submission.answered.openmrs"]
    assert "ডা. নাজমুল করিম" in answers["she sees in Bangla who looked"]
    assert answers["she withdraws; the next read is refused"].startswith("403")
    assert len(told) == 12
