"""Each view, with one, several and many GraphCrons, and as an exported file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.dashboard import graphcrons

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.dashboard.conftest import Place, Visit

pytestmark = pytest.mark.needs("browser")

FIRST = graphcrons.name_of(0)


def look_at_each_view(page: Page, number: int) -> None:
    """Expect all GraphCrons in all views; reach those outside the visible area with the keyboard."""
    last = max(map(graphcrons.name_of, range(number)))
    counted = re.compile(rf"^{number} GraphCrons?$")

    expect(page.get_by_text(counted)).to_be_visible()
    timeline = page.get_by_role("grid", name="GraphCrons and their runs")
    expect(timeline).to_have_attribute("aria-rowcount", str(number))
    timeline.get_by_role("row").filter(has_text=FIRST).focus()
    page.keyboard.press("End")
    expect(timeline.get_by_role("row").filter(has_text=last)).to_be_focused()
    assert timeline.get_by_role("row").count() < 100

    show(page, "Load")
    expect(page.get_by_role("region", name="Load").get_by_text("langgraph-0.agents.svc:2024").first).to_be_visible()

    show(page, "Cost")
    cost = page.get_by_role("region", name="Cost")
    expect(cost.get_by_text("Tokens by day")).to_be_visible()
    expect(cost.get_by_role("button", name=re.compile(rf"^({'|'.join(graphcrons.AREAS)})-")).first).to_be_visible()

    show(page, "Table")
    expect(page.get_by_text(counted)).to_be_visible()
    table = page.get_by_role("table", name="GraphCrons")
    for direction in ("ascending", "descending"):
        table.get_by_role("columnheader").first.get_by_role("button").click()
        expect(table.get_by_role("columnheader").first).to_have_attribute("aria-sort", direction)
    expect(table.get_by_role("row").nth(1)).to_contain_text(last)
    assert table.get_by_role("row").count() < 100


def show(page: Page, view: str) -> None:
    """Choose a view."""
    page.get_by_role("tab", name=view).or_(page.get_by_role("link", name=view)).click()


@pytest.mark.parametrize("number", [1, 30, 1000])
def test_each_view_shows_all_graphcrons(number: int, place: Place, visit: Visit) -> None:
    place.fill(number)
    look_at_each_view(visit(place.start().url), number)


def test_the_filter_and_the_groups_hold_for_all_views(place: Place, visit: Visit) -> None:
    place.fill(12)
    page = visit(place.start().url)
    page.get_by_role("searchbox").fill("team=docs")
    expect(page.get_by_text("2 GraphCrons", exact=True)).to_be_visible()
    show(page, "Table")
    expect(page.get_by_text("2 GraphCrons", exact=True)).to_be_visible()
    page.get_by_role("searchbox").fill("")
    show(page, "Timeline")
    for grouping, group in (
        ("namespace", place.namespace),
        ("server", "langgraph-1.agents.svc:2024"),
        ("team", "docs"),
    ):
        page.get_by_role("combobox", name="Group by").select_option(label=grouping)
        expect(page.locator(".row-group").filter(has_text=group).first).to_be_visible()


def test_an_exported_page_shows_the_same_without_a_server(place: Place, visit: Visit, tmp_path: Path) -> None:
    place.fill(30)
    file = tmp_path / "page.html"
    place.export(file)
    page = visit(file.as_uri())
    look_at_each_view(page, 30)
    page.get_by_role("table").get_by_role("row").filter(has_text=FIRST).click()
    detail = page.get_by_role("complementary", name=f"Details of {FIRST}")
    expect(detail.get_by_text("Succeeded", exact=True).first).to_be_visible()
    expect(detail.get_by_role("button", name="Run now")).to_have_count(0)
    assert FIRST in file.read_text()
