"""Personas: a mix of named kinds of customers, among fitted traits or with rates of their own."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from scipy import special

from crmlab.experiments.assumptions import assumptions_table
from crmlab.experiments.charts import Look, persona_gains
from crmlab.experiments.errors import SpecError
from crmlab.experiments.experiment import Arm, Design, Experiment
from crmlab.experiments.files.world_file import load_world
from crmlab.experiments.parameters.registry import set_parameter
from crmlab.experiments.questions.compare.compare import compare
from crmlab.experiments.replication.sampled_worlds import assumed_unknowns, sampled_world
from crmlab.experiments.replication.tables import run_tables
from crmlab.experiments.spec.experiment_file import load_experiment
from crmlab.experiments.spec.schemas import schema_text
from crmlab.sim.clv_models import BGNBD, ParetoNBD
from crmlab.sim.customers import CUSTOMER
from crmlab.sim.draws import INVITE, uniforms
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.acquisition.params import Channel
from crmlab.sim.mechanisms.price.params import PriceResponse
from crmlab.sim.mechanisms.referral.params import WordOfMouth
from crmlab.sim.mechanisms.referral.referral import Referral
from crmlab.sim.mechanisms.referral.rules import sociability
from crmlab.sim.mechanisms.referral.talk import talk_params
from crmlab.sim.order_rates import order_rates
from crmlab.sim.personas import affinities, social_of
from crmlab.sim.plays import Play
from crmlab.sim.population import create_population
from crmlab.sim.target import Target
from crmlab.sim.traits import ELASTICITY, correlations, fitted_scores
from crmlab.sim.world import TRAITS, Base, Persona, Population, Spend, Tilt
from crmlab.strategies import DiscountTiers, PointsAndTiers
from tests.conftest import CDNOW_BG, CDNOW_PARETO, cohort, shop, today
from tests.places import ROOT
from tests.sim.test_population import imported

DOCS = ROOT / "docs"
SENSITIVE = PriceResponse()

FITTED = (  # three kinds among the customers of a fit
    Persona("bulk", 0.3, tilt=Tilt(order_rate=-0.5, mean_order=1.5), reach={"content": 0.5}, social=0.5),
    Persona("quality", 0.5, tilt=Tilt(departure=-1.0, elasticity=-1.0)),
    Persona("sharer", 0.2, tilt=Tilt(order_rate=1.0), reach={"content": 3.0}, social=3.0),
)
OWN = (  # the same with rates of their own
    Persona("bulk", 0.3, base=Base(r=1.2, alpha=14.0, s=0.6, beta=40.0), spend=Spend(q=4.5, gamma=39.0),
            price_sensitivity=1.4, reach={"content": 0.5}, social=0.5),
    Persona("quality", 0.5, base=Base(r=0.4, alpha=30.0, s=0.9, beta=12.0), spend=Spend(q=5.0, gamma=13.0)),
    Persona("sharer", 0.2, base=Base(r=0.9, alpha=7.0, s=1.5, beta=60.0), spend=Spend(q=4.0, gamma=9.0),
            reach={"content": 3.0}, social=3.0),
)  # fmt: skip
OWN_BG = tuple(
    replace(p, base=Base("bg_nbd", r=r, alpha=alpha, a=a, b=b))
    for p, (r, alpha, a, b) in zip(OWN, ((1.2, 14, 0.8, 4), (0.3, 8, 0.9, 2.2), (0.9, 7, 1.5, 9)), strict=True)
)
TRAIT_COLUMNS = ("order_rate", "departure_rate", "p_dropout", "mean_order", "elasticity")


def assert_within_4_se(values: np.ndarray, target: float, what: str) -> None:
    se = max(values.std(ddof=1), 1e-3) / np.sqrt(values.size)
    assert abs(values.mean() - target) < 4 * se, f"{what}: {values.mean():.4f} +- {se:.4f}, wanted {target:.4f}"


def people_of(world, seed: int = 5):
    return create_population(world, seed, 0).customers


def market_of(personas, n: int = 20_000, **changes):
    """Prospects only, and plenty of them: what the founding says of everybody."""
    return shop(personas=personas, population=Population(customers=10, prospects=n), price=SENSITIVE, **changes)


# Calibrated: personas among fitted traits


@pytest.mark.parametrize("base", [CDNOW_PARETO, CDNOW_BG, Base("nbd")], ids=["pareto_nbd", "bg_nbd", "nbd"])
@pytest.mark.parametrize("history", [None, imported()], ids=["made-up past", "imported past"])
def test_personas_leave_every_fitted_trait_as_it_is_bit_for_bit(base, history) -> None:
    plain, mixed = (people_of(shop(base=base, history=history, personas=p)) for p in ((), FITTED))
    for name in TRAIT_COLUMNS:
        np.testing.assert_array_equal(getattr(plain, name), getattr(mixed, name), err_msg=name)
    for name in ("stage", "orders", "order_clock", "life_clock"):  # of the customers; prospects are reached otherwise
        np.testing.assert_array_equal(getattr(plain, name)[:600], getattr(mixed, name)[:600], err_msg=name)
    assert set(plain.persona) == {0}
    assert set(mixed.persona) == {0, 1, 2}


def test_shares_of_all_people_are_those_stated_whatever_the_tilts() -> None:
    persona = people_of(market_of(FITTED, 100_000)).persona
    for number, who in enumerate(FITTED):
        assert_within_4_se(persona == number, who.share, who.name)


def test_a_persona_is_drawn_given_the_traits_by_the_odds_that_its_tilt_states() -> None:
    """Two personas, log odds a + b z: in every tenth of the people by order rate, the share that the rule says."""
    strong = replace(FITTED[0], share=0.6, tilt=Tilt(order_rate=1.2))
    people = people_of(market_of((strong, replace(FITTED[1], share=0.4, tilt=Tilt())), 60_000))
    u = special.gammainc(0.553, 10.578 * people.order_rate.astype(float))
    z = special.ndtri(u)
    from scipy.optimize import brentq

    nodes, weight = np.polynomial.hermite_e.hermegauss(60)
    constant = brentq(lambda c: weight @ special.expit(c + 1.2 * nodes) / weight.sum() - 0.6, -5, 5)
    chance = special.expit(constant + 1.2 * z)
    for tenth in np.array_split(np.argsort(z), 10):
        assert_within_4_se((people.persona[tenth] == 0) - chance[tenth], 0.0, "share of the first persona")


def test_imported_customers_get_a_persona_that_goes_with_the_posterior_of_their_own_history() -> None:
    two = (Persona("heavy", 0.5, tilt=Tilt(order_rate=2.0)), Persona("light", 0.5))
    history = imported([(7, 35.0, 38.86), (0, 0.0, 38.86)])
    world = cohort(history=history, personas=two, population=Population(customers=8000, prospects=0))
    people = people_of(world)
    z = special.ndtri(special.gammainc(0.553, 10.578 * people.order_rate.astype(float)))
    assert_within_4_se((people.persona == 0) - special.expit(2.0 * z), 0.0, "chance given the own rate")
    busy = people.orders == 8
    assert (people.persona[busy] == 0).mean() > (people.persona[~busy] == 0).mean() + 0.3


@pytest.mark.parametrize("history", [None, imported()], ids=["made-up past", "imported past"])
def test_in_a_fitted_market_the_elasticity_alone_hangs_together_with_the_other_traits(history) -> None:
    stated = {"elasticity/order_rate": -0.5, "mean_order/elasticity": 0.3}
    fitted = shop(history=history, population=Population(customers=20_000, prospects=0), price=SENSITIVE)
    plain, tied = people_of(fitted), people_of(replace(fitted, correlation=stated))
    for name in TRAIT_COLUMNS[:-1]:
        np.testing.assert_array_equal(getattr(plain, name), getattr(tied, name))
    world = replace(fitted, correlation=stated)
    from crmlab.sim.draws import key_of

    z = fitted_scores(world, tied, slice(0, 20_000), 20_000, key_of(5, 0))
    drawn = special.ndtri(np.argsort(np.argsort(tied.elasticity)) / 20_000 + 0.5 / 20_000)  # its own normal scores
    assert np.corrcoef(drawn, z[:, ELASTICITY])[0, 1] > 0.99
    given = z[:, ELASTICITY] - (-0.5 * z[:, 0] + 0.3 * z[:, 2])
    assert abs(np.corrcoef(given, z[:, 0])[0, 1]) < 4 / np.sqrt(20_000)
    if history is None:
        for name, wanted in (("order_rate", -0.5), ("mean_order", 0.3)):
            found_ = np.corrcoef(z[:, TRAITS.index(name)], drawn)[0, 1]
            assert abs(found_ - wanted) < 4 * (1 - wanted**2) / np.sqrt(20_000)


# Authored: personas with rates of their own


@pytest.mark.parametrize("personas", [OWN, OWN_BG], ids=["pareto_nbd", "bg_nbd"])
def test_a_market_of_personas_follows_the_mixture_of_their_closed_forms(personas) -> None:
    world = cohort(personas[0].base, personas=personas, population=Population(20_000, 0, history_weeks=0.0))
    market = Market(world, (), seed=5)
    people = market.customers
    for number, who in enumerate(personas):
        assert_within_4_se(people.persona == number, who.share, f"share of {who.name}")
        mean = world.spend.p * who.spend.gamma / (who.spend.q - 1)
        assert_within_4_se(people.mean_order[people.persona == number], mean, f"mean order of {who.name}")
    market.run(52)

    def clv_models(persona: Persona):
        b = persona.base
        is_pareto = b.model == "pareto_nbd"
        return ParetoNBD(b.r, b.alpha, b.s, b.beta) if is_pareto else BGNBD(b.r, b.alpha, b.a, b.b)

    models = [clv_models(who) for who in personas]
    share = np.array([who.share for who in personas])
    repeats, alive = people.orders - 1.0, people.stage == CUSTOMER
    assert_within_4_se(repeats, share @ [float(m.expected_orders(52)) for m in models], "repeat orders of all")
    assert_within_4_se(repeats == 0, share @ [float(m.p_none(52)) for m in models], "no repeat order")
    for number, (who, model) in enumerate(zip(personas, models, strict=True)):
        mine = people.persona == number
        assert_within_4_se(repeats[mine], float(model.expected_orders(52)), f"repeat orders of {who.name}")
        if who.base.model == "pareto_nbd":
            assert_within_4_se(alive[mine], float(model.survival(52)), f"survival of {who.name}")
    if personas is OWN:
        assert_within_4_se(alive, share @ [float(m.survival(52)) for m in models], "survival of all")


def test_traits_hang_together_within_a_persona_as_stated() -> None:
    stated = {"order_rate/mean_order": 0.3, "order_rate/elasticity": -0.2, "departure/order_rate": -0.4}
    people = people_of(market_of(OWN, correlation=stated))
    price = (people.elasticity, people.persona)
    wanted = correlations(stated)
    for number, who in enumerate(OWN):
        mine = people.persona == number
        b, s = who.base, who.spend
        z = special.ndtri(
            [
                special.gammainc(b.r, b.alpha * people.order_rate[mine].astype(float)),
                special.gammainc(b.s, b.beta * people.departure_rate[mine].astype(float)),
                special.gammaincc(s.q, s.gamma * 6.25 / people.mean_order[mine].astype(float)),
                (np.argsort(np.argsort(price[0][mine])) + 0.5) / mine.sum(),
            ]
        )
        close = 4 * (1 - wanted**2) / np.sqrt(mine.sum()) + 1e-9
        assert (np.abs(np.corrcoef(z) - wanted) < close).all(), f"{who.name}: {np.corrcoef(z).round(3)}"
        assert_within_4_se(z[0], 0.0, "the order rate keeps its own distribution")


def test_price_sensitivity_is_relative_and_the_average_stays_that_of_the_world() -> None:
    people = people_of(market_of(OWN))
    mean = 0.3 * 1.4 + 0.7
    assert_within_4_se(people.elasticity, 1.8, "all")
    assert_within_4_se(people.elasticity[people.persona == 0], 1.8 * 1.4 / mean, "bulk")
    insensitive = market_of(OWN, 100)
    insensitive = replace(insensitive, price=replace(SENSITIVE, elasticity=0.0, elasticity_cv=0.0))
    assert people_of(insensitive).elasticity.max() == 0.0


def test_mean_spread_and_heaviest_fifth_of_the_order_rate_are_those_of_the_mixture() -> None:
    """What the loyalty programme needs to know of a market: who is a heavy buyer."""
    world = market_of(OWN, 50_000, order_factor=1.1)
    rate = people_of(world).order_rate.astype(float)
    rates = order_rates(world)
    assert_within_4_se(rate, rates.mean, "mean")
    assert_within_4_se(np.log(rate), rates.log_mean, "log mean")
    assert_within_4_se((np.log(rate) - rates.log_mean) ** 2, rates.log_sd**2, "log variance")
    assert_within_4_se(rate >= rates.quantile(0.8), 0.2, "heaviest fifth")
    assert_within_4_se(people_of(world).mean_order, world.mean_order, "mean order")


# Both


@pytest.mark.parametrize("personas", [FITTED, OWN], ids=["calibrated", "authored"])
def test_a_renamed_persona_changes_no_bit(personas) -> None:
    renamed = tuple(replace(p, name=f"new_{p.name}", description="x") for p in personas)
    one, other = (Market(shop(personas=p), today(), seed=2).run(8) for p in (personas, renamed))
    for name in (*TRAIT_COLUMNS, "persona", "reach", "orders", "spend", "stage"):
        np.testing.assert_array_equal(getattr(one.customers, name), getattr(other.customers, name))


@pytest.mark.parametrize("personas", [FITTED, OWN], ids=["calibrated", "authored"])
def test_what_a_persona_adds_changes_nobodys_traits_or_persona(personas) -> None:
    bare = tuple(replace(p, reach={}, social=1.0) for p in personas)
    one, other = people_of(shop(personas=personas)), people_of(shop(personas=bare))
    for name in (*TRAIT_COLUMNS, "persona"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert not np.array_equal(one.reach, other.reach)


@pytest.mark.parametrize("personas", [FITTED, OWN], ids=["calibrated", "authored"])
def test_a_small_market_of_personas_holds_the_first_people_of_a_large_one(personas) -> None:
    tied = {"order_rate/elasticity": -0.3}
    small, large = (people_of(market_of(personas, n, correlation=tied)) for n in (500, 70_000))
    for name in (*TRAIT_COLUMNS, "persona", "reach"):
        np.testing.assert_array_equal(getattr(small, name), getattr(large, name)[:510], err_msg=name)


@pytest.mark.parametrize("personas", [FITTED, OWN], ids=["calibrated", "authored"])
@pytest.mark.parametrize("value_ratio", [1.0, 1.5])
def test_a_channel_has_the_reach_it_is_said_to_have_and_the_leads_stay(personas, value_ratio) -> None:
    content = Channel("content", leads_max=10.0, value_ratio=value_ratio)
    world = market_of(personas, 50_000, channels=(content, Channel("other", leads_max=10.0)))
    people = people_of(world)
    affinity = affinities(world, content, people)
    assert_within_4_se(affinity, 1.0, "mean affinity over all people")
    assert_within_4_se(affinities(world, world.channels[1], people), 1.0, "mean affinity of a plain channel")
    if value_ratio == 1.0:
        levels = [affinity[people.persona == number] for number in range(3)]
        assert [np.ptp(level) for level in levels] == pytest.approx([0, 0, 0], abs=1e-9)
        assert levels[2][0] / levels[0][0] == pytest.approx(6.0)
        assert levels[2][0] / levels[1][0] == pytest.approx(3.0)
        early = people.reach[10:, 0] < 0.02  # whom the channel reaches first
        share = (people.persona[10:][early] == 2).mean()
        wanted = 0.2 * 3.0 / (0.3 * 0.5 + 0.5 + 0.2 * 3.0)
        assert abs(share - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / early.sum()) + 0.01


def test_a_channel_without_persona_reach_keeps_its_value_ratio_in_an_authored_mixture() -> None:
    channel = Channel("good", leads_max=1.0, value_ratio=1.4)
    world = market_of(OWN, 100_000, channels=(channel,))
    people = people_of(world)
    rate, affinity = people.order_rate.astype(float), affinities(world, channel, people)
    assert_within_4_se(affinity * (rate / order_rates(world).mean - 1.4), 0.0, "order rate of those reached")


@pytest.mark.parametrize("personas", [FITTED, OWN, ()], ids=["calibrated", "authored", "none"])
def test_readiness_to_invite_is_relative_to_the_average_person(personas) -> None:
    world = market_of(personas)
    persona = people_of(world).persona
    social = social_of(world)[persona]
    assert_within_4_se(social, 1.0, "mean over all people")
    if personas:
        assert social[persona == 2][0] / social[persona == 0][0] == pytest.approx(6.0)


def test_sociable_personas_invite_as_many_more_friends_as_they_are_more_sociable() -> None:
    world = shop(
        personas=FITTED,
        population=Population(customers=20_000, prospects=0, history_weeks=0),
        word_of_mouth=WordOfMouth(p_invite=0.08, accept_strong=0.0, accept_weak=0.0, p_warn=0.0),
    )
    market, invitations, orders = Market(world, today()), np.zeros(3), np.zeros(3)
    people = market.customers
    for week in range(8):
        market.step()
        placed = market.order_log.week(week)
        telling = talk_params(world, None, 0.0)
        orders += np.bincount(people.persona[placed.row], minlength=3)
        for row, nth in zip(placed.row, placed.nth, strict=True):
            readily = sociability(telling, people.persona[row], *market.key, row)
            invitations[people.persona[row]] += uniforms(*market.key, INVITE, row, nth)[0] < 0.08 * readily
    said = sum(week.invitations for week in Referral.of(market).weeks.values())
    assert invitations.sum() == said
    rate = invitations / orders
    se = rate[2] / rate[0] * np.sqrt(1 / invitations[2] + 1 / invitations[0])
    assert abs(rate[2] / rate[0] - FITTED[2].social / FITTED[0].social) < 4 * se


# What the firm can see


def test_the_firm_cannot_see_personas_and_no_target_can_ask_for_them(tmp_path) -> None:
    market = Market(shop(personas=FITTED), today())
    with pytest.raises(AttributeError):
        market.look().persona  # noqa: B018
    file = tmp_path / "e.toml"
    file.write_text(
        'world = "personas"\n[arms.a]\nstrategies = [{ kind = "do_nothing", target = { persona = "x" } }]\n'
    )
    with pytest.raises(SpecError, match="unknown setting"):
        load_experiment(file)


def test_a_target_can_ask_for_members_and_for_scores(tmp_path) -> None:
    market = Market(shop(), today(Play("points", PointsAndTiers())), customers=2000).run(30)
    view = market.look()
    members, others = Target(member=True).matches(view), Target(member=False).matches(view)
    assert 0 < members.sum() < view.n
    np.testing.assert_array_equal(members, ~others)
    np.testing.assert_array_equal(members, view.member)
    assert Target().everybody
    assert not Target(member=False).everybody
    heavy = Target(bands={"frequency_score": (4, 5), "recency_score": (3, 5)}).matches(view)
    np.testing.assert_array_equal(heavy, (view.rfm[:, 1] >= 4) & (view.rfm[:, 0] >= 3))
    assert (view.monetary_score == view.rfm[:, 2]).all()

    text = (
        'name = "x"\nworld = "shop"\n[arms.a]\n[[arms.a.strategies]]\nkind = "discount_tiers"\ntarget = {member = %s}\n'
    )
    for said, wanted in (("false", False), ("true", True)):
        file = tmp_path / f"{said}.toml"
        file.write_text(text % f"{said}, frequency_score = [4, 5]")
        target = load_experiment(file).arms[1].plays[-1].target
        assert target == Target({"frequency_score": (4, 5)}, member=wanted)
    file.write_text(text % '"yes"')
    with pytest.raises(SpecError, match="must be true or false"):
        load_experiment(file)
    assert '"member"' in schema_text("experiment")


# Files

MINIMAL = """[base]
[population]
customers = 100
[[channel]]
name = "content"
leads_max = 3
[[persona]]
name = "a"
share = 0.4
tilt = { order_rate = 0.5, elasticity = { value = -0.5, low = -1, high = 0 } }
reach = { content = { value = 2, low = 1, high = 3 } }
[[persona]]
name = "b"
share = 0.6
"""
OWN_RATES = "[persona.base]\nr = 1\nalpha = 10\ns = 1\nbeta = 10\n[persona.spend]\nq = 3\ngamma = 20\n"
AUTHORED = f'[base]\n[population]\ncustomers = 100\n[[persona]]\nname = "a"\nshare = 1\n{OWN_RATES}'


def test_a_world_file_states_personas_with_ranges_of_their_own(tmp_path) -> None:
    file = tmp_path / "w.toml"
    file.write_text(MINIMAL + '[correlation]\n"order_rate/elasticity" = { value = -0.2, low = -0.4, high = 0 }\n')
    read = load_world(file, ["persona.1.social=2"])
    assert read.world.personas == (
        Persona("a", 0.4, tilt=Tilt(order_rate=0.5, elasticity=-0.5), reach={"content": 2.0}),
        Persona("b", 0.6, social=2.0),
    )
    assert read.world.correlation == {"order_rate/elasticity": -0.2}
    assert read.ranges == {
        "personas.a.tilt.elasticity": (-1, 0),
        "personas.a.reach.content": (1, 3),
        "correlation.order_rate/elasticity": (-0.4, 0),
    }
    assert load_world("personas").world.authored


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (MINIMAL.replace("0.6", "0.5"), "the shares of all personas must add up to 1; they add up to 0.9"),
        (MINIMAL.replace('"b"', '"a"'), "two personas have this name"),
        (MINIMAL.replace('"b"', '"b.c"'), "letters, digits, - and _"),
        (MINIMAL.replace("{ content", "{ contnt"), 'Did you mean "content"?'),
        (MINIMAL.replace("order_rate", "order_rte"), 'Did you mean "order_rate"?'),
        (MINIMAL.replace("= 0.5", "= 5"), "must be between -3 and 3"),
        (MINIMAL.replace("value = 2,", "value = 2, most = 3,"), "{ value = ..., low = ..., high = ... }"),
        (MINIMAL + "price_sensitivity = 2\n", "use tilt = { elasticity = ... }"),
        (MINIMAL + OWN_RATES, "missing in: a"),
        (MINIMAL + '[correlation]\n"order_rate/mean_order" = 0.3\n', "the fit assumes that order rate, departure and"),
        (MINIMAL + '[correlation]\n"order_rate/elastcity" = 0.3\n', 'Did you mean "elasticity"?'),
        (MINIMAL + '[correlation]\n"order_rate" = 0.3\n', "must name two different traits"),
        (MINIMAL + '[correlation]\n"order_rate/elasticity" = 0.3\n"elasticity/order_rate" = 0.3\n', "stated twice"),
        (MINIMAL + '[correlation]\n"order_rate/elasticity" = 1.5\n', "must be between -0.95 and 0.95"),
        (
            MINIMAL + '[correlation]\n"order_rate/elasticity" = 0.9\n"departure/elasticity" = 0.9\n',
            "no people can have all these correlations at once",
        ),
        (
            MINIMAL + '[correlation]\n"order_rate/elasticity" = { value = 0, low = 0, high = 0.9 }\n'
            '"departure/elasticity" = 0.9\n',
            "no people can have all these correlations at once",
        ),
        (MINIMAL.replace("[base]", '[base]\nmodel = "nbd"').replace("order_rate", "departure"), "nobody leaves"),
        (AUTHORED.replace("beta = 10\n", ""), "must state r, alpha, s, beta and nothing else"),
        (AUTHORED.replace("gamma = 20\n", ""), "must state q and gamma"),
        (AUTHORED.replace("gamma = 20\n", "gamma = 20\np = 3\n"), "unknown setting"),
        (AUTHORED.replace("[base]", "[base]\nr = 0.5"), "says r, but every persona has its own"),
        (
            AUTHORED.replace("[population]", "[base.spend]\nq = 3\n[population]"),
            "says q, but every persona has its own",
        ),
        (AUTHORED.replace("share = 1", "share = 1\ntilt = { order_rate = 1 }"), "places a persona among fitted traits"),
        (AUTHORED.replace("[population]", '[population]\nhistory = "h.csv"'), "give them a tilt instead"),
        (
            AUTHORED.replace("share = 1", "share = 0.9\nprice_sensitivity = 1")
            + '[[persona]]\nname = "b"\nshare = 0.1\nprice_sensitivity = 4\n'
            + OWN_RATES,
            "at most 90% of elasticity_max = 3.7",
        ),
    ],
)
def test_mistakes_about_personas_are_said_in_one_sentence(tmp_path, text, sentence) -> None:
    file = tmp_path / "w.toml"
    file.write_text(text)
    with pytest.raises(SpecError) as error:
        load_world(file)
    assert len(error.value.problems) == (2 if "h.csv" in text else 1), error.value.problems  # the file is not there
    assert any(sentence in line for line in error.value.problems), error.value.problems


def test_the_example_of_the_page_is_a_calibrated_world(tmp_path) -> None:
    example = re.search(r"```toml\n(.*?)```", (DOCS / "personas.md").read_text(encoding="utf-8"), re.DOTALL)
    file = tmp_path / "w.toml"
    channels = "".join(f'[[channel]]\nname = "{c}"\nleads_max = 1\n' for c in ("marketplace", "content", "paid_social"))
    file.write_text("[base]\n[population]\ncustomers = 50\n" + channels + example[1])
    world = load_world(file).world
    assert len(world.personas) == 3
    assert not world.authored
    assert set(people_of(replace(world, population=Population(200, 200))).persona) == {0, 1, 2}


# Unknowns and assumptions


def experiment_of(personas, **changes) -> Experiment:
    world = shop(personas=personas, population=Population(customers=300, prospects=1500))
    arms = (Arm("today", today()), Arm("tiers", today(Play("tiers", DiscountTiers(silver_spend=20)))))
    return Experiment("personas", world, arms, **changes)


def test_sampled_worlds_draw_shares_tilts_reach_and_social_within_their_ranges() -> None:
    plain = experiment_of(
        FITTED, ranges={"personas.bulk.social": (0.4, 0.6), "personas.sharer.tilt.departure": (-1, 1)}
    )
    drawn = [sampled_world(plain, r).personas for r in range(60)]
    share = np.array([p[1].share for p in drawn])
    assert 0.5 / 1.5 <= share.min() < 0.45 < 0.55 < share.max() <= 0.5 * 1.5
    tilt = np.array([p[1].tilt.departure for p in drawn])
    assert -1.5 <= tilt.min() < -1.1 < -0.9 < tilt.max() <= -1 / 1.5
    reach = np.array([p[2].reach["content"] for p in drawn])
    assert 2 <= reach.min() < reach.max() <= 4.5
    social = np.array([p[0].social for p in drawn])
    assert 0.4 <= social.min() < social.max() <= 0.6
    assert len({p[2].tilt.departure for p in drawn}) == 60  # 0 as stated, but with a range
    assert {p[1].social for p in drawn} == {1.0}  # nothing was said about it
    assert {p[0].price_sensitivity for p in drawn} == {1.0}
    names = [number.path for number in assumed_unknowns(plain)]
    assert len(names) == len(set(names))


def test_one_more_channel_at_the_end_changes_no_number_of_a_persona() -> None:
    plain = experiment_of(FITTED)
    channels = (*plain.world.channels, Channel("new", leads_max=1.0))
    more = replace(plain, world=replace(plain.world, channels=channels))
    assert sampled_world(plain, 3).personas == sampled_world(more, 3).personas


def test_single_numbers_of_personas_can_be_changed_by_path() -> None:
    world = shop(personas=OWN, correlation={"order_rate/elasticity": -0.2})
    world = set_parameter(world, "personas.bulk.base.r", 2.0)
    world = set_parameter(world, "personas.bulk.reach.content", 0.7)
    world = set_parameter(world, "correlation.order_rate/elasticity", -0.1)
    assert world.personas[0].base == replace(OWN[0].base, r=2.0)
    assert world.personas[0].reach == {"content": 0.7}
    assert world.personas[1:] == OWN[1:]
    assert world.correlation == {"order_rate/elasticity": -0.1}


def test_every_number_of_a_persona_is_listed_as_assumed() -> None:
    table = assumptions_table(experiment_of(OWN)).set_index("name")
    assert table.loc["personas.bulk.base.r", "kind"] == "assumed"  # a made-up number, whatever [base] is
    assert table.loc["personas.sharer.reach.content", "value"] == 3.0
    assert table.loc["personas.bulk.share", "varied"]
    assert "base.r" not in table.index  # [base] says the model only
    assert "spend.gamma" not in table.index
    fitted = assumptions_table(experiment_of(FITTED)).set_index("name")
    assert fitted.loc["personas.quality.tilt.departure", "value"] == -1.0
    assert "personas.quality.tilt.order_rate" not in fitted.index  # nothing is said about it
    assert {"base.r", "spend.gamma"} <= set(fitted.index)


def test_sampled_worlds_with_very_sensitive_personas_can_be_lived() -> None:
    own = (replace(OWN[0], price_sensitivity=2.0), *OWN[1:])
    world = replace(shop(personas=own), price=replace(SENSITIVE, elasticity=2.6))
    assert people_of(world).elasticity.max() <= 3.7


# Tables


def test_the_table_of_personas_shares_out_orders_and_money_completely() -> None:
    market = Market(shop(personas=OWN), today(Play("tiers", DiscountTiers(silver_spend=20))), seed=3).run(30)
    table = run_tables(market)["personas"].set_index("persona")
    weekly = run_tables(market)["weekly"].groupby("series")["value"].sum()
    assert list(table.index) == ["bulk", "quality", "sharer"]
    assert table["people"].sum() == pytest.approx(market.customers.n * market.scale)
    assert table["orders"].sum() == pytest.approx(weekly["orders"])
    assert table["revenue"].sum() == pytest.approx(weekly["revenue"])
    assert (table["discounts_per_buyer"] > 0).any()
    assert "personas" not in run_tables(Market(shop(), today()).run(2))


def test_what_a_policy_changes_for_each_persona_is_paired_and_drawn() -> None:
    asked = experiment_of(OWN, design=Design(weeks=20, customers=300, replications=3, unknowns=False))
    found_ = compare(asked, workers=1)
    table = found_.tables["personas"]
    assert (table.loc[table["arm"] == "today", "gain"] == 0).all()
    tiers = table[table["arm"] == "tiers"]
    before = table[table["arm"] == "today"]
    assert tiers["gain"].to_numpy() == pytest.approx(
        tiers["contribution"].to_numpy() - before["contribution"].to_numpy()
    )
    assert ((tiers["gain_low"] <= tiers["gain"]) & (tiers["gain"] <= tiers["gain_high"])).all()
    chart = persona_gains(table, Look("today", ("today", "tiers")))
    assert "simulation only" in chart.note
    assert len(chart.table) == 6
    assert chart.sentence.endswith(".")
