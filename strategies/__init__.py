"""The levers: one file per strategy, each a pure decision on what a firm can see.

A new strategy is a file here and one line in `STRATEGIES`. Strategies from elsewhere are named in experiment files
as `package.module:Class`, or offered by their package under the entry point group `crmlab.strategies`.
"""

from strategies.channel_mix import ChannelMix
from strategies.discount_tiers import DiscountTiers
from strategies.do_nothing import DoNothing
from strategies.points_and_tiers import PointsAndTiers
from strategies.price_cut import PriceCut
from strategies.referral_reward import ReferralReward
from strategies.today import Today

STRATEGIES: dict[str, type] = {
    "today": Today,
    "do_nothing": DoNothing,
    "price_cut": PriceCut,
    "discount_tiers": DiscountTiers,
    "channel_mix": ChannelMix,
    "points_and_tiers": PointsAndTiers,
    "referral_reward": ReferralReward,
}
