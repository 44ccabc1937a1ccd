"""The citizen decides in her own page, in a real browser on a small screen, without scripts."""

from __future__ import annotations

from playwright.async_api import Page, expect
from shr_common.testing import eventually
from shr_local.testing.browser import signs_in_as_citizen
from shr_local.testing.people import People, a_bundle, an_observation, until


async def test_she_allows_narrower_sees_who_looked_and_withdraws(people: People, page: Page) -> None:
    health_id = await people.registers()
    await people.records(a_bundle(an_observation(health_id)))
    await until(
        lambda: people.asks(health_id, record_types=["Observation", "Condition"]), lambda a: a.status_code == 201
    )
    portal = people.stack.url("gateway")

    await signs_in_as_citizen(page, portal, health_id)
    await page.goto(f"{portal}/me/permissions?lang=bn")
    await page.get_by_role("link", name="দেখে সিদ্ধান্ত নিন").first.click()
    await page.locator('input[name="record_types"][value="Condition"]').uncheck()
    await page.get_by_role("button", name="হ্যাঁ, অনুমতি দিচ্ছি").click()
    await expect(page.get_by_role("status")).to_be_visible()

    read = await until(lambda: people.reads(health_id, people.doctor()), lambda a: a.status_code == 200)
    assert len(read.json()["sections"]["results"]) == 1

    async def looked() -> bool:
        await page.goto(f"{portal}/me/access?lang=bn")
        return "ডা. নাজমুল করিম" in await page.locator("main").inner_text()

    await eventually(looked, within_s=15, what="the look in her list")
    await page.goto(f"{portal}/me/permissions?lang=bn")
    await page.get_by_role("link", name="অনুমতি তুলে নিন").click()
    await page.get_by_role("button", name="অনুমতি তুলে নিন").click()
    await expect(page.get_by_role("status")).to_be_visible()
    await until(lambda: people.reads(health_id, people.doctor()), lambda a: a.status_code == 403, within_s=2)


async def test_no_weighs_the_same_and_nothing_is_shown(people: People, page: Page) -> None:
    health_id = await people.registers()
    await until(lambda: people.asks(health_id), lambda a: a.status_code == 201)
    portal = people.stack.url("gateway")

    await signs_in_as_citizen(page, portal, health_id)
    await page.goto(f"{portal}/me/permissions?lang=bn")
    await page.get_by_role("link", name="দেখে সিদ্ধান্ত নিন").first.click()
    await page.get_by_role("button", name="না, অনুমতি দিচ্ছি না").click()
    await expect(page.get_by_role("status")).to_be_visible()

    assert (await people.reads(health_id, people.doctor())).status_code == 403


async def test_another_citizens_request_cannot_be_opened(people: People, page: Page) -> None:
    hers, other = await people.registers(), await people.registers()
    asked = await until(lambda: people.asks(hers), lambda a: a.status_code == 201)
    portal = people.stack.url("gateway")

    await signs_in_as_citizen(page, portal, other)
    answer = await page.goto(f"{portal}/me/permissions/{asked.json()['id']}")

    assert answer is not None and answer.status == 404
