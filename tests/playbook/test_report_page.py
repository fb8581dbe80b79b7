# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the report in a real browser: it works, it fits, and it loads nothing.

The picture in docs is written with `pytest --write-picture tests/playbook/test_report_page.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.demo.sample import account, sample, store_info
from ansible_collections.rpaops.uipath.plugins.plugin_utils._report.page import FIRST_ROWS, html_page
from ansible_collections.rpaops.uipath.tests.playbook.browser import FOUND, NAMES, Browser, Tab
from ansible_collections.rpaops.uipath.tests.playbook.playbook import ROOT
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._report.test_page import MARKUP, TEXTS

pytestmark = pytest.mark.skipif(not FOUND, reason=f"there is no browser: none of {', '.join(NAMES)} is installed")

PICTURE = (1280, 1360)
SCALE = 0.75
LARGEST_PICTURE = 160_000
DOWN = ("ArrowDown", 40)
SHOWN = "[...document.querySelectorAll('#table tbody tr')].filter(row => row.checkVisibility())"
NAMES_SHOWN = f"{SHOWN}.map(row => row.querySelector('bdi').textContent)"
SCROLLS_SIDEWAYS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser.started(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
def tab(browser: Browser) -> Iterator[Tab]:
    """A tab whose page has written nothing to the console by the end of the test, and has loaded nothing."""
    tab = browser.tab()
    tab.resize(1280)
    yield tab
    assert tab.complaints() == []
    assert {url.partition(":")[0] for url in tab.requests()} <= {"file", "about"}
    assert len(tab.requests()) == 1


def opened(tab: Tab, folder: Path, report: Any = None) -> Tab:
    file = folder / "report.html"
    file.write_text(html_page(report or sample()), encoding="utf-8")
    tab.open(file.as_uri())
    return tab


def hostile() -> Any:
    """A report with markup, and with a long word, in every field that has text."""
    accounts = [
        account(number, 70, **dict.fromkeys(TEXTS, text), error_codes=[text], rotations=[{"at": text, "by": text}])
        for number, text in enumerate(MARKUP)
    ]
    return {**store_info(accounts, missing=MARKUP, problems=MARKUP), "time": MARKUP[0]}


def names(tab: Tab) -> list[str]:
    return list(tab(NAMES_SHOWN))


def ages(tab: Tab) -> list[float]:
    return list(tab(f"{SHOWN}.map(row => row.cells[3].dataset.sort).filter(Boolean).map(Number)"))


class TestTable:
    def test_shows_every_account(self, tab: Tab, tmp_path: Path) -> None:
        assert len(names(opened(tab, tmp_path))) == 40
        assert tab("document.title") == "UiPath passwords, 2026-11-30"
        assert tab("document.getElementById('filter-count').textContent") == "40 of 40 accounts"

    def test_sorts_by_a_column_in_both_directions(self, tab: Tab, tmp_path: Path) -> None:
        opened(tab, tmp_path)
        tab.click("th:nth-child(4) button")
        assert ages(tab) == sorted(ages(tab))
        assert tab("document.querySelector('th:nth-child(4)').ariaSort") == "ascending"
        tab.click("th:nth-child(4) button")
        assert ages(tab) == sorted(ages(tab), reverse=True)
        assert tab("[...document.querySelectorAll('th[aria-sort]')].map(th => th.ariaSort)") == ["descending"]
        assert tab(f"{SHOWN}.at(-1).cells[3].textContent") == ""

    def test_sorts_names_as_people_do(self, tab: Tab, tmp_path: Path) -> None:
        opened(tab, tmp_path, store_info([account(number, 3, label=f"Robot {number}") for number in (10, 9, 1)]))
        tab.click("th:nth-child(1) button")
        assert names(tab) == ["Robot 1", "Robot 9", "Robot 10"]

    def test_sorts_by_the_keyboard(self, tab: Tab, tmp_path: Path) -> None:
        opened(tab, tmp_path)
        tab("document.querySelector('th:nth-child(4) button').focus()")
        tab.press(" ", 32)
        assert ages(tab) == sorted(ages(tab))

    def test_filters_by_text(self, tab: Tab, tmp_path: Path) -> None:
        opened(tab, tmp_path)
        tab.click("#filter-text")
        tab.type("INVOICES job 4711")
        found = names(tab)
        assert 0 < len(found) < 5
        assert all("invoices" in name for name in found)
        assert tab("document.getElementById('filter-count').textContent") == f"{len(found)} of 40 accounts"

    def test_filters_by_status(self, tab: Tab, tmp_path: Path) -> None:
        opened(tab, tmp_path)
        choices = tab("[...document.getElementById('filter-status').options].map(option => option.text)")
        assert choices[:2] == ["all", "Unreadable (1)"]
        tab("document.getElementById('filter-status').focus()")
        for _step in range(choices.index("Overdue (2)")):
            tab.press(*DOWN)
        assert names(tab) == ["svc-claims-1", "svc-orders-2"]

    def test_is_complete_without_javascript(self, tab: Tab, tmp_path: Path) -> None:
        tab.disable_scripts()
        assert len(names(opened(tab, tmp_path))) == 40
        assert not tab("document.getElementById('filter').checkVisibility()")
        assert tab("document.querySelectorAll('thead button').length") == 0
        assert tab("document.querySelectorAll('svg .bar').length") > 20

    def test_stays_usable_with_ten_thousand_accounts(self, tab: Tab, tmp_path: Path) -> None:
        opened(tab, tmp_path, store_info([account(number, number % 57) for number in range(10_000)]))
        assert len(names(tab)) == FIRST_ROWS
        counted = "10,000 of 10,000 accounts, the first 500 are shown"
        assert tab("document.getElementById('filter-count').textContent") == counted
        tab.click("th:nth-child(4) button")
        assert ages(tab) == sorted(number % 57 for number in range(10_000))[:FIRST_ROWS]
        tab.click("#filter-text")
        tab.type("svc-tax-77 ")
        assert tab("document.getElementById('filter-count').textContent").endswith("of 10,000 accounts")
        assert all(name.startswith("svc-tax-77") for name in names(tab))
        assert not tab("document.getElementById('show-all').checkVisibility()")

    def test_shows_all_on_demand_and_on_paper(self, tab: Tab, tmp_path: Path) -> None:
        opened(tab, tmp_path, store_info([account(number, 3) for number in range(FIRST_ROWS + 100)]))
        tab.emulate(media="print")
        assert len(names(tab)) == FIRST_ROWS + 100
        tab.emulate()
        assert len(names(tab)) == FIRST_ROWS
        tab.click("#show-all")
        assert len(names(tab)) == FIRST_ROWS + 100
        assert tab("document.getElementById('filter-count').textContent") == "600 of 600 accounts"


class TestSafety:
    def test_markup_stays_text(self, tab: Tab, tmp_path: Path) -> None:
        opened(tab, tmp_path, hostile())
        assert set(names(tab)) == {text.replace("\u202e", " ") for text in MARKUP}
        assert tab("document.querySelectorAll('img, script:not(:last-child), td svg, li svg, b').length") == 0

    def test_would_load_nothing_if_told_to(self, browser: Browser, tmp_path: Path) -> None:
        tab, reached = opened(browser.tab(), tmp_path), []

        class Counter(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                reached.append(self.path)
                self.send_error(404)

            def log_message(self, format: str, *args: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Counter) as server:
            threading.Thread(target=partial(server.serve_forever, 0.05), daemon=True).start()
            origin = f"http://127.0.0.1:{server.server_port}"
            for tag, attribute in (("img", "src"), ("script", "src"), ("iframe", "src"), ("link", "href")):
                tab(
                    f"document.body.append(Object.assign(document.createElement('{tag}'), "
                    f"{{{attribute}: '{origin}/{tag}', rel: 'stylesheet'}}))"
                )
            tab(f"fetch('{origin}/fetch').catch(() => 0)")
            tab("document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))")
            tab.settle()
            server.shutdown()
        assert reached == []
        assert tab("window.ran") is None
        assert "Content Security Policy" in str(tab.complaints())


class TestLook:
    @pytest.mark.parametrize("report", [sample, hostile])
    def test_does_not_scroll_sideways_on_a_phone(self, tab: Tab, tmp_path: Path, report: Any) -> None:
        tab.resize(360, 740, mobile=True)
        opened(tab, tmp_path, report())
        assert not tab(SCROLLS_SIDEWAYS)
        assert tab("document.documentElement.clientWidth") == 360

    def test_shows_accounts_as_cards_on_a_phone(self, tab: Tab, tmp_path: Path) -> None:
        tab.resize(360, 740, mobile=True)
        opened(tab, tmp_path)
        assert tab(f"{SHOWN}.every(row => getComputedStyle(row).display === 'block')")
        ends = f"{SHOWN}.flatMap(row => [...row.cells]).map(cell => cell.getBoundingClientRect().right)"
        assert tab(f"Math.max(...{ends})") <= 360
        tab.click("th:nth-child(4) button")
        assert ages(tab) == sorted(ages(tab))

    @pytest.mark.parametrize("width", [600, 895, 896, 1199, 1200, 1263, 1280, 1920])
    def test_does_not_scroll_sideways_elsewhere(self, tab: Tab, tmp_path: Path, width: int) -> None:
        tab.resize(width)
        assert not opened(tab, tmp_path, hostile())(SCROLLS_SIDEWAYS)

    def test_follows_the_color_scheme(self, tab: Tab, tmp_path: Path) -> None:
        opened(tab, tmp_path)
        seen = []
        for scheme in ("light", "dark"):
            tab.emulate(scheme=scheme)
            seen.append(tab("getComputedStyle(document.body).backgroundColor"))
        assert seen == ["rgb(255, 255, 255)", "rgb(21, 24, 28)"]

    def test_shows_where_the_focus_is(self, tab: Tab, tmp_path: Path) -> None:
        opened(tab, tmp_path)
        for _step in range(12):
            tab.press("Tab", 9)
            outline = tab("getComputedStyle(document.activeElement).outlineStyle")
            assert outline not in ("", "none"), tab("document.activeElement.outerHTML")

    def test_prints_on_paper(self, tab: Tab, tmp_path: Path) -> None:
        opened(tab, tmp_path)
        tab.emulate(scheme="dark", media="print")
        assert tab("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert tab("getComputedStyle(document.querySelector('#table thead')).display") == "table-header-group"
        assert tab("getComputedStyle(document.querySelector('#table tbody tr')).breakInside") == "avoid"
        assert not tab("document.getElementById('filter').checkVisibility()")

    @pytest.mark.parametrize(("is_landscape", "sheets"), [(False, 3), (True, 4)])
    def test_fits_on_sheets(self, tab: Tab, tmp_path: Path, is_landscape: bool, sheets: int) -> None:
        opened(tab, tmp_path)
        paper = tab.paper(landscape=is_landscape)
        assert paper.startswith(b"%PDF-")
        assert 2 <= paper.count(b"/Type /Page\n") <= sheets + 1

    def test_fits_on_one_sheet_with_few_accounts(self, tab: Tab, tmp_path: Path) -> None:
        opened(tab, tmp_path, store_info([account(number, number) for number in range(6)]))
        assert tab.paper().count(b"/Type /Page\n") == 1

    def test_prints_what_is_folded(self, tab: Tab, tmp_path: Path) -> None:
        problems = [f"problem number {number}." for number in range(30)]
        opened(tab, tmp_path, store_info([account(1, 2)], problems=problems))
        folded = "[...document.querySelectorAll('td details, .problems + details')]"
        visible = f"{folded}.map(one => one.querySelector('time, ul').checkVisibility())"
        assert tab(visible) == [False, False]
        tab.resize(703)
        tab.emulate(media="print")
        assert tab(visible) == [True, True]
        assert not tab("document.querySelector('summary').checkVisibility()")

    def test_breaks_no_word_of_a_number_on_paper(self, tab: Tab, tmp_path: Path) -> None:
        counts = dict.fromkeys(sample()["counts"], 1)
        opened(tab, tmp_path, {**sample(), "counts": counts})
        tab.resize(703)
        tab.emulate(media="print")
        heights = "[...document.querySelectorAll('.tiles li')].map(one => one.getBoundingClientRect().height)"
        assert len(set(tab(heights))) == 1
        assert not tab(SCROLLS_SIDEWAYS)

    @pytest.mark.parametrize("width", [900, 1280])
    def test_keeps_the_sign_of_the_order_with_the_heading(self, tab: Tab, tmp_path: Path, width: int) -> None:
        tab.resize(width)
        opened(tab, tmp_path)
        height = "document.querySelector('th:nth-child(4) button').getClientRects().length"
        assert tab(height) <= 2
        content = "getComputedStyle(document.querySelector('th:nth-child(4) button'), '::after').content"
        assert tab(content).startswith('"\u00a0')

    def test_has_no_wide_remark_and_no_lone_heading_on_paper(self, tab: Tab, tmp_path: Path) -> None:
        tab.resize(703)  # the width of A4 without the margins
        opened(tab, tmp_path)
        tab.emulate(media="print")
        assert not tab(SCROLLS_SIDEWAYS)
        assert tab("document.querySelector('.remark').getBoundingClientRect().width") > 180
        assert tab("getComputedStyle(document.querySelector('section.accounts')).breakInside") == "avoid"
        assert tab("document.querySelector('#table thead th').innerText") == "Account"


def test_picture(tab: Tab, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The picture in docs: a full table of all that occurs, at a fixed time."""
    width, height = PICTURE
    tab.resize(width, height)
    opened(tab, tmp_path)
    folder = ROOT / "docs" if request.config.getoption("write_picture") else tmp_path
    (folder / "report.png").write_bytes(tab.picture(width, height, SCALE))
    assert 20_000 < (folder / "report.png").stat().st_size < LARGEST_PICTURE
    assert 20_000 < (ROOT / "docs/report.png").stat().st_size < LARGEST_PICTURE
