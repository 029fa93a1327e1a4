"""Every number says where it comes from: citations have full references, and "published" means that it was read."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from crmlab.experiments.assumptions import assumptions_table
from crmlab.experiments.reporting.glossary import WORLD_GROUPS
from crmlab.experiments.sections.bibliography import bibliography, linked, unknown_citations
from crmlab.lab import load_world, new_experiment
from crmlab.sim.kpis import KPIS
from crmlab.sim.levers import Unknown, unknowns_of
from crmlab.sim.mechanisms.price.params import PriceResponse
from crmlab.sim.sources import SOURCES, cited
from crmlab.strategies import PriceCut
from tests.places import ROOT

NUMBERS = [
    (f"{group}.{name}", field.range)
    for group, cls in WORLD_GROUPS.items()
    for name, field in unknowns_of(cls).items()
    if isinstance(field.range, Unknown)
]
PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md", *(ROOT / "experiments" / "worlds").glob("*.toml")])
OF_PAPERS = ("sim", "strategies", "experiments", "tests")
PRIVATE = re.compile(r"\b(mechanisms|decisions|architecture|rooms)(\.md)?,? \d|\bmechanisms: \d|\(mechanisms(?!=)")


@pytest.mark.parametrize(("name", "number"), NUMBERS, ids=[name for name, _ in NUMBERS])
def test_a_number_cites_only_works_that_are_among_the_references(name: str, number: Unknown) -> None:
    assert not unknown_citations(number.source)
    if number.evidence == "R":
        works = [SOURCES[citation] for citation in cited(number.source)]
        assert works, f"{name} is called published and names no work"
        assert all(work.read for work in works), f"{name} is called published, but its source was not read"
    if number.evidence == "M":
        assert list(cited(number.source)), f"{name} is cited from memory and names no work"


@pytest.mark.parametrize("kpi", KPIS.values(), ids=KPIS)
def test_a_kpi_cites_only_works_that_are_among_the_references(kpi) -> None:
    assert not unknown_citations(kpi.reference)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_cites_only_works_that_are_among_the_references(page: Path) -> None:
    if page.name != "bibliography.md":
        assert not unknown_citations(page.read_text(encoding="utf-8").replace("\n", " "))


def test_no_file_refers_to_a_document_that_is_not_in_the_repository() -> None:
    for package in OF_PAPERS:
        for path in (ROOT / package).rglob("*.py"):
            if path != Path(__file__):
                found = PRIVATE.search(path.read_text(encoding="utf-8"))
                assert found is None, f"{path.name}: {found.group() if found else ''}"


def test_every_link_to_a_reference_leads_to_one() -> None:
    text = bibliography()
    assert len(SOURCES) == text.count("## ")
    assert len({source.anchor for source in SOURCES.values()}) == len(SOURCES)
    assert linked("sign Wang et al. 2016, size ours") == (
        "sign [Wang et al. 2016](bibliography.md#wang-et-al-2016), size ours"
    )
    assert linked("Kumar, Petersen & Leone 2007").count("](") == 1


def test_a_value_that_a_world_states_itself_does_not_borrow_the_source_of_the_default() -> None:
    world = replace(load_world("shop").world, price=replace(PriceResponse(), loss_aversion=1.9))
    experiment = new_experiment(world, cut=PriceCut(0.05), weeks=4)
    table = assumptions_table(experiment).set_index("name")
    assert table.loc["price.loss_aversion", "kind"] == "assumed"
    assert "stated in the world file; default 1.5" in table.loc["price.loss_aversion", "source"]
    assert table.loc["price.carry_over", "kind"] == "memory"
    assert table.loc["price.pull_forward", "kind"] == "published"
    assert table.loc["base.r", "kind"] == "public data"
