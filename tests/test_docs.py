"""The documentation is true: pages written from the code are up to date, examples run, links and names exist."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from crmlab.experiments.replication.replication import run_replication
from crmlab.experiments.reporting.glossary import FORMS, WORLD_GROUPS, form_table, pages
from crmlab.experiments.spec.experiment_file import load_experiment
from crmlab.experiments.spec.subsets import quick
from crmlab.sim import check_strategy
from crmlab.sim.kpis import KPIS
from crmlab.sim.levers import levers_of, unknowns_of
from crmlab.strategies import STRATEGIES
from tests.places import ROOT

DOCS = ROOT / "docs"
TOP = sorted(path for path in ROOT.iterdir() if not path.name.startswith(".") and path.name != "dist")
MARKDOWN = [path for path in TOP if path.suffix == ".md"] + [
    path for folder in TOP if folder.is_dir() for path in sorted(folder.rglob("*.md")) if ".ipynb" not in str(path)
]
EXAMPLE = re.compile(r"<!-- example: (\S+) -->\n```\w+\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
MACHINE_PATH = re.compile(r"(?<![\w.:/-])(?:/(?:work|home|root|tmp|usr|opt|var|mnt|Users)/|[A-Z]:\\)")
INDEX_SETTING = re.compile(r"index[-_]url|PIP_INDEX|--find-links|trusted-host", re.IGNORECASE)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def prose(path: Path) -> str:
    """The text without its blocks of code."""
    return re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def anchors(path: Path) -> set[str]:
    """What headings can be linked to, as repository hosts build it."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def examples(page: str, folder: Path) -> dict[str, Path]:
    """Write the marked blocks of a page into a folder."""
    found = EXAMPLE.findall((DOCS / page).read_text(encoding="utf-8"))
    for file_name, text in found:
        (folder / file_name).write_text(text, encoding="utf-8")
    return {file_name: folder / file_name for file_name, _ in found}


@pytest.mark.parametrize(
    "page", ["kpis.md", "strategies.md", "assumptions.md", "experiment-files.md", "bibliography.md"]
)
def test_pages_written_from_the_code_are_up_to_date(page: str) -> None:
    written = (DOCS / page).read_text(encoding="utf-8")
    assert written == pages()[page], "run: python -m crmlab.experiments.reporting.glossary"


def test_the_reference_leaves_nothing_out() -> None:
    written = pages()
    assert all(f"\n## {kpi}\n" in written["kpis.md"] for kpi in KPIS)
    for kind, cls in STRATEGIES.items():
        assert f"\n## {kind}\n" in written["strategies.md"]
        assert all(f"| `{lever}` |" in written["strategies.md"] for lever in levers_of(cls))
    for group, cls in WORLD_GROUPS.items():
        assert f"\n## [{group}]\n" in written["assumptions.md"]
        assert all(f"| `{number}` |" in written["assumptions.md"] for number in unknowns_of(cls))
    for name in FORMS:
        assert form_table(name) in written["experiment-files.md"]
        assert "|  |\n" not in form_table(name) + "\n", f"a key of {name} has no meaning"


def test_the_example_strategy_keeps_the_contract_and_answers_its_question(tmp_path, monkeypatch) -> None:
    files = examples("adding-a-strategy.md", tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    runpy.run_path(str(files["test_win_back.py"]))["test_win_back_keeps_the_contract"]()
    check_strategy(sys.modules["win_back"].WinBack)
    experiment = quick(load_experiment(files["win_back.toml"], ["design.weeks=40", "design.customers=400"]))
    assert [arm.name for arm in experiment.arms] == ["today", "win_back"]
    today, win_back = run_replication(experiment, 0)
    assert win_back.kpis["discounts"] > today.kpis["discounts"] == 0
    del sys.modules["win_back"]


def test_the_example_kpi_reads_what_it_says(tmp_path) -> None:
    files = examples("adding-a-kpi.md", tmp_path)
    subprocess.run([sys.executable, str(files["discount_share.py"])], check=True, cwd=ROOT)


def test_the_example_of_a_queue_meets_its_theory(tmp_path) -> None:
    text = examples("service-desk.md", tmp_path)["queue.py"]
    assert sum(bool(line) for line in text.read_text(encoding="utf-8").splitlines()) <= 10
    out = subprocess.run([sys.executable, str(text)], check=True, cwd=ROOT, capture_output=True, text=True).stdout
    simulated, theory = map(float, re.findall(r"([\d.]+) hours", out))
    assert theory == 0.55
    assert abs(simulated - theory) < 0.15  # 4 standard errors of 17,000 waits of which some forty know of each other


def test_the_example_experiment_is_valid(tmp_path) -> None:
    experiment = load_experiment(examples("experiment-files.md", tmp_path)["small.toml"])
    assert [play.name for play in experiment.arms[1].plays] == ["today", "price_cut", "discount_tiers"]


@pytest.mark.parametrize("path", MARKDOWN, ids=name_of)
def test_relative_links_lead_somewhere(path: Path) -> None:
    for target in LINK.findall(prose(path)):
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        file, _, anchor = target.partition("#")
        linked = path.parent / file if file else path
        assert linked.exists(), f"{name_of(path)} links to {target}"
        if anchor and linked.suffix == ".md":
            assert anchor in anchors(linked), f"{name_of(path)} links to {target}"


@pytest.mark.parametrize("path", MARKDOWN, ids=name_of)
def test_pages_name_no_machine_and_no_package_index(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not MACHINE_PATH.search(text)
    assert not INDEX_SETTING.search(text)


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=name_of)
def test_files_and_tests_that_pages_name_exist(path: Path) -> None:
    text = prose(path)
    for file in re.findall(r"`((?:sim|strategies|experiments|tests)/[\w/]*(?:\.\w+)?)`", text):
        assert (ROOT / file).exists(), f"{name_of(path)} names {file}"
    known = "".join(test.read_text(encoding="utf-8") for test in (ROOT / "tests").rglob("test_*.py"))
    for test in re.findall(r"`(test_\w+)`", text):
        assert f"def {test}(" in known, f"{name_of(path)} names {test}"


def test_every_purpose_of_a_draw_is_in_the_table_with_its_number() -> None:
    source = (ROOT / "sim" / "draws.py").read_text(encoding="utf-8")
    purposes = re.findall(r"^([A-Z]+) = (\d+)  #", source, re.MULTILINE)
    table = (DOCS / "how-the-coupling-works.md").read_text(encoding="utf-8")
    assert len(purposes) > 10
    assert all(f"| {number} | {purpose} |" in table for purpose, number in purposes)
