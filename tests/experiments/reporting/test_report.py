"""The report is one file that explains itself, needs no network and says the same every time."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from plotly.offline import get_plotlyjs

from crmlab.experiments.reporting.report import ReportError, write_report
from tests.report_folder import ARMS, build_run_folder

LOOKS_AT_REPORTS = True
SECTIONS = [
    *("verdict", "kpis", "lift", "funnel", "cohorts", "ltv", "channels", "personas", "weekly", "profit"),
    *("calibration", "breakeven", "assumptions", "glossary", "limits", "repeat"),
]
PROBE = """
<script>
  const errors = [];
  addEventListener("error", event => errors.push(event.message));
  addEventListener("securitypolicyviolation", event => errors.push("blocked: " + event.blockedURI));
  addEventListener("load", () => setTimeout(() => {
    const empty = [...document.querySelectorAll(".plot")].filter(place => !place.querySelector(".main-svg"));
    const asked = performance.getEntriesByType("resource").map(entry => entry.name);
    const wide = document.documentElement.scrollWidth > innerWidth;
    document.title = JSON.stringify({errors, asked, wide, empty: empty.map(place => place.id)});
  }, 500));
</script>
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_run_folder(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    """The report without the drawing library, which is text of its own."""
    return write_report(folder).read_text(encoding="utf-8").replace(get_plotlyjs(), "")


def test_every_section_is_there_and_linked(page: str) -> None:
    assert re.findall(r'<(?:section|footer) id="(\w+)"', page) == SECTIONS
    assert set(re.findall(r'<li><a href="#(\w+)"', page)) == set(SECTIONS)


def test_nothing_is_fetched_from_anywhere(page: str) -> None:
    assert not re.search(r"""(?:src|href|action)\s*=\s*["']?\s*(?:https?:)?//""", page)
    assert not re.search(r"url\(|@import|<link(?! rel=\"icon\" href=\"data:,\")", page)
    assert "default-src 'none'" in page


def test_the_drawing_library_is_embedded_once_and_is_nearly_all_of_the_file(folder: Path) -> None:
    html = write_report(folder).read_text(encoding="utf-8")
    assert html.count(get_plotlyjs()) == 1
    assert len(html) - len(get_plotlyjs()) < 1_000_000


def test_the_same_folder_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert write_report(copy).read_bytes() == write_report(folder).read_bytes()


def test_each_chart_has_a_sentence_and_a_table(page: str) -> None:
    figures = re.findall(r"<figure>(.*?)</figure>", page, flags=re.S)
    assert len(figures) > 15
    for figure in figures:
        assert re.search(r"<h3>.+?</h3>\s*<p>.+?\.</p>", figure)
        assert 'role="group"' in figure
        assert "<details>" in figure
        assert "<table>" in figure


def test_every_table_says_what_is_real_and_what_is_assumed(page: str) -> None:
    captions = re.findall(r"<caption><span>(.*?)</span></caption>", page)
    assert len(captions) == page.count("<table>")
    assert all("Real (estimated from the order log): repeat behaviour" in caption for caption in captions)
    assert all(
        "Assumed: costs, channels, and reactions to prices, programmes and friends" in caption for caption in captions
    )


def test_the_verdict_is_in_words_and_the_limits_are_stated(page: str) -> None:
    assert "▼ worse" in page
    assert "○ not decided" in page
    assert "a model result, not evidence from customers" in page


def test_names_of_arms_cannot_break_out_of_the_page(tmp_path: Path) -> None:
    html = write_report(build_run_folder(tmp_path, ("today", "</script><img src=x onerror=alert(1)>"))).read_text()
    assert "<img" not in html.replace(get_plotlyjs(), "")
    assert html.replace(get_plotlyjs(), "").count("<script") == html.replace(get_plotlyjs(), "").count("</script>")


@pytest.mark.parametrize("count", [1, 2, 8])
def test_one_arm_or_many_give_a_report(tmp_path: Path, count: int) -> None:
    arms = (*ARMS, "loyalty", "referral")[:count]
    html = write_report(build_run_folder(tmp_path, arms, calibrated=False)).read_text(encoding="utf-8")
    for arm in arms[1:]:
        assert f"<h3>{arm}:" in html
    if count == 1:
        assert "nothing to compare it with" in html
        assert "$412," in html or "$41" in html  # the KPIs of the only arm are there


def test_missing_tables_leave_a_section_that_says_so(tmp_path: Path) -> None:
    folder = build_run_folder(tmp_path, calibrated=False)
    for name in ("weekly", "cohorts", "breakeven", "funnel", "profit", "ltv", "channels", "assumptions"):
        (folder / f"{name}.parquet").unlink()
    (folder / "manifest.json").unlink()
    page = write_report(folder).read_text(encoding="utf-8").replace(get_plotlyjs(), "")
    assert re.findall(r'<(?:section|footer) id="(\w+)"', page) == SECTIONS
    assert page.count("This run has no table") == 6
    assert "not calibrated to an order log" in page


def test_a_folder_that_is_no_run_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="not a run folder"):
        write_report(tmp_path)
    with pytest.raises(ReportError, match="no such run folder"):
        write_report(tmp_path / "nowhere")


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 500])
def test_a_browser_draws_every_chart_without_an_error_or_a_request(folder: Path, tmp_path: Path, width: int) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium on this machine")
    probed = tmp_path / "probed.html"
    html = write_report(folder).read_text(encoding="utf-8")
    probed.write_text(html.replace("<style>", PROBE + "<style>", 1), encoding="utf-8")
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        f"--window-size={width},900",
    ]
    command = [
        browser,
        *options,
        f"--user-data-dir={tmp_path / 'profile'}",
        "--virtual-time-budget=20000",
        "--dump-dom",
    ]
    dom = subprocess.run([*command, probed.as_uri()], capture_output=True, text=True, timeout=120, check=True).stdout
    title = re.search(r"<title>(.*?)</title>", dom)
    assert title is not None
    seen = json.loads(title.group(1))
    assert seen == {"errors": [], "asked": [], "wide": False, "empty": []}
