"""A registrar finds a duplicate, compares, merges with a reason, and undoes it, in a real browser without scripts."""

from __future__ import annotations

import re

from playwright.async_api import Page, expect
from shr_local.testing.browser import signs_in_at_work
from shr_local.testing.people import People
from shr_local.testing.twice import asks_for_another_name, case_about, comes_twice


async def test_a_registrar_finds_a_duplicate_merges_and_undoes_it(people: People, page: Page) -> None:
    first, second, nid = await comes_twice(people)
    case = await case_about(people, first, second)
    portal = people.stack.url("gateway")
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))

    # by her number, which stands in no address
    await signs_in_at_work(page, portal, "registrar", to="/registry")
    await page.goto(f"{portal}/registry?lang=bn")
    await page.locator("#number").fill(" ".join([nid[:4], nid[4:9], nid[9:]]))
    await page.get_by_role("button", name="খুঁজুন").click()
    await expect(page).to_have_url(re.compile(rf"/registry/person/{first}$"))
    assert nid in await page.locator("main").inner_text(), "a registrar sees the number whole"
    assert nid not in await page.title()

    # from the queue: take it, compare, decide with a reason, confirm
    await page.goto(f"{portal}/registry/reviews?kind=possible-duplicate")
    await page.locator(f'a[href="/registry/reviews/{case}"]').click()
    await page.get_by_role("button", name="আমি নিচ্ছি").click()
    await expect(page.get_by_role("status")).to_be_visible()
    both = await page.locator("main").inner_text()
    assert "সুলতানা রাজিয়া" in both
    assert "Fatema Begum" in both
    await page.locator(f'input[name="survivor"][value="{first}"]').check()
    await page.locator("#reason").fill("এনআইডি কার্ড ও জন্ম সনদ দেখেছি")
    await page.get_by_role("button", name="একই ব্যক্তি").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("একই ব্যক্তি: নিশ্চিত?")
    await page.get_by_role("button", name="হ্যাঁ, একই ব্যক্তি").click()
    await expect(page.get_by_role("status")).to_be_visible()
    assert "এনআইডি কার্ড ও জন্ম সনদ দেখেছি" in await page.locator("main").inner_text()

    # the retired id leads to her
    await page.goto(f"{portal}/registry/person/{second}")
    await expect(page).to_have_url(re.compile(rf"/registry/person/{first}\?from={second}$"))
    assert "এনআইডি কার্ড ও জন্ম সনদ দেখেছি" in await page.locator("main").inner_text(), "the history says why"

    # and undone: apart again
    await page.get_by_role("link", name="একীভবন বাতিল করুন").click()
    await page.locator("#reason").fill("দুই বোন; মা এসে জানিয়েছেন")
    await page.get_by_role("button", name="হ্যাঁ, একীভবন বাতিল করুন").click()
    await expect(page.get_by_role("status")).to_be_visible()
    await page.goto(f"{portal}/registry/person/{second}")
    await expect(page).to_have_url(f"{portal}/registry/person/{second}")
    assert "দুই বোন" in await page.locator("main").inner_text()
    assert not [url for url in seen if nid in url or nid[-10:] in url]


async def test_two_health_ids_are_compared_and_merged_by_hand(people: People, page: Page) -> None:
    first, second, _ = await comes_twice(people, name="Hasina Banu", name_bn="হাসিনা বানু")
    portal = people.stack.url("gateway")

    await signs_in_at_work(page, portal, "registrar", to="/registry")
    await page.goto(f"{portal}/registry/merges?lang=en")
    await page.locator("#survivor").fill(first)
    await page.locator("#retired").fill(f"{second[:-1]}{(int(second[-1]) + 1) % 10}")
    await page.get_by_role("button", name="See them side by side").click()
    await expect(page.locator("#retired-e")).to_be_visible()
    await page.locator("#retired").fill(f"{second[:3]} {second[3:7]} {second[7:]}")
    await page.get_by_role("button", name="See them side by side").click()
    await page.get_by_role("link", name="Swap: keep the other one").click()
    await page.locator("#reason").fill("Same card seen")
    await page.get_by_role("button", name="Yes, merge them").click()
    await expect(page).to_have_url(f"{portal}/registry/person/{second}?done=merge")

    # the other way round is refused in words, and nothing changes
    await page.goto(f"{portal}/registry/merges?survivor={first}&retired={second}")
    await page.locator("#reason").fill("Same card seen")
    await page.get_by_role("button", name="Yes, merge them").click()
    await expect(page.get_by_role("alert")).to_contain_text("was merged into")


async def test_a_reviewer_sees_masked_numbers_and_approves_a_change(people: People, page: Page) -> None:
    health_id, _, nid = await comes_twice(people, name="Monowara Begum", name_bn="মনোয়ারা বেগম")
    change = await asks_for_another_name(people, health_id, name="Monowara Sultana")
    portal = people.stack.url("gateway")

    await signs_in_at_work(page, portal, "reviewer", to="/registry/reviews")
    await page.goto(f"{portal}/registry/person/{health_id}?lang=en")
    told = await page.content()
    assert nid not in told
    assert nid[-3:] in told or "•" in told or "*" in told
    await page.goto(f"{portal}/registry/approvals")
    await page.locator(f'a[href="/registry/approvals/{change}"]').click()
    assert "Monowara Sultana" in await page.locator("main").inner_text()
    await page.locator("#reason").fill("Marriage certificate seen")
    await page.get_by_role("button", name="I approve this").click()
    await expect(page.get_by_role("status")).to_be_visible()
    await page.goto(f"{portal}/registry/person/{health_id}")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Monowara Sultana")


async def test_a_registrar_prints_a_card_and_notes_its_loss(people: People, page: Page) -> None:
    health_id, _, _ = await comes_twice(people, name="Jahanara Khatun", name_bn="জাহানারা খাতুন")
    portal = people.stack.url("gateway")

    await signs_in_at_work(page, portal, "registrar", to="/registry")
    printed = await page.request.get(f"{portal}/registry/person/{health_id}/card.pdf")
    assert printed.status == 200
    assert (await printed.body()).startswith(b"%PDF")
    assert printed.headers["cache-control"] == "private, no-store"
    await page.goto(f"{portal}/registry/person/{health_id}?lang=en")
    await page.locator("#status").select_option("lost")
    await page.get_by_role("button", name="Note it").click()
    await expect(page.get_by_role("status")).to_be_visible()
    assert "Lost" in await page.locator("main").inner_text()
    assert (await page.request.get(f"{portal}/registry/person/{health_id}/card.png")).status == 404
