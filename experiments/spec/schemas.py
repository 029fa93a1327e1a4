"""JSON schemas of experiment and world files, for completion in editors. Made from the same forms that check files."""

from __future__ import annotations

import json
from typing import Any, Union

from pydantic import Field, create_model

from crmlab.experiments.files.forms import Form
from crmlab.experiments.files.play_form import PlayFields, play_form
from crmlab.experiments.files.world_form import TodayForm, WorldForm
from crmlab.experiments.spec.forms import ArmForm, ExperimentForm
from crmlab.strategies import STRATEGIES


class AnyPlay(PlayFields):
    """A play of a strategy from elsewhere: `package.module:Class`, or a name that a package offers."""

    model_config = Form.model_config | {"extra": "allow"}
    kind: str = Field(json_schema_extra={"not": {"enum": list(STRATEGIES)}})


def schema_text(which: str) -> str:
    """The schema of "experiment" or "world" files as JSON text."""
    kinds = (*(play_form(cls) for cls in STRATEGIES.values()), AnyPlay)
    plays: object = list[Union[kinds]]  # type: ignore[valid-type]  # noqa: UP007
    strategies: Any = (plays, Field(default_factory=list))
    arm = create_model("Arm", __base__=ArmForm, __doc__=ArmForm.__doc__, strategies=strategies)
    today = create_model("TodaysPolicy", __base__=TodayForm, __doc__=TodayForm.__doc__, strategies=strategies)
    world = create_model(
        "World", __base__=WorldForm, __doc__=WorldForm.__doc__, today=(today, Field(default_factory=today))
    )
    world_setting: Any = str | world
    experiment = create_model(
        "Experiment",
        __base__=ExperimentForm,
        __doc__=ExperimentForm.__doc__,
        world=(world_setting, Field(description=ExperimentForm.model_fields["world"].description)),
        arms=(dict[str, arm], Field(min_length=1)),  # type: ignore[valid-type]
    )
    chosen = {"experiment": experiment, "world": world}[which]
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | chosen.model_json_schema(by_alias=True)
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
