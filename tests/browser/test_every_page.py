"""Every page, in both languages, on a phone and on a desk, in light and dark: readable, usable, no serious violation.

Screenshots are kept under ``.shr/screenshots`` for people to look at.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page
from shr_common.testing import eventually
from shr_local.paths import WORKING_COPY
from shr_local.testing.browser import signs_in_as_citizen, signs_in_at_work
from shr_local.testing.people import People, a_bundle, an_observation, until
from shr_local.testing.twice import asks_for_another_name, case_about, comes_twice

SHOTS = WORKING_COPY / ".shr" / "screenshots"
SERIOUS = {"serious", "critical"}
WHOLE: dict = {}
CONTRAST = {"runOnly": ["color-contrast"]}
"""What a dark page can have that its light one has not."""


@dataclass
class Cast:
    """Signed-in states of everybody who has pages, and the ids that their pages are about."""

    health_id: str
    request: str
    consent: str
    states: dict[str, object]
    twice: tuple[str, str]
    case: str
    change: str

    def filled(self, path: str) -> str:
        """A path with the ids of this cast."""
        return path.format(**vars(self), first=self.twice[0], second=self.twice[1])


@pytest.fixture(scope="module")
async def cast(browser: Browser, stack) -> AsyncIterator[Cast]:
    import httpx

    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        people = People(stack, client)
        health_id = await people.registers()
        await people.records(a_bundle(an_observation(health_id), an_observation(health_id, value="142")))
        consent = await people.allows(health_id)
        await until(lambda: people.reads(health_id, people.doctor()), lambda a: a.status_code == 200)
        asked = await until(lambda: people.asks(health_id, practitioner="20000001"), lambda a: a.status_code == 201)
        *twice, _ = await comes_twice(people, other="Sultana Rajia Begum")
        case = await case_about(people, *twice)
        change = await asks_for_another_name(people, twice[0])
        portal = stack.url("gateway")
        states: dict[str, object] = {"anonymous": None}
        for role, enter in {
            "citizen": lambda page: signs_in_as_citizen(page, portal, health_id),
            "doctor": lambda page: signs_in_at_work(page, portal, "nazmul", to="/clinic"),
            "administrator": lambda page: signs_in_at_work(page, portal, "administrator", to="/admin"),
            "registrar": lambda page: signs_in_at_work(page, portal, "registrar", to="/registry"),
            "reviewer": lambda page: signs_in_at_work(page, portal, "reviewer", to="/registry/reviews"),
        }.items():
            context = await browser.new_context()
            page = await context.new_page()
            await enter(page)
            states[role] = await context.storage_state()
            await context.close()

        async def looked() -> bool:
            log = await client.get(
                stack.url("consent", f"/access-log?patient={health_id}"), headers=people.citizen(health_id)
            )
            return "practitioner" in log.text

        await eventually(looked, within_s=15, what="the doctor's look in the log")
        yield Cast(health_id, asked.json()["id"], consent, states, (twice[0], twice[1]), case, change)


PAGES = {
    "landing": ("anonymous", "/"),
    "citizen-home": ("citizen", "/"),
    "citizen-permissions": ("citizen", "/me/permissions"),
    "citizen-request": ("citizen", "/me/permissions/{request}"),
    "citizen-withdraw": ("citizen", "/me/permissions/{consent}/withdraw"),
    "citizen-access": ("citizen", "/me/access"),
    "doctor-find": ("doctor", "/clinic"),
    "doctor-summary": ("doctor", "/clinic/{health_id}"),
    "doctor-ask": ("doctor", "/clinic/{health_id}/ask"),
    "admin-flows": ("administrator", "/admin"),
    "admin-counters-day": ("administrator", "/admin/counters"),
    "admin-counters-district": ("administrator", "/admin/counters?by=district"),
    "registry-find": ("registrar", "/registry"),
    "registry-person": ("registrar", "/registry/person/{first}"),
    "registry-person-reviewer": ("reviewer", "/registry/person/{second}"),
    "registry-reviews": ("reviewer", "/registry/reviews"),
    "registry-review": ("registrar", "/registry/reviews/{case}"),
    "registry-merge-form": ("registrar", "/registry/merges"),
    "registry-merge": ("registrar", "/registry/merges?survivor={first}&retired={second}"),
    "registry-merge-undo": ("registrar", "/registry/merges/undo?survivor={first}&retired={second}"),
    "registry-approvals": ("reviewer", "/registry/approvals"),
    "registry-approval": ("reviewer", "/registry/approvals/{change}"),
}


@pytest.mark.parametrize("lang", ["bn", "en"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", PAGES)
async def test_a_page_is_whole_and_accessible(
    browser: Browser, stack, cast: Cast, name: str, width: int, lang: str
) -> None:
    role, path = PAGES[name]
    for scheme in ("light", "dark"):
        context = await browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, storage_state=cast.states[role],
            bypass_csp=True,  # for axe, which is put into the page
        )  # fmt: skip
        page = await context.new_page()
        where = stack.url("gateway", cast.filled(path))
        answer = await page.goto(f"{where}{'&' if '?' in where else '?'}lang={lang}")
        assert answer is not None and answer.status == 200
        SHOTS.mkdir(parents=True, exist_ok=True)
        await page.screenshot(
            path=SHOTS / f"{name}.{lang}.{width}{'.dark' if scheme == 'dark' else ''}.png", full_page=True
        )
        await _is_whole(page, lang, width)
        found = await Axe().run(page, options=WHOLE if scheme == "light" else CONTRAST)
        serious = [v for v in found.response["violations"] if v["impact"] in SERIOUS]
        assert not serious, [(v["id"], [node["html"][:200] for node in v["nodes"]]) for v in serious]
        await context.close()


async def _is_whole(page: Page, lang: str, width: int) -> None:
    assert await page.locator("html").get_attribute("lang") == lang
    assert await page.locator("h1").count() == 1
    assert await page.locator("main").count() == 1
    overflow = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0, f"{overflow} px wider than {width}"


async def test_the_citizens_pages_are_usable_by_keyboard_alone(browser: Browser, stack, cast: Cast) -> None:
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, storage_state=cast.states["citizen"])
    page = await context.new_page()
    await page.goto(stack.url("gateway", f"/me/permissions/{cast.request}?lang=en"))

    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.getAttribute('href')") == "#main"
    for _ in range(40):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.value") == "grant":
            break

    assert await page.evaluate("document.activeElement.textContent") == "Yes, I allow this"
    await context.close()


POSTED = {
    "registry-found": ("/registry", {"name": "Sultana"}),
    "registry-nobody": ("/registry", {"number": "12345"}),
    "registry-review-confirm": (
        "/registry/reviews/{case}",
        {"decision": "same", "survivor": "{first}", "reason": "এক কার্ড"},
    ),
}


@pytest.mark.parametrize("lang", ["bn", "en"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", POSTED)
async def test_what_a_form_answers_is_whole_and_accessible(
    browser: Browser, stack, cast: Cast, name: str, width: int, lang: str
) -> None:
    path, fields = POSTED[name]
    for scheme in ("light", "dark"):
        context = await browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, storage_state=cast.states["registrar"],
            bypass_csp=True,
        )  # fmt: skip
        page = await context.new_page()
        await page.goto(stack.url("gateway", f"{cast.filled(path)}?lang={lang}"))
        form = page.locator("main form").last if "reviews" in path else page.locator("main form").first
        for field, value in fields.items():
            if field == "decision":
                continue
            inputs = form.locator(f'[name="{field}"]')
            if field == "survivor":
                await form.locator(f'[name="survivor"][value="{cast.filled(value)}"]').check()
            else:
                await inputs.fill(value)
        await form.locator("button").first.click()
        await page.wait_for_load_state()
        await page.screenshot(
            path=SHOTS / f"{name}.{lang}.{width}{'.dark' if scheme == 'dark' else ''}.png", full_page=True
        )
        await _is_whole(page, lang, width)
        found = await Axe().run(page, options=WHOLE if scheme == "light" else CONTRAST)
        serious = [v for v in found.response["violations"] if v["impact"] in SERIOUS]
        assert not serious, [(v["id"], [node["html"][:200] for node in v["nodes"]]) for v in serious]
        await context.close()


async def test_a_registrar_decides_by_keyboard_alone(browser: Browser, stack, cast: Cast) -> None:
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, storage_state=cast.states["registrar"])
    page = await context.new_page()
    await page.goto(stack.url("gateway", f"/registry/reviews/{cast.case}?lang=en"))
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.name") == "reason":
            break
    await page.keyboard.type("Two sisters, both seen")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.wait_for_load_state()

    assert await page.locator("h1").inner_text() == "Different people: are you sure?"
    await context.close()
