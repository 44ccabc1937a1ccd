"""What people do at a real browser (Playwright), for tests."""

from __future__ import annotations

from typing import Any


async def signs_in_as_citizen(page: Any, portal: str, health_id: str) -> None:
    """Health ID, then the one-time code that the development provider shows."""
    await page.goto(f"{portal}/signin?next=/&lang=bn")
    await page.locator('input[name="health_id"]').fill(health_id)
    await page.locator('form[action*="/citizen"] button').click()
    code = await page.locator("#dev-code").inner_text()
    await page.locator('input[name="code"]').fill(code.strip())
    await page.locator('form[action*="/code"] button').click()
    await page.wait_for_url(f"{portal}/**")


async def signs_in_at_work(page: Any, portal: str, account: str, *, to: str) -> None:
    """A workplace account of the development provider."""
    await page.goto(f"{portal}/signin?next={to}")
    await page.locator('a[href*="/workplace"]').click()
    await page.locator(f'input[name="account"][value="{account}"]').check()
    await page.locator('form[action*="/workplace"] button').first.click()
    await page.wait_for_url(f"{portal}/**")
