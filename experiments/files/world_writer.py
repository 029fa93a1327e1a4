"""From a calibration to a world file: what the order log says is written down as real, the rest as assumed.

Three files are written side by side: the world (TOML, for reading and editing), the order history of its customers
(CSV, running numbers instead of the shop's own) and what the calibration found (JSON, for the report).
"""

from __future__ import annotations

import json
import math
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tomlkit

from crmlab.experiments.disk import disk_trouble
from crmlab.experiments.errors import UserError
from crmlab.experiments.files.forms import filled
from crmlab.experiments.files.history_file import file_sha256, write_history
from crmlab.experiments.files.toml_source import TomlSource
from crmlab.experiments.files.world_file import PRESETS, SHIPPED
from crmlab.experiments.files.world_form import WorldForm
from crmlab.experiments.json_data import finite
from crmlab.sim.levers import unknowns_of
from crmlab.sim.mechanisms.acquisition.params import Channel
from crmlab.sim.mechanisms.loyalty.params import LoyaltyResponse
from crmlab.sim.mechanisms.price.params import PriceResponse
from crmlab.sim.mechanisms.referral.params import WordOfMouth
from crmlab.sim.orders import YEAR
from crmlab.sim.world import History, Spend

if TYPE_CHECKING:
    from crmlab.experiments.calibration.calibrate import Calibration
    from crmlab.experiments.calibration.fit import Fit

MAX_BY_FRIENDS = 0.5  # share of today's new customers: the assumed word of mouth must leave room for channels
_LABELS = {"pareto_nbd": "Pareto/NBD", "bg_nbd": "BG/NBD", "nbd": "NBD (nobody leaves)"}


@dataclass(frozen=True)
class _ChannelPreset:
    """What is assumed of a channel: its share of first orders, its relative cost, and numbers of the world."""

    name: str
    numbers: Mapping[str, float]


@dataclass(frozen=True)
class _Presets:
    """What is assumed where an order log says nothing: the file of the same names says what each number means."""

    market_weeks: int
    market_reached: float
    prospects_per_customer: float
    first_orders_per_customer_week: float
    cac_share_of_order: float
    economics: dict[str, float]
    word_of_mouth: dict[str, float]
    friends_per_order: float  # as `word_of_mouth` makes them
    spend: dict[str, float]
    channel: tuple[_ChannelPreset, ...]


def _presets() -> _Presets:
    said = tomllib.loads((SHIPPED / f"{PRESETS}.toml").read_text(encoding="utf-8"))
    channels = tuple(_ChannelPreset(channel.pop("name"), channel) for channel in said.pop("channel"))
    friends = _friends_per_order(WordOfMouth(**said["word_of_mouth"]))
    return _Presets(**said, friends_per_order=friends, channel=channels)


