"""The reference pages of the documentation, written from the code: KPIs, strategies, assumptions, keys of files,
and the literature.

    python -m crmlab.experiments.reporting.glossary          writes them into docs/

Every range, unit, source and definition stands once, on the field or record it belongs to; these pages only repeat it.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING
from pathlib import Path
from typing import Any

from crmlab.experiments.files.forms import Form
from crmlab.experiments.files.persona_form import PersonaBaseForm, PersonaForm, PersonaSpendForm, TiltForm
from crmlab.experiments.files.play_form import PlayFields, TargetForm
from crmlab.experiments.files.world_form import (
    PLAIN,
    REACTIONS,
    SECTION_FORMS,
    BaseForm,
    ChannelForm,
    CovarianceForm,
    FitForm,
    PopulationForm,
    SpendForm,
    TodayForm,
    WorldForm,
)
from crmlab.experiments.questions.sweep.form import SweepForm
from crmlab.experiments.questions.tune.form import TuneForm
from crmlab.experiments.sections import bibliography
from crmlab.experiments.sections.bibliography import linked
from crmlab.experiments.spec.forms import ArmForm, DesignForm, ExperimentForm
from crmlab.sim.kpis import HEADLINE, KPIS, Kpi
from crmlab.sim.levers import EVIDENCE, Lever, Unknown, levers_of, unknowns_of
from crmlab.sim.mechanisms.acquisition.params import Channel
from crmlab.sim.mechanisms.shipped import OPTIONAL, optional_numbers
from crmlab.sim.strategy import needs_of
from crmlab.sim.world import Base, Persona, Population, Spend, Tilt
from crmlab.strategies import STRATEGIES

DOCS = Path(__file__).parents[3] / "docs"
NOTICE = (
    "<!-- Written by `python -m crmlab.experiments.reporting.glossary`. "
    "Edit the code it is read from, not this page. -->"
)
BETTER = {1: "higher is better", -1: "lower is better", 0: "neither"}

ADDED: dict[str, type] = {name: type(optional_numbers(name)) for name in OPTIONAL}  # mechanisms that a world may name

WORLD_GROUPS: dict[str, type] = {
    "base": Base,
    "base.spend": Spend,
    "population": Population,
    **{f"unknowns.{name}": kind for name, kind in REACTIONS.items()},
    "[channel]": Channel,
    "[persona]": Persona,
    "persona.tilt": Tilt,
    **PLAIN,
    **{f"mechanism {name}": kind for name, kind in ADDED.items()},
}

FORMS: dict[str, type[Form]] = {  # by the name of the block in experiment-files.md
    "experiment": ExperimentForm,
    "design": DesignForm,
    "arm": ArmForm,
    "play": PlayFields,
    "target": TargetForm,
    "tune": TuneForm,
    "sweep": SweepForm,
    "world": WorldForm,
    "base": BaseForm,
    "spend": SpendForm,
    "population": PopulationForm,
    "today": TodayForm,
    "channel": ChannelForm,
    "persona": PersonaForm,
    "tilt": TiltForm,
    "persona_base": PersonaBaseForm,
    "persona_spend": PersonaSpendForm,
    **SECTION_FORMS,
    "fit": FitForm,
    "covariance": CovarianceForm,
}

MEANINGS = {  # of the keys whose form has no words of its own
    "experiment.design": "How the question is put: see [design].",
    "experiment.arms": "One table [arms.NAME] per policy; NAME is letters, digits, - and _.",
    "arm.description": "The policy in a sentence, for the report.",
    "arm.strategies": "The plays of the arm, each [[arms.NAME.strategies]].",
    "world.name": "Name of the market; default: that of the file.",
    "world.description": "What the market is, in a sentence.",
    "world.base": "How often people buy and how they leave.",
    "world.population": "Who is there at week 0.",
    "world.today": "The policy in force today: the arm `today`.",
    "world.channel": "Ways in which people hear of the firm, each [[channel]].",
    "world.persona": "Kinds of customers, each [[persona]]; see [personas.md](personas.md).",
    "world.acquisition": "From hearing of the firm to the first order.",
    "world.economics": "What an order earns and costs.",
    "world.calendar": "Real dates and the season of demand.",
    "world.unknowns": "How people react to prices, to a loyalty programme, and how they recommend the firm.",
    "world.fit": "What was estimated from an order log; written by `crmlab calibrate`.",
    "base.model": "Purchase model; it decides which parameters below are used.",
    "base.spend": "What an order is worth: see [base.spend].",
    "population.customers": "Customers of the real market; with a history and no number: those of the history.",
    "population.prospects": "People of the real market who might become customers.",
    "today.strategies": "Today's plays, each [[today.strategies]].",
    "channel.name": 'Name of the channel; not "before".',
    "channel.budget": "Today's spend in currency a week.",
    "persona.name": "Letters, digits, - and _.",
    "persona.description": "Who they are, in a sentence.",
    "persona.tilt": "Where they lie among fitted traits: see [persona.tilt].",
    "persona.base": "Rates of their own: see [persona.base].",
    "persona.spend": "Spend of their own: see [persona.spend].",
    "economics.currency": "Currency code, for printing only.",
    "calendar.start": "Date of week 0.",
    "word_of_mouth.graph": "Who knows whom: neighbours on a ring, some rewired; or few people with many contacts.",
    "fit.model": "The purchase model that was fitted.",
    "fit.groups": "Which parts were estimated; they are marked as real.",
    "fit.base": "How sure the estimates of [base] are: see [fit.base] and [fit.spend].",
    "fit.spend": "How sure those of [base.spend] are.",
    "covariance.parameters": "Names of the parameters, in the order of the matrix.",
    "covariance.log_covariance": "Covariance of the logs of the estimates, one list per row.",
}


def kpi_page() -> str:
    """Every KPI as the code computes it."""
    rows = [
        (f"[`{kpi.id}`](#{kpi.id})", kpi.label, kpi.unit, BETTER[kpi.direction], "yes" if kpi.id in HEADLINE else "")
        for kpi in KPIS.values()
    ]
    overview = table(("id", "KPI", "unit", "direction", "headline"), rows)
    intro = (
        "Totals are those of the real market, money is in whole currency units, a year has 52 weeks. What is undefined "
        "is a dash in tables and null in JSON, never 0. Read a ratio beside the volumes and customer equity. How to "
        "add one: [adding-a-kpi.md](adding-a-kpi.md)."
    )
    return page("KPIs", intro, overview, *(_kpi_section(kpi) for kpi in KPIS.values()), *_added_kpis())


def _added_kpis() -> Iterator[str]:
    """The KPIs that a mechanism brings which a world may name."""
    for name, numbers in ADDED.items():
        if kpis := getattr(numbers, "kpis", ()):
            yield f"# In worlds that name the mechanism {name}"
            yield from (_kpi_section(kpi) for kpi in kpis)


def _kpi_section(kpi: Kpi) -> str:
    hidden = " Known to the simulation only: no firm could measure it." if kpi.hidden else ""
    facts = {"Formula": kpi.formula, "Who counts": kpi.eligible, "Window": kpi.window, "At the edge": kpi.censoring}
    lines = "\n".join(f"- {word}: {fact}" for word, fact in (facts | {"Reference": linked(kpi.reference)}).items())
    return f"## {kpi.id}\n\n**{kpi.label}**, {kpi.unit}; {BETTER[kpi.direction]}.{hidden}\n\n{lines}"


def strategy_page() -> str:
    """Every shipped strategy with its levers."""
    intro = (
        "What an experiment file may name as `kind`, and the levers it may set. The same from the command line: "
        "`crmlab strategies NAME`. Ranges of money are for a mean order of about 35 and grow with the world's, where "
        "any amount may be stated. What every play may say besides: [experiment-files.md](experiment-files.md). How to "
        "add one: [adding-a-strategy.md](adding-a-strategy.md)."
    )
    return page("Strategies", intro, *(_strategy_section(kind, cls) for kind, cls in STRATEGIES.items()))


def _strategy_section(kind: str, cls: type) -> str:
    rows = []
    for name, field in levers_of(cls).items():
        lever = field.range
        assert isinstance(lever, Lever)
        search = "in ratios" if lever.log else f"in steps of {lever.step:g}" if lever.step else ""
        off = "" if lever.off is None else f"; {_value(lever.off)} for none"
        bounds = (_value(field.default), _value(lever.low), _value(lever.high) + off)
        rows.append((f"`{name}`", *bounds, lever.unit, search))
    levers = table(("lever", "default", "from", "to", "unit", "moves"), rows) if rows else "No levers."
    needs = needs_of(cls)
    where = f'\n\nIn worlds that name `[[mechanism]] kind = "{needs}"`.' if needs else ""
    return f"## {kind}\n\n{inspect.getdoc(cls)}{where}\n\n{levers}"


def assumption_page() -> str:
    """Every number of a world that we do not choose, with its range and source."""
    intro = (
        "The numbers that the world sets and that are known within a range only. Defaults apply where a world file "
        "says nothing. *Off* is a value outside the range that switches the mechanism off. *Varies* says how the "
        "number is drawn when worlds are sampled: within its range, within a factor of its value, or not at all; "
        "*to absence* means evenly down to the end of the range at which there is no such effect. A number that you "
        "know is written `{ value = 0.42, known = true }` and stays. What a run used: its report, section "
        "Assumptions. Keys of the file: [experiment-files.md](experiment-files.md)."
    )
    tags = table(("tag", "evidence"), [(tag, words) for tag, words in EVIDENCE.items()])
    return page("Assumptions", intro, tags, *(_group_section(name, cls) for name, cls in WORLD_GROUPS.items()))


def _group_section(name: str, cls: type) -> str:
    rows = []
    for key, field in unknowns_of(cls).items():
        unknown = field.range
        assert isinstance(unknown, Unknown)
        off = "" if unknown.off is None else _value(unknown.off)
        varies = {"no": "", "range": "range"}.get(str(unknown.vary), f"factor {unknown.vary}")
        varies += "" if unknown.absent is None else " to absence"
        bounds = (_value(field.default), _value(unknown.low), _value(unknown.high), off)
        rows.append((f"`{key}`", *bounds, unknown.unit, varies, unknown.evidence, linked(unknown.source)))
    headings = ("number", "default", "from", "to", "off", "unit", "varies", "evidence", "source")
    return f"## [{name}]\n\n{inspect.getdoc(cls)}\n\n{table(headings, rows)}"


def form_table(name: str) -> str:
    """The keys of one table of a file: type, default, what is allowed, what it means."""
    schema = FORMS[name].model_json_schema(by_alias=True)
    required = schema.get("required", [])
    rows = []
    for key, about in schema["properties"].items():
        kinds = [kind for kind in about.get("anyOf", [about]) if kind.get("type") != "null"]
        default = "required" if key in required else _value(about.get("default", ""))
        meaning = about["unit"] if "unit" in about else about.get("description") or MEANINGS[f"{name}.{key}"]
        rows.append((f"`{key}`", _kind(kinds[0]), default, _allowed(kinds), meaning))
    return table(("key", "type", "default", "allowed", "meaning or unit"), rows)


def _kind(schema: Mapping[str, Any]) -> str:
    names = {"string": "text", "integer": "whole number", "boolean": "true or false", "object": "table"}
    if schema.get("format") == "date":
        return "date"
    if schema.get("type") == "array":
        entry = _kind(schema["items"])
        return f"list of {entry.replace('list', 'lists') if entry.startswith('list') else f'{entry}s'}"
    return "table" if "$ref" in schema else names.get(schema.get("type", ""), schema.get("type", "text or table"))


def _allowed(kinds: Sequence[Mapping[str, Any]]) -> str:
    first, low, high = kinds[0], kinds[0].get("minimum"), kinds[0].get("maximum")
    values = first.get("enum") or first.get("items", {}).get("enum")
    if values:
        return ", ".join(f"`{value}`" for value in values)
    if low is None:
        return ""
    off = [f", or {_value(kind['const'])}" for kind in kinds if "const" in kind]
    return (f"{_value(low)} or more" if high is None else f"{_value(low)} to {_value(high)}") + "".join(off)


def with_tables(text: str) -> str:
    """The text with the block between `<!-- keys: NAME -->` and `<!-- end -->` written anew, for every NAME."""
    block = re.compile(r"(<!-- keys: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
    return block.sub(lambda found: f"{found[1]}{form_table(found[2])}\n{found[3]}", text)


def pages(docs: Path = DOCS) -> dict[str, str]:
    """Every page that is written or filled in here, by file name."""
    keys = (docs / "experiment-files.md").read_text(encoding="utf-8")
    return {
        "kpis.md": kpi_page(),
        "strategies.md": strategy_page(),
        "assumptions.md": assumption_page(),
        "experiment-files.md": with_tables(keys),
        bibliography.PAGE: page("References", bibliography.INTRO, bibliography.bibliography()),
    }


def page(title: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", NOTICE, *parts]) + "\n"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value) if isinstance(value, int) else f"{value:.10g}"
    if value is MISSING:
        return "required"
    return f"`{value}`" if isinstance(value, str) and value else ""


if __name__ == "__main__":
    for file_name, text in pages().items():
        (DOCS / file_name).write_text(text, encoding="utf-8")
        print(f"wrote docs/{file_name}", file=sys.stderr)
