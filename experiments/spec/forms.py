"""The form of an experiment file: the tables that every question needs, and one for each question that files ask."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, create_model, field_validator
from pydantic_core import PydanticCustomError

from crmlab.experiments.experiment import TODAY, Design
from crmlab.experiments.files.forms import Form, form_of
from crmlab.experiments.questions.table import KINDS

DesignForm = form_of(
    Design,
    limits={
        "weeks": {"ge": 1, "le": 1040, "description": "Length of the run in weeks."},
        "customers": {"ge": 1, "le": 10_000_000, "description": "Founding customer rows; prospects come on top."},
        "replications": {"ge": 2, "le": 100_000, "description": "Markets played per arm, each with its own luck."},
        "seed": {"ge": 0, "le": 2**63 - 1, "description": "Names the luck: the same seed gives the same numbers."},
        "unknowns": {"description": "Whether to play as many worlds with drawn unknowns too."},
        "markets_per_world": {
            "ge": 1,
            "le": 16,
            "description": "Markets played in each of these worlds: from 2 on, luck is told apart from the world.",
        },
        "confidence": {"ge": 0.5, "le": 0.999, "description": "Of the intervals."},
        "primary": {"description": "KPI on which the decision rests."},
    },
)


class ArmForm(Form):
    """A policy: the plays that are on together."""

    description: str = ""
    start_from: Literal["today", "nothing"] = Field(
        "today", alias="from", description='"today": on top of today\'s plays. "nothing": these plays alone.'
    )
    strategies: list[dict[str, object]] = Field(default_factory=list)


class _ExperimentForm(Form):
    """An experiment: one world, the arms to compare in it, and the design of the comparison."""

    name: str = Field(min_length=1, description="Names the folder of its runs.")
    question: str = Field("", description="What is to be decided, in a sentence.")
    world: object = Field(description="Path relative to this file, name of a shipped world, or a table.")
    baseline: str = Field(TODAY, description="The arm with which the others are compared.")
    design: DesignForm = Field(default_factory=DesignForm)  # type: ignore[valid-type]
    arms: dict[str, ArmForm] = Field(default_factory=dict)
    kpis: list[str] = Field(
        [],
        description="KPIs of your own, package.module:NAME; modules beside this file are found (docs/adding-a-kpi.md).",
    )
    sections: list[str] = Field(
        [],
        description="Sections of the report of your own, package.module:function from the run's tables to a Section or "
        "Chart; modules beside this file are found (docs/adding-a-chart.md).",
    )

    @field_validator("world")
    @classmethod
    def _name_or_table(cls, value: object) -> str | dict[str, object]:
        if not isinstance(value, str | dict):
            raise PydanticCustomError("refused", "must be a path, the name of a shipped world, or a table")
        return value


_TABLES: dict[str, Any] = {
    kind.name: (
        kind.table.form | None,
        Field(None, description=f"{kind.table.says.capitalize()} with `crmlab {kind.name}`: see [{kind.name}]."),
    )
    for kind in KINDS.values()
    if kind.table
}
ExperimentForm = create_model("ExperimentForm", __base__=_ExperimentForm, __doc__=_ExperimentForm.__doc__, **_TABLES)
