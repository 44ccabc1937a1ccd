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

SHOTS = WORKING_COPY / ".shr" / "screenshots"
SERIOUS = {"serious", "critical"}
WHOLE: dict = {}
CONTRAST = {"runOnly": ["color-contrast"]}
"""What a dark page can have that its light one has not."""


@dataclass
class Cast:
    """Signed-in states of a citizen, a doctor and an administrator, and the citizen's Health ID."""

    health_id: str
    request: str
    consent: str
    states: dict[str, object]


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
        portal = stack.url("gateway")
        states: dict[str, object] = {"anonymous": None}
        for role, enter in {
            "citizen": lambda page: signs_in_as_citizen(page, portal, health_id),
            "doctor": lambda page: signs_in_at_work(page, portal, "nazmul", to="/clinic"),
            "administrator": lambda page: signs_in_at_work(page, portal, "administrator", to="/admin"),
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
        yield Cast(health_id, asked.json()["id"], consent, states)


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
        where = stack.url("gateway", path.format(**vars(cast)))
        answer = await page.goto(f"{where}?lang={lang}")
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
