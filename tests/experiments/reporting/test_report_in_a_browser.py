"""The report as a browser shows it: nothing cut off on a phone, no image with buttons inside it.

Needs a Chromium on the machine (Debian: `apt-get install chromium`); skipped where there is none. It is driven by its
own command line: a script in a copy of the page looks around and writes what it finds into the document.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from crmlab.experiments.cli import exit_code
from crmlab.experiments.reporting.report import write_report
from crmlab.experiments.runs.store import RunFolder
from crmlab.experiments.service import play
from crmlab.sim import Play
from crmlab.sim.mechanisms.failures.params import Failures
from crmlab.sim.mechanisms.satisfaction.params import Satisfaction
from crmlab.sim.mechanisms.service_desk.params import ServiceDesk
from crmlab.strategies import SatisfactionSurvey, ServedFirst
from tests.experiments.questions.compare.test_service_sections import experiment as served
from tests.report_folder import build_run_folder

LOOKS_AT_REPORTS = True
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
LOOK_AROUND = """<script>addEventListener("load", () => setTimeout(() => {
  const found = {plots: 0, buttons: 0, inside_images: 0, clipped: [], overlaid: []};
  for (const place of document.querySelectorAll(".plot")) {
    const box = place.getBoundingClientRect();
    found.plots += 1;
    found.buttons += place.querySelectorAll("button, a, [tabindex]").length;
    if (place.closest('[role="img"]')) found.inside_images += place.querySelectorAll("button, a, [tabindex]").length;
    for (const text of place.querySelectorAll("svg.main-svg text")) {
      const at = text.getBoundingClientRect();
      if (at.width && (at.left < box.left - 1 || at.right > box.right + 1)) found.clipped.push(text.textContent);
    }
    const names = [...place.querySelectorAll(".ytick text")], numbers = [...place.querySelectorAll(".bartext")];
    for (const label of names) for (const number of numbers) {
      const one = label.getBoundingClientRect(), other = number.getBoundingClientRect();
      const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const along = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
      if (across > 2 && along > 2) found.overlaid.push(label.textContent + " | " + number.textContent);
    }
  }
  found.width = document.documentElement.scrollWidth;
  document.body.innerHTML = "<pre id=found>" + JSON.stringify(found) + "</pre>";
}, 1500));</script></body>"""
BUSY = (Play("asked", SatisfactionSurvey()), Play("first", ServedFirst()))
WITH_A_MOUSE = "--blink-settings=primaryHoverType=2,availableHoverTypes=2"


QUESTION = """
name = "phone"
world = "shop"
[design]
weeks = 55
customers = 200
replications = 2
unknowns = false
[arms.tiers]
[[arms.tiers.strategies]]
kind = "discount_tiers"
"""


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A report with every chart of a comparison, one of an explanation, and one of a world with service."""
    folder = tmp_path_factory.mktemp("reports")
    (folder / "phone.toml").write_text(QUESTION)
    assert exit_code(["explain", str(folder / "phone.toml"), "--workers", "1", "--out", str(folder / "out")]) == 0
    explained = next((folder / "out" / "phone").glob("*/report.html"))
    compared = write_report(build_run_folder(folder / "run"))
    asked = served(Satisfaction(), Failures(product=0.3), ServiceDesk(questions_per_order=0.5), plays=BUSY)
    service = write_report(play(asked, RunFolder.create(folder / "out", asked), executor=1).path)
    found = {"compare": compared, "explain": explained, "service": service}
    return {name: page.read_text(encoding="utf-8") for name, page in found.items()}


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM, reason="needs a Chromium")
@pytest.mark.parametrize("question", ["compare", "explain", "service"])
@pytest.mark.parametrize("width", [500, 1280])  # a headless window is no narrower than 500
def test_nothing_is_cut_off_and_no_image_holds_a_button(
    width: int, question: str, reports: dict[str, str], tmp_path: Path
) -> None:
    page, report = tmp_path / "page.html", reports[question]
    phone = '<body style="width: 390px">' if width == 500 else "<body>"
    page.write_text(report.replace("<body>", phone).replace("</body>", LOOK_AROUND), encoding="utf-8")
    line = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", WITH_A_MOUSE, f"--window-size={width},900"]
    line += ["--virtual-time-budget=20000", "--dump-dom", page.as_uri()]
    shown = subprocess.run(line, capture_output=True, text=True, timeout=120).stdout
    found = json.loads(re.search(r'<pre id="found">(.*?)</pre>', shown, re.DOTALL)[1])
    assert found["plots"] > 5
    assert found["buttons"] > found["plots"], "with a mouse every plot has its buttons"
    assert found["inside_images"] == 0
    assert found["clipped"] == []
    assert found["overlaid"] == [], "a number lies on a name"
    assert found["width"] <= width
