"""Experiment files: what is read from them, and what a wrong one says."""

from dataclasses import replace
from pathlib import Path

import pytest

from crmlab.experiments.errors import SpecError
from crmlab.experiments.spec.builder import new_experiment
from crmlab.experiments.spec.experiment_file import load_experiment
from crmlab.experiments.spec.schemas import schema_text
from crmlab.experiments.spec.subsets import only_arm, quick
from crmlab.lab import load_world
from crmlab.sim.mechanisms.referral.params import WordOfMouth
from crmlab.sim.plays import Play
from crmlab.sim.strategy import audience_of, needs_of
from crmlab.sim.target import Target
from crmlab.strategies import STRATEGIES, DiscountLadder, DiscountTiers, DoNothing, PriceCut, TargetedDiscount
from tests.places import LIBRARY, ROOT

MINIMAL = """
name = "small"
world = "shop"
[arms.cut]
[[arms.cut.strategies]]
kind = "price_cut"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "question.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(SpecError) as error:
        load_experiment(written(folder, text))
    return error.value.problems


def test_a_minimal_file_compares_today_with_today_plus_the_arm(tmp_path):
    experiment = load_experiment(written(tmp_path, MINIMAL))
    assert [arm.name for arm in experiment.arms] == ["today", "cut"]
    assert [play.name for play in experiment.baseline.plays] == ["today"]
    assert [play.name for play in experiment.arms[1].plays] == ["today", "price_cut"]
    assert experiment.arms[1].plays[1].strategy == PriceCut()


def test_the_shipped_example_has_the_five_policies_of_the_tutorial():
    experiment = load_experiment(LIBRARY / "discounts.toml")
    assert [arm.name for arm in experiment.arms] == [
        "today",
        "tiers",
        "mix",
        "tiers_and_mix",
        "price_cut",
        "do_nothing",
    ]
    assert [type(play.strategy) for play in experiment.arms[-1].plays] == [DoNothing]
    assert experiment.design.weeks == 104


FOR_SOME = MINIMAL.replace('"price_cut"', '"targeted_discount"')


def test_a_play_carries_its_target_holdout_and_timing(tmp_path):
    text = FOR_SOME + (
        'name = "winback"\nrate = 0.2\nholdout = 0.1\nstart = 4\nstop = 52\nramp_weeks = 4\n'
        'target = { segments = ["dormant"], weeks_since_order = [13, 52], sources = ["paid_search"] }\n'
    )
    play = load_experiment(written(tmp_path, text)).arms[1].plays[1]
    assert (play.name, play.holdout, play.start, play.stop, play.ramp_weeks) == ("winback", 0.1, 4, 52, 4)
    assert play.target == Target({"weeks_since_order": (13, 52)}, ("dormant",), ("paid_search",))


def test_settings_of_the_command_line_reach_levers_design_and_world(tmp_path):
    settings = ["design.weeks=52", "arms.cut.strategies.0.rate=0.3", "world.economics.gross_margin=0.6"]
    experiment = load_experiment(written(tmp_path, MINIMAL), settings)
    assert experiment.design.weeks == 52
    assert experiment.arms[1].plays[1].strategy == PriceCut(rate=0.3)
    assert experiment.world.economics.gross_margin == 0.6


def test_another_baseline_comes_first_and_today_stays_an_arm(tmp_path):
    experiment = load_experiment(written(tmp_path, 'baseline = "cut"\n' + MINIMAL))
    assert [arm.name for arm in experiment.arms] == ["cut", "today"]


def test_a_world_may_stand_in_the_experiment_file(tmp_path):
    text = MINIMAL.replace('world = "shop"\n', "") + (
        "[world.base]\nr = 1.0\n[world.population]\ncustomers = 10\nprospects = 5\n"
        "[world.unknowns.price]\nelasticity = { value = 1.5, low = 1.2, high = 1.8 }\n"
    )
    experiment = load_experiment(written(tmp_path, text))
    assert experiment.world.base.r == 1.0
    assert experiment.ranges == {"price.elasticity": (1.2, 1.8)}


def test_another_world_can_be_given_from_outside():
    experiment = load_experiment(LIBRARY / "cdnow.toml", world="shop")
    assert experiment.world.name == "shop"


def test_a_strategy_of_ones_own_may_lie_beside_the_file(tmp_path):
    (tmp_path / "own_levers_for_test.py").write_text(
        "from dataclasses import dataclass\nfrom typing import Annotated\nfrom crmlab.sim import Lever\n\n"
        "@dataclass(frozen=True)\nclass Gift:\n    worth: Annotated[float, Lever(0, 9)] = 1.0\n"
        "    def decide(self, view):\n        return []\n"
    )
    text = MINIMAL.replace('"price_cut"', '"own_levers_for_test:Gift"\nworth = 3')
    assert "say --trust once" in problems(tmp_path, text)[0]
    trusted = load_experiment(written(tmp_path, text), trust=True)
    assert getattr(trusted.arms[1].plays[1].strategy, "worth", None) == 3
    assert "between 0 and 9" in problems(tmp_path, text.replace("worth = 3", "worth = 30"))[0]


def test_quick_never_makes_an_experiment_larger(tmp_path):
    experiment = quick(load_experiment(written(tmp_path, MINIMAL), ["design.weeks=12", "design.customers=500"]))
    design = experiment.design
    assert (design.weeks, design.customers, design.replications) == (12, 500, 4)


def test_one_arm_can_be_taken_alone(tmp_path):
    experiment = load_experiment(written(tmp_path, MINIMAL))
    assert only_arm(experiment, "cut").baseline.name == "cut"
    with pytest.raises(SpecError, match='Did you mean "cut"'):
        only_arm(experiment, "cuts")


def test_every_mistake_is_one_line_in_file_order_with_its_line_number(tmp_path):
    found = problems(
        tmp_path,
        'name = "x"\nworld = "shop"\ncolour = "red"\n[design]\nweeks = "a"\ncustmers = 5\n'
        '[[arms.tiers.strategies]]\nkind = "discount_tiers"\nsilver_rate = 5\n'
        '[[arms.tiers.strategies]]\nkind = "loyality"\n',
    )
    assert [line.split("  ")[0] for line in found] == ["line 3", "line 5", "line 6", "line 9", "line 11"]
    assert "colour" in found[0]
    assert "unknown setting" in found[0]
    assert "must be a whole number" in found[1]
    assert 'Did you mean "customers"?' in found[2]
    assert "between 0 and 0.15 (share of price); shares are fractions: write 0.05 for 5 %" in found[3]
    assert "not a known strategy" in found[4]
    assert "discount_tiers" in found[4]
    assert not any("\n" in line for line in found)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("rate = true", "must be a number"),
        ("weeks_on = 2.5", "must be a whole number"),
        ("start = 5\nstop = 5", "must be after start = 5"),
        ("start = 104", "the run ends before week 104"),
        ("holdout = 1.5", "must be at most 0.9"),
        ('target = { segments = ["dormnt"] }', 'Did you mean "dormant"?'),
        ('target = { sources = ["paid_searh"] }', 'Did you mean "paid_search"?'),
        ("target = { spend = [9, 1] }", "low <= high"),
        ("target = { wealth = [1, 9] }", "unknown setting"),
        ('[[arms.cut.strategies]]\nkind = "price_cut"', 'two plays are called "price_cut"'),
        ('[[arms.cut.strategies]]\nkind = "today"', 'the play "today" is already part of today'),
        ('[[arms.cut.strategies]]\nkind = "nowhere_at_all:Thing"', 'cannot import "nowhere_at_all"'),
        ('[[arms.cut.strategies]]\nkind = "channel_mix"\nfactors = { paid_serch = 2 }', 'Did you mean "paid_search"?'),
        ('[[arms.cut.strategies]]\nkind = "channel_mix"\nfactors = { organic = 2 }', "is organic"),
        ('[[arms.cut.strategies]]\nkind = "channel_mix"\nfactors = { paid_search = 20 }', "between 0 and 10"),
        ("[arms.today]", "world's own policy"),
        ('[design]\nprimary = "customer_equty"', 'Did you mean "customer_equity"?'),
        ("[design]\nweeks = 0", "must be at least 1"),
        ("[design]\nreplications = 1", "must be at least 2"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(tmp_path, wrong, sentence):
    found = problems(tmp_path, (FOR_SOME if wrong.startswith(("target", "holdout")) else MINIMAL) + wrong + "\n")
    assert len(found) == 1, found
    assert sentence in found[0]


ANYWHERE = {kind: cls for kind, cls in STRATEGIES.items() if not needs_of(cls)}
NEEDY = sorted(set(STRATEGIES) - set(ANYWHERE))
PUBLIC = sorted(kind for kind, cls in ANYWHERE.items() if audience_of(cls) == "everybody")
FOR_CUSTOMERS = sorted(set(ANYWHERE) - set(PUBLIC))
SELECTIVE = ("target = { segments = ['nurture'] }", "holdout = 0.1", "ramp_weeks = 4")


@pytest.mark.parametrize("kind", PUBLIC)
@pytest.mark.parametrize("asked", SELECTIVE)
def test_a_target_holdout_or_ramp_that_cannot_be_honoured_is_refused_with_its_line_and_a_way_out(tmp_path, kind, asked):
    """Five percent off for regulars, as a price cut with a target was five percent off for everybody."""
    text = MINIMAL.replace('"price_cut"', f'"{kind}"\nname = "asked"') + asked + "\n"
    (found,) = problems(tmp_path, text)
    assert found.startswith("line 8  ")
    assert asked.split(" ")[0] in found
    assert f'"{kind}" acts on everybody' in found
    assert "targeted_discount" in found
    assert "win_back_coupon" in found


@pytest.mark.parametrize("kind", FOR_CUSTOMERS)
@pytest.mark.parametrize("asked", SELECTIVE)
def test_what_a_strategy_for_customers_is_asked_is_what_its_play_carries(tmp_path, kind, asked):
    text = MINIMAL.replace('"price_cut"', f'"{kind}"') + asked + "\n"
    play = load_experiment(written(tmp_path, text)).arms[1].plays[1]
    assert play.selective


@pytest.mark.parametrize("kind", NEEDY)
def test_a_strategy_that_nobody_in_the_world_could_carry_out_is_refused_with_what_to_add(tmp_path, kind):
    (found,) = problems(tmp_path, MINIMAL.replace('"price_cut"', f'"{kind}"\nname = "asked"'))
    needs = needs_of(STRATEGIES[kind])
    assert f'needs the mechanism "{needs}"' in found
    assert f'[[mechanism]] kind = "{needs}"' in found


THIRD_PARTY = """
from dataclasses import dataclass
from typing import ClassVar
from crmlab.sim import Discount

