"""The page with the keyboard alone, and the findings of axe-core."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.cluster import ROOT
from tests.dashboard import graphcrons

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.dashboard.conftest import Place, Visit

pytestmark = pytest.mark.needs("browser")

AXE = ROOT / "tests/docs/node_modules/axe-core/axe.min.js"
SERIOUS = {"serious", "critical"}
VIEWS = ("timeline", "load", "cost", "table")


def findings(page: Page) -> list[str]:
    """Return the findings of axe-core that prevent people from using the page, with their elements."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    found: Any = page.evaluate("axe.run({resultTypes: ['violations'], preload: false})")
    return [
        f"{each['id']}: {node['html']} {node['failureSummary']}"
        for each in found["violations"]
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]


@pytest.mark.needs("node")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(theme: str, place: Place, visit: Visit) -> None:
    place.fill(30)
    dashboard = place.start()
    page = visit(dashboard.url, color_scheme=theme)
    expect(page.get_by_text(graphcrons.name_of(0)).first).to_be_visible()
    found = {}
    for view in VIEWS:
        page.goto(f"{dashboard.origin}/#{view}")
        expect(page.get_by_role("region", name=view.capitalize())).to_be_visible()
        found[view] = findings(page)
    page.goto(f"{dashboard.origin}/#timeline/{place.namespace}/{graphcrons.name_of(0)}")
    run_now = page.get_by_role("button", name="Run now")
    expect(run_now).to_be_enabled()
    found["details"] = findings(page)
    run_now.click()
    expect(page.get_by_role("dialog")).to_contain_text("kubectl graphcron run")
    found["dialog"] = findings(page)
    assert {where: what for where, what in found.items() if what} == {}


def test_all_is_done_by_keyboard(place: Place, visit: Visit) -> None:
    place.fill(3)
    page = visit(place.start().url)
    names = sorted(map(graphcrons.name_of, range(3)))
    expect(page.get_by_text(names[0]).first).to_be_visible()

    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("Escape")

    tab_to(page, f"[role=row]:has-text('{names[0]}')")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("row").filter(has_text=names[1])).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("complementary", name=f"Details of {names[1]}")).to_be_visible()
    expect(page.get_by_role("button", name="Suspend")).to_be_enabled()
    tab_to(page, "button:has-text('Suspend')")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"kubectl graphcron suspend {names[1]}")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.get_by_role("row").filter(has_text=names[1])).to_be_focused()


def tab_to(page: Page, selector: str) -> None:
    """Press the Tab key until an element has the focus, and check that the focus is visible."""
    wanted = page.locator(selector).first
    for _ in range(40):
        page.keyboard.press("Tab")
        if wanted.evaluate("(each) => each === document.activeElement"):
            style: Any = wanted.evaluate(
                "(each) => [getComputedStyle(each).outlineStyle, getComputedStyle(each).boxShadow]"
            )
            assert style != ["none", "none"], f"{selector} does not show its focus"
            return
    raise AssertionError(f"the Tab key does not reach {selector}")
