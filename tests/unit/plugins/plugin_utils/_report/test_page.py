# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page, as a program reads it: its structure, what it refers to, and that text stays text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import combinations, pairwise
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.demo.sample import account, sample, store_info
from ansible_collections.rpaops.uipath.plugins.plugin_utils._report.page import FIRST_PROBLEMS, content, html_page

VOID = {"input", "link", "meta"}
MARKUP = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    "</style><b>",
    "{{ 7*7 }}{% raw %}",
    "&lt;&#x3c;",
    "javascript:alert(1)",
    "ab\u202ecd",
    "x" * 3000,
)
TEXTS = ("label", "user_id", "user_name", "status", "reason", "last_rotated", "next_due", "delivered_at", "msg")
LUMINANCE = (0.2126, 0.7152, 0.0722)


class Page(HTMLParser):
    """Collects the elements, and refuses tags that are not closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, *tags: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag in tags]

    def attributes(self, name: str) -> list[str]:
        return [attributes[name] for _tag, attributes in self.elements if name in attributes]

    def text(self, *tags: str) -> str:
        return " ".join(" ".join(text for tag, text in self.texts if not tags or tag in tags).split())


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(html_page(sample()))


class TestStructure:
    def test_is_a_document_with_a_language_and_a_title(self, page: Page) -> None:
        assert page.all("html") == [{"lang": "en"}]
        assert page.text("title").startswith("UiPath passwords, 2026-11-30 ")  # then those of the bars
        assert page.all("main", "h1", "caption") != []

    def test_has_headings_in_order(self, page: Page) -> None:
        levels = [int(tag[1]) for tag, _attributes in page.elements if re.fullmatch(r"h\d", tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))

    def test_has_headers_with_a_scope_and_a_caption_in_each_table(self, page: Page) -> None:
        assert {attributes.get("scope") for attributes in page.all("th")} == {"col", "row"}
        assert len(page.all("caption")) == len(page.all("table")) == 3

    def test_has_a_row_with_all_cells_for_each_account(self, page: Page) -> None:
        html = html_page(sample())
        body = html[html.index('<table id="table"') :]
        rows = re.findall(r"<tr data-is=.*?</tr>", body, re.DOTALL)
        assert len(rows) == 40
        columns = len(re.findall(r'<th scope="col"', body))
        assert {len(re.findall(r"<t[hd][ >]", row)) for row in rows} == {columns}

    def test_names_what_is_referred_to_and_names_it_once(self, page: Page) -> None:
        ids = page.attributes("id")
        assert len(ids) == len(set(ids))
        referred = [name for value in ("aria-labelledby", "aria-describedby") for name in page.attributes(value)]
        assert referred
        assert set(referred) <= set(ids)

    def test_has_a_text_for_each_chart(self, page: Page) -> None:
        charts = [attributes for attributes in page.all("div") if attributes.get("role") == "img"]
        assert len(charts) == 2
        assert all({"aria-labelledby", "aria-describedby"} <= set(attributes) for attributes in charts)

    def test_gives_times_to_machines(self, page: Page) -> None:
        times = [attributes["datetime"] for attributes in page.all("time")]
        assert len(times) > 100
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", time) for time in times)


class TestContent:
    def test_has_the_numbers_first(self, page: Page) -> None:
        text = page.text()
        numbers = text[text.index("Numbers") : text.index("What to look at")]
        assert "40 accounts" in numbers
        assert [word for word in ("accounts", "overdue", "in doubt", "closed", "not delivered") if word in numbers] == [
            "accounts",
            "overdue",
            "in doubt",
            "closed",
            "not delivered",
        ]
        assert "missing" in numbers

    def test_leaves_out_rare_numbers_that_are_0(self) -> None:
        text = Page(html_page(store_info([account(1, 2)]))).text("span", "strong")
        assert "0 overdue" in text
        assert "missing" not in text

    def test_has_the_worst_accounts_first(self, page: Page) -> None:
        conditions = [attributes["data-is"].split()[0] for attributes in page.all("tr") if "data-is" in attributes]
        assert conditions[:4] == ["unreadable", "out_of_sync", "in_doubt", "overdue"]
        assert conditions[-1] == "ok"

    def test_folds_problems_beyond_the_first(self) -> None:
        problems = [f"problem number {number}." for number in range(FIRST_PROBLEMS + 5)]
        text = Page(html_page(store_info([], problems=problems))).text()
        assert "5 more" in text
        assert all(problem in text for problem in problems)

    def test_says_so_if_there_is_nothing(self) -> None:
        text = Page(html_page(store_info([]))).text()
        for sentence in ("No password has a known age.", "No rotation is recorded.", "The store has no account."):
            assert sentence in text

    @pytest.mark.parametrize(
        ("limit", "shown"), [(90.0, "90"), (0.5, "0.5"), (None, ""), ("soon", "soon"), (float("inf"), "inf")]
    )
    def test_has_the_limit(self, limit: object, shown: str) -> None:
        assert f"Limit: {shown} days." in html_page({**store_info([]), "max_age_days": limit})

    def test_has_the_title_that_is_given(self) -> None:
        html = html_page(store_info([]), "Production <1>")
        assert "<h1>Production &lt;1&gt;</h1>" in html

    def test_says_that_no_list_was_compared(self) -> None:
        sentence = (
            "No list of accounts was given, so the report does not say which accounts are missing or are in no list."
        )
        assert sentence in html_page(store_info([account(1, 2, listed=None)]))
        for report in (
            store_info([account(1, 2)]),
            store_info([account(1, 2, listed=None)], missing=["new"]),
            store_info([]),
        ):
            assert sentence not in html_page(report)

    @pytest.mark.parametrize("status", ["out_of_sync", "quarantined"])
    def test_does_not_know_the_age_of_a_closed_account(self, status: str) -> None:
        def cells(**changes: Any) -> list[str]:
            html = html_page(store_info([account(1, 2, **changes)]))
            return re.findall(r"<td(?: [^>]*)?>(.*?)</td>", html[html.index("<tr data-is=") :], re.DOTALL)[2:]

        assert all(cells())
        assert cells(status=status) == ["", "", ""]

    @pytest.mark.parametrize(("delivered", "shown"), [(True, "2026-11-28"), (False, "no"), (None, "")])
    def test_shows_a_delivery_only_if_there_are_consumers(self, delivered: bool | None, shown: str) -> None:
        html = html_page(store_info([account(1, 2, delivered=delivered)]))
        assert re.sub("<.*?>", "", html[html.rindex("<td>") : html.rindex("</td>")]).strip()[:10] == shown

    def test_names_the_variables_for_the_repair_of_closed_accounts(self) -> None:
        assert "rotate_passwords_only" in html_page(store_info([account(1, 2, status="quarantined")]))
        assert "rotate_passwords_only" not in html_page(store_info([account(1, 2, status="in_doubt")]))

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({}, "Made by AWX job 4818 (Report on the passwords) with rpaops.uipath 0.1.0."),
            ({"by": "<ops>@a\nb"}, "Made by &lt;ops&gt;@a b with rpaops.uipath 0.1.0."),
            ({"by": None, "collection_version": None}, "Made with rpaops.uipath."),
        ],
    )
    def test_says_who_made_it_and_with_what(self, changes: dict[str, Any], sentence: str) -> None:
        assert f"<bdi>{sentence}</bdi>" in html_page({**store_info([]), **changes})

    def test_survives_values_that_are_none_or_not_what_they_should_be(self) -> None:
        broken: dict[str, Any] = {name: [] for name in account(1, 2)}
        report = {"accounts": [{}, dict.fromkeys(account(1, 2)), broken], "counts": None, "problems": None}
        assert Page(html_page(report)).all("main")


class TestSafety:
    @pytest.mark.parametrize("text", MARKUP)
    def test_text_stays_text(self, text: str) -> None:
        """With markup in every field, the page has the elements and attributes that it has with letters."""

        def tags(word: str) -> list[tuple[str, list[str]]]:
            one = account(1, 2, **dict.fromkeys(TEXTS, word), error_codes=[word], rotations=[{"at": word, "by": word}])
            report = {**store_info([one], missing=[word], problems=[word]), "time": word, "max_age_days": word}
            return [(tag, sorted(attributes)) for tag, attributes in Page(html_page(report, word)).elements]

        assert tags(text) == tags("letters")

    def test_shows_text_as_it_is(self) -> None:
        shown = Page(html_page(store_info([account(1, 2, label=MARKUP[0])]))).text("bdi")
        assert MARKUP[0] in shown

    def test_shows_no_character_that_reorders(self) -> None:
        assert "\u202e" not in html_page(store_info([account(1, 2, label="ab\u202ecd")]))

    def test_refers_to_nothing(self, page: Page) -> None:
        assert page.attributes("src") == page.attributes("srcset") == page.attributes("action") == []
        assert page.attributes("href") == ["data:,"]
        assert not [name for _tag, attributes in page.elements for name in attributes if name.startswith("on")]
        assert page.attributes("style") == []
        for part in ("page.css", "page.js", "page.html.j2"):
            assert not re.search(r"https?:|//[a-z]|@import|\bimport\b|fetch|innerHTML", content(part))
        assert set(re.findall(r"url\(([^)]*)\)", html_page(sample()))) == {"#ages-hatch"}

    def test_forbids_to_load_and_to_run_anything_else(self, page: Page) -> None:
        [policy] = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in policy


class TestColors:
    STYLE = content("page.css")

    def schemes(self) -> Iterator[dict[str, str]]:
        for block in re.findall(r":root \{(.*?)\}", self.STYLE, re.DOTALL):
            yield dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", block))

    def test_have_enough_contrast_in_both_schemes(self) -> None:
        light, dark = self.schemes()
        assert set(light) == set(dark)
        for colors in (light, dark):
            for text in ("text", "minor", "accent", "bad", "warn", "good"):
                assert contrast(colors[text], colors["page"]) >= 4.5, text
                assert contrast(colors[text], colors["raised"]) >= 4.5, text

    def test_are_those_of_the_schemes_only(self) -> None:
        rest = re.sub(r":root \{.*?\}", "", self.STYLE, flags=re.DOTALL)
        assert not re.search(r"#[0-9a-f]{3,6}\b(?!table)", rest.replace("#table", ""))

    def test_of_conditions_come_with_a_word_and_a_sign(self, page: Page) -> None:
        badges = [attributes for attributes in page.all("span") if attributes.get("class", "").startswith("badge")]
        signs = [attributes for attributes in page.all("span") if attributes.get("aria-hidden")]
        assert len(signs) >= len(badges) > 40


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(color: str) -> float:
    channels = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return sum(weight * value for weight, value in zip(LUMINANCE, linear))


def test_contrast_is_that_of_the_standard() -> None:
    assert round(contrast("#ffffff", "#000000")) == 21
    assert all(contrast(one, one) == 1 for one, _other in combinations(("#123456", "#654321"), 2))


def test_has_a_row_for_each_of_ten_thousand_accounts() -> None:
    many: Any = store_info([account(number, number % 57) for number in range(10_000)])
    assert html_page(many).count("<tr data-is=") == 10_000