def write_world(path: Path, calibration: Calibration, currency: str = "USD") -> list[Path]:
    """Write a world from a calibration. Returns the files written: world, history, calibration.

    A world that stood there and differs is kept as `<name>.bak`. Raises `StoreError`, and `UserError` when an estimate
    lies where no simulated world can be; then nothing is written.
    """
    path = path if path.suffix == ".toml" else path.with_name(f"{path.name}.toml")
    history_path, findings_path = path.with_suffix(".history.csv"), path.with_suffix(".calibration.json")
    with disk_trouble(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        findings = json.dumps(finite(findings_of(calibration)), indent=2, ensure_ascii=False) + "\n"
        text = ""

        def write(temporary: Path) -> None:
            nonlocal text
            write_history(temporary, _history(calibration))
            source = (history_path.name, file_sha256(temporary))
            text = _world_text(calibration, path.stem, source, findings_path, currency)
            _check(path, text)

        _place(history_path, write)
        _place(findings_path, lambda temporary: temporary.write_text(findings, encoding="utf-8"))
        if path.exists() and path.read_text(encoding="utf-8") != text:
            path.replace(path.with_name(f"{path.name}.bak"))
        _place(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    return [path, history_path, findings_path]


def findings_of(calibration: Calibration) -> dict[str, object]:
    """What the report needs to know: the published result, the weekly path of repeat orders, and the log by week."""
    weekly = calibration.weekly_repeat_table()
    log = calibration.weekly_log.to_dict("records")
    return calibration.to_json() | {"weekly_repeats": weekly.to_dict("records"), "weekly_log": log}


def _history(calibration: Calibration) -> History:
    orders = calibration.founding.orders
    _, customer = np.unique(orders["customer"].to_numpy(), return_inverse=True)
    amount = orders["amount"].to_numpy(np.float64) if "amount" in orders else None
    return History(customer, orders["weeks_before_end"].to_numpy(np.float64), amount)


def _place(path: Path, write: Callable[[Path], object]) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _check(path: Path, text: str) -> None:
    """A world that could not be read again is not written."""
    source = TomlSource.parse(path, text)
    _, problems = filled(WorldForm, source.data, (), source)
    if problems:
        found = "; ".join(" ".join(str(replace(p, line=None)).rstrip(".").split()) for p in problems)
        raise UserError(f"{path} was not written: this log leads outside what a world may hold: {found}.")


def _world_text(calibration: Calibration, name: str, history: tuple[str, str], findings: Path, currency: str) -> str:
    presets = _presets()
    used = calibration.founding
    customers = len(used.histories)
    spend, spend_origin = _spend(used, presets)
    order_value = used.mean_order_value or Spend(**presets.spend).mean
    won = _won(calibration, presets)
    price = {name: field.default for name, field in unknowns_of(PriceResponse).items()}
    loyalty = {name: field.default for name, field in unknowns_of(LoyaltyResponse).items()}
    base_origin = f"real: {_LABELS[used.base]} estimated from the order log{_held(used.fits[used.base])}"
    calendar = {"start": (used.calibration_end + 1).item(), "season_amplitude": 0.0}
    sections = [
        _heading(calibration, name),
        _section("[base]", _base(used), base_origin),
        _section("[base.spend]", spend, spend_origin),
        _population(customers, won, presets, history),
        _section("[today]", {"discount": 0.0}, "assumed: today's budgets as below, no standing discount"),
        *_channels(won, order_value, presets),
        _section("[acquisition]", {"lead_weeks": 4.0}, "assumed: how long somebody stays interested"),
        _section(
            "[economics]",
            _economics(presets, order_value, currency),
            "assumed: your books know better; mark what they know",
        ),
        _section("[calendar]", calendar, "real: the day after the last order of the log; assumed: no season"),
        _section(
            "[unknowns.price]", price, "assumed: how people react to a price; ranges and sources: crmlab schema world"
        ),
        _section("[unknowns.loyalty]", loyalty, "assumed: how members react to a programme, where an arm has one"),
        _section("[unknowns.word_of_mouth]", presets.word_of_mouth, "assumed: how people recommend the shop"),
        *_fit(used, findings),
    ]
    return "\n\n".join(sections) + "\n"


def _heading(calibration: Calibration, name: str) -> str:
    counts, used = calibration.log.counts, calibration.founding
    lines = [f"A world estimated from an order log of {counts['customers']:,} customers."]
    if calibration.refit:
        lines += [
            f"Fit that was checked: {_fitted(calibration)}, against the {calibration.holdout.weeks:g} weeks after it.",
            f"Fit that founds this world: {_fitted(used)}, all weeks of the log.",
        ]
    else:
        lines.append(
            f"Fit that founds this world: {_fitted(used)}, all weeks of the log; none was held back as a check."
        )
    lines += [
        calibration.light.words,
        "Sections marked `real` come from the log. Those marked `assumed` do not: put in what you know.",
        "Any number may have a range of its own: { value = 1.8, low = 1.4, high = 2.2 }; one that you know is",
        "written { value = 0.42, known = true }, and no sampled world varies it.",
    ]
    return "\n".join([*(f"# {line}" for line in lines), f"name = {_toml(name)}"])


def _fitted(calibration: Calibration) -> str:
    days = f"{calibration.log.first_day} to {calibration.calibration_end}"
    return f"{_LABELS[calibration.base]} on {days}, {len(calibration.histories):,} customers"


@dataclass(frozen=True)
class _Won:
    """New customers a week under today's policy: in all, those whom friends bring, and where the number comes from."""

    weekly: float
    by_friends: float
    origin: str

    @property
    def by_channels(self) -> float:
        return self.weekly - self.by_friends


def _won(calibration: Calibration, presets: _Presets) -> _Won:
    """The log's rate of new customers; where it has none, a share of the customer base."""
    rate = calibration.new_customers
    if rate.weekly is None:
        share = presets.first_orders_per_customer_week
        weekly = share * len(calibration.founding.histories)
        origin = f"assumed: {weekly:.1f} new customers a week ({share:.0%} of the customer base): {rate.reason}"
    else:
        weekly = rate.weekly
        origin = f"real: {weekly:.1f} new customers a week, as in the last {rate.weeks} weeks of the log"
    orders = float(calibration.weekly_log["orders"][-YEAR:].mean())
    friends = min(presets.friends_per_order * orders, MAX_BY_FRIENDS * weekly)
    return _Won(weekly, friends, origin)


def _friends_per_order(said: WordOfMouth) -> float:
    """Friends won per order, where nearly everybody who is told might still become a customer."""
    accepted = said.rewired * said.accept_weak + (1 - said.rewired) * said.accept_strong
    return said.p_invite * accepted


def _base(calibration: Calibration) -> dict[str, str | float]:
    fitted = calibration.fits[calibration.base].parameters
    return {"model": calibration.base} | {name: _digits(value) for name, value in fitted.items()}


def _spend(calibration: Calibration, presets: _Presets) -> tuple[dict[str, float], str]:
    fit = calibration.fits["gamma_gamma"]
    if fit.identified:
        values = {name: _digits(value) for name, value in fit.parameters.items()}
        return values, f"real: value of an order, Gamma-Gamma estimated from the order log{_held(fit)}"
    spend = Spend(**presets.spend)
    if calibration.mean_order_value:  # only the mean is known: keep the preset's shape
        gamma = _digits(spend.gamma * calibration.mean_order_value / spend.mean)
        return presets.spend | {"gamma": gamma}, f"real: mean order value; assumed: its spread ({fit.reason})"
    return presets.spend, f"assumed: value of an order, as in the CDNOW sample ({fit.reason})"


def _held(fit: Fit) -> str:
    return f"; held, not estimated: {' and '.join(fit.held)}" if fit.held else ""


def _population(customers: int, won: _Won, presets: _Presets, history: tuple[str, str]) -> str:
    file, sha256 = history
    prospects, why = _prospects(customers, won, presets)
    population = {"customers": customers, "prospects": prospects, "history": file, "history_sha256": sha256}
    return _section("[population]", population, f"real: customers and their orders; assumed: prospects, {why}")


def _prospects(customers: int, won: _Won, presets: _Presets) -> tuple[int, str]:
    """So many that today's channels reach only a small part of them within the horizon of most questions."""
    leads = won.by_channels * math.fsum(
        preset.numbers["share"] / preset.numbers["p_convert"] for preset in presets.channel
    )
    weeks, reached = presets.market_weeks, presets.market_reached
    enough, least = leads * weeks / reached, presets.prospects_per_customer * customers
    if enough <= least:
        return round(least), f"{presets.prospects_per_customer} per customer"
    digits = max(0, math.floor(math.log10(enough)) - 1)
    return math.ceil(enough / 10**digits) * 10**digits, f"so that today's channels reach {reached:.0%} in {weeks} weeks"


def _economics(presets: _Presets, order_value: float, currency: str) -> dict[str, str | float]:
    economics = dict(presets.economics)
    fulfilment = economics.pop("fulfilment_share_of_order") * order_value
    setup = economics.pop("programme_setup_in_orders") * order_value
    member = economics.pop("programme_member_share_of_order") * order_value
    return {
        **economics,
        "fulfilment_cost": _money(fulfilment, order_value),
        "programme_setup": _money(setup, order_value),
        "programme_member": _money(member, order_value),
        "currency": currency,
    }


def _channels(won: _Won, order_value: float, presets: _Presets) -> list[str]:
    cac = presets.cac_share_of_order * order_value
    per_order = f"{presets.cac_share_of_order:.0%} of a mean order of {order_value:.4g}"
    origin = (
        f"{won.origin};",
        f"assumed: {won.by_friends:.1f} of them come by friends; which channel wins the others, paid search",
        f"at {cac:.4g} each ({per_order}), the others by its measure;",
        "budgets stand where half of a channel's possible leads are reached",
    )
    sized = [_channel(preset, won.by_channels, cac, order_value) for preset in presets.channel]
    return [_section("[[channel]]", channel, *(() if i else origin)) for i, channel in enumerate(sized)]


def _channel(preset: _ChannelPreset, weekly: float, cac: float, order_value: float) -> dict[str, str | float]:
    """A channel that wins its share of today's first orders at its cost per new customer."""
    first_orders, paid = weekly * preset.numbers["share"], preset.numbers["cac_index"] > 0
    leads = first_orders / preset.numbers["p_convert"]
    sized: dict[str, str | float] = {"name": preset.name, "leads_max": round(leads * (2 if paid else 1), 1)}
    if paid:
        budget = _money(first_orders * cac * preset.numbers["cac_index"], order_value)
        sized |= {"half_budget": budget, "budget": budget}
    sized |= {name: preset.numbers[name] for name in unknowns_of(Channel) if name in preset.numbers}
    return sized


def _fit(calibration: Calibration, findings: Path) -> list[str]:
    fits = {"base": calibration.fits[calibration.base], "spend": calibration.fits["gamma_gamma"]}
    fits = {group: fit for group, fit in fits.items() if fit.identified}
    about = {"model": calibration.base, "groups": [*fits, "history"], "calibration": findings.name}
    sections = [_section("[fit]", about, "real: which parts were estimated, and how sure the estimates are")]
    for group, fit in fits.items():
        rows = [[_digits(float(v)) for v in row] for row in fit.log_covariance]
        uncertainty = {"parameters": list(fit.parameters), "log_covariance": rows}
        sections.append(_section(f"[fit.{group}]", uncertainty, "covariance of the logs of the parameters"))
    return sections


def _section(header: str, content: Mapping[str, object], *comments: str) -> str:
    lines = [f"# {comment}" for comment in comments]
    return "\n".join([*lines, header, *(f"{name} = {_toml(value)}" for name, value in content.items())])


def _toml(value: object) -> str:
    return tomlkit.item(value).as_string()


def _money(value: float, order_value: float) -> float:
    """Whole cents, or what weighs as little in another currency: some thousandth of a mean order."""
    return round(value, max(2, 3 - math.floor(math.log10(order_value)))) if order_value < 1e5 else float(round(value))


def _digits(value: float) -> float:
    """Eight significant digits: more than any estimate has."""
    return float(f"{value:.8g}")
