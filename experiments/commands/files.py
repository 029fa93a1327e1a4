"""`crmlab init`, `validate` and `schema`: the files in which questions and worlds are written."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from crmlab.experiments.commands.options import AsJson, Settings, Trust, WorldOption, overrides
from crmlab.experiments.errors import SpecError, UserError
from crmlab.experiments.printing import print_json, remark, say

if TYPE_CHECKING:
    from crmlab.experiments.calibration.trust import Light

PACKAGE = Path(__file__).parent.parent
EXAMPLE = PACKAGE / "library" / "discounts.toml"
SCHEMAS = PACKAGE / "schema"


def init(
    path: Annotated[Path, typer.Argument(help="Where to write it: a file or a folder.")] = Path("experiment.toml"),
    world: WorldOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is already there.")] = False,
    trust: Trust = False,
    as_json: AsJson = False,
) -> None:
    """Write a commented experiment file to start from."""
    from crmlab.experiments.disk import disk_trouble
    from crmlab.experiments.files.world_file import load_world
    from crmlab.experiments.spec.experiment_file import load_experiment
    from crmlab.experiments.spec.suggested_tables import commented
    from crmlab.experiments.spec.template import experiment_text

    path = path / "experiment.toml" if path.is_dir() else path
    if path.exists() and not force:
        raise UserError(f"{path} is already there; --force replaces it.")
    _, _, text = EXAMPLE.read_text(encoding="utf-8").partition("\n")
    schema = Path(os.path.relpath(SCHEMAS / "experiment.schema.json", path.parent.resolve())).as_posix()
    text = f"#:schema {schema}\n{text.replace(EXAMPLE.name, path.name)}"
    text = experiment_text(text, load_world(world or "shop").world)
    if world is not None:
        place = Path(os.path.relpath(world, path.parent)).as_posix() if world.exists() else str(world)
        text = text.replace('world = "shop"', f'world = "{place}"')
    with disk_trouble(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.write_text(text + commented(load_experiment(path).arms, path.name), encoding="utf-8")
    if as_json:
        print_json({"file": str(path)})
        return
    say(f"Wrote {path}.")
    say(f"Next: crmlab compare {path} --quick")


def validate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Experiment file or world file.")],
    world: WorldOption = None,
    settings: Settings = None,
    trust: Trust = False,
    as_json: AsJson = False,
) -> None:
    """Check an experiment file or a world file; nothing is run."""
    try:
        found = _checked(file, world, settings)
    except SpecError as error:
        if not as_json:
            raise
        print_json({"file": str(file), "ok": False, "problems": error.problems})
        raise typer.Exit(2) from None
    for note in found.notes:
        remark(f"Note: {note}")
    if as_json:
        fit = found.fit.to_json() if found.fit else None
        said = {"problems": [], "notes": found.notes, "day_one": found.day_one, "fit": fit, "deciding": found.deciding}
        print_json({"file": str(file), "ok": True} | said)
        return
    say(f"{file} is in order: {found.contents}.")
    if found.fit:
        say(found.fit.words)
    if found.day_one:
        say("On day one:")
    for words in found.day_one:
        say(f"  {words}")
    if found.deciding:
        say("The arms rest most on (assumptions without a citable number first, then the width of the range):")
    for rank, number in enumerate(found.deciding, 1):
        value, low, high = (f"{number[key]:.4g}" for key in ("value", "low", "high"))
        who = f"{len(number['arms'])} of {found.compared} arms"
        say(f"  {rank}. {number['words']} {value}, {low} to {high} {number['unit']} ({number['kind']}): {who}")
    say(f"Next: {found.following}")


def schema(
    which: Annotated[Literal["experiment", "world"], typer.Argument(help="Whose schema.")] = "experiment",
    write: Annotated[Path | None, typer.Option("--write", help="Write both schemas into this folder.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print the JSON schema of experiment or world files, with every range, unit and source."""
    from crmlab.experiments.disk import disk_trouble
    from crmlab.experiments.spec.schemas import schema_text

    if write is None:
        say(schema_text(which).rstrip())
        return
    with disk_trouble(write):
        write.mkdir(parents=True, exist_ok=True)
        files = [write / f"{name}.schema.json" for name in ("experiment", "world")]
        for file in files:
            file.write_text(schema_text(file.name.partition(".")[0]), encoding="utf-8")
    if as_json:
        print_json({"files": [str(file) for file in files]})
        return
    say(f"Wrote {files[0]} and {files[1]}.")


@dataclass(frozen=True)
class _Checked:
    """A file that is in order: what it holds, notes on what is hardly meant, whom the arms touch on day one, how far
    its world can be believed, the command that comes next, and the assumptions on which the arms rest."""

    contents: str
    following: str
    notes: list[str]
    day_one: list[str]
    fit: Light | None
    deciding: list[dict[str, Any]] = field(default_factory=list)
    compared: int = 0


def _checked(file: Path, world: Path | None, settings: list[str] | None) -> _Checked:
    from crmlab.experiments.calibration.trust import light_of
    from crmlab.experiments.checks.plausibility import notes, touched
    from crmlab.experiments.files.toml_source import TomlSource
    from crmlab.experiments.questions.compare.deciding import resting_on
    from crmlab.experiments.replication.guard import guard_notes
    from crmlab.experiments.spec.experiment_file import load_experiment
    from crmlab.sim.actions import ActionError

    if {"base", "population"} & TomlSource.read(file).data.keys():
        return _checked_world(file, settings)
    experiment = load_experiment(file, overrides(settings, None), world)
    try:
        asked, whom = notes(experiment) + guard_notes(experiment), touched(experiment)
    except ActionError as error:
        raise UserError(f"{file} cannot be played: {error}.") from None
    design, arms = experiment.design, ", ".join(arm.name for arm in experiment.arms)
    contents = (
        f"{len(experiment.arms)} arms ({arms}), {design.customers:,} customers, {design.weeks} weeks, "
        f"{design.replications} replications"
    )
    rests = [{str(key): value for key, value in row.items()} for row in resting_on(experiment).to_dict("records")]
    light = light_of(experiment.calibration)
    return _Checked(contents, f"crmlab compare {file}", asked, whom, light, rests, len(experiment.arms) - 1)


def _checked_world(file: Path, settings: list[str] | None) -> _Checked:
    from crmlab.experiments.calibration.trust import light_of
    from crmlab.experiments.checks.plausibility import opening_market, world_notes
    from crmlab.experiments.experiment import Design
    from crmlab.experiments.files.world_file import load_world

    read = load_world(file, overrides(settings, None))
    people = read.world.population
    asked = world_notes(read.world, Design().weeks, read.calibration, opening_market(read.world, read.today))
    contents = f"{people.customers:,} customers, {people.prospects:,} prospects, {len(read.world.channels)} channels"
    return _Checked(contents, f"crmlab init --world {file}", asked, [], light_of(read.calibration))