@dataclass(frozen=True)
class Silent:
    "Says nothing of whom it addresses."
    def decide(self, view):
        return [Discount(0.05)]

@dataclass(frozen=True)
class Outspoken(Silent):
    "Addresses customers and says so."
    audience: ClassVar = "customers"
"""


def test_a_strategy_from_elsewhere_must_say_whom_it_addresses_before_it_is_given_a_target(tmp_path, monkeypatch):
    (tmp_path / "spoken_for.py").write_text(THIRD_PARTY, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    (found,) = problems(tmp_path, MINIMAL.replace("price_cut", "spoken_for:Silent") + "holdout = 0.2\n")
    assert "does not say whom it addresses" in found
    assert 'audience: ClassVar = "customers"' in found
    load_experiment(written(tmp_path, MINIMAL.replace("price_cut", "spoken_for:Silent")))
    load_experiment(written(tmp_path, MINIMAL.replace("price_cut", "spoken_for:Outspoken") + "holdout = 0.2\n"))


def test_friends_are_a_source_in_files_and_in_python(tmp_path):
    text = FOR_SOME + 'target = { sources = ["referral"] }\n'
    play = load_experiment(written(tmp_path, text)).arms[1].plays[1]
    assert play.target.sources == ("referral",)
    same = new_experiment("shop", arms={"cut": [Play("targeted_discount", TargetedDiscount(), play.target)]})
    assert same.arms[1].plays[1] == play


def test_friends_are_no_source_where_nobody_talks_about_the_firm():
    world = load_world("shop")
    silent = replace(world, world=replace(world.world, word_of_mouth=WordOfMouth(p_invite=0.0)))
    play = Play("targeted_discount", TargetedDiscount(), Target(sources=("referral",)))
    with pytest.raises(SpecError) as error:
        new_experiment(silent, arms={"cut": [play]})
    (found,) = error.value.problems
    assert "would reach nobody: in this world no friend wins another (p_invite of [word_of_mouth] is 0)" in found


def test_a_ladder_has_as_many_steps_as_wanted_by_orders_or_by_spend(tmp_path):
    steps = 'thresholds = [2, 4, 6, 8]\nrates = [0.02, 0.04, 0.06, 0.08]\nbasis = "orders"\n'
    play = load_experiment(written(tmp_path, MINIMAL.replace("price_cut", "discount_ladder") + steps)).arms[1].plays[1]
    assert play.strategy == DiscountLadder((2.0, 4.0, 6.0, 8.0), (0.02, 0.04, 0.06, 0.08), "orders")
    for wrong, sentence in (
        ("rates = [0.1]", "one rate for each threshold"),
        ("thresholds = [4, 2, 8]", "must be above 0 and rise"),
        ("rates = [0.1, 0.2, 0.5]", "between 0 and 0.3"),
    ):
        (found,) = problems(tmp_path, MINIMAL.replace("price_cut", "discount_ladder") + wrong + "\n")
        assert sentence in found


def test_a_first_order_offer_for_a_channel_that_is_not_there_is_refused(tmp_path):
    text = MINIMAL.replace("price_cut", "first_order_offer") + 'channel = "paid_serch"\n'
    (found,) = problems(tmp_path, text)
    assert 'Did you mean "paid_search"?' in found


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('name = "x"\nworld = "shop"\n', "nothing to compare with today"),
        (MINIMAL.replace('"shop"', '"shp"'), "does not exist"),
        (MINIMAL.replace('"shop"', "5"), "must be a path, the name of a shipped world, or a table"),
        (MINIMAL.replace('world = "shop"', "world.base.r = -3\nworld.population.customers = 3"), "base.r = -3"),
        ('baseline = "cutt"\n' + MINIMAL, 'Did you mean "cut"?'),
        (MINIMAL.replace('name = "small"\n', ""), "name  is missing"),
        ("name = = 3\n", "not valid TOML"),
        ('name = "never closed\n', "not valid TOML"),
        ("", "is empty"),
    ],
)
def test_what_is_missing_is_said_in_one_line(tmp_path, text, sentence):
    found = problems(tmp_path, text)
    assert len(found) == 1, found
    assert sentence in found[0]


def test_mistakes_of_the_world_are_told_with_those_of_the_experiment(tmp_path):
    (tmp_path / "w.toml").write_text("[base]\nr = -1\n[population]\n")
    found = problems(tmp_path, MINIMAL.replace('"shop"', '"w.toml"') + "rate = 9\n")
    assert len(found) == 2
    assert "w.toml: line 2" in found[0]
    assert "base.r = -1" in found[0]


@pytest.mark.parametrize("which", ["experiment", "world"])
def test_the_committed_schema_is_that_of_the_code(which):
    committed = (ROOT / "experiments" / "schema" / f"{which}.schema.json").read_text(encoding="utf-8")
    assert committed == schema_text(which), "run: crmlab schema --write experiments/schema"


def test_the_schema_offers_every_lever_with_its_range():
    import json

    definitions = json.loads(schema_text("experiment"))["$defs"]
    rate = definitions["DiscountTiersPlay"]["properties"]["silver_rate"]
    assert (rate["minimum"], rate["maximum"], rate["default"]) == (0.0, 0.15, DiscountTiers().silver_rate)
