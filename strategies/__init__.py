"""The levers: one file per strategy, each a pure decision on what a firm can see.

A new strategy is a file here and one line in `STRATEGIES`. Strategies from elsewhere are named in experiment files
as `package.module:Class`, or offered by their package under the entry point group `crmlab.strategies`.
"""

if __name__ != "crmlab.strategies":
    raise ImportError("The package is called crmlab.strategies: write `from crmlab.strategies import ...`.")

from crmlab.strategies.campaign_claim import CampaignClaim
from crmlab.strategies.channel_mix import ChannelMix
from crmlab.strategies.coupon import CouponCampaign
from crmlab.strategies.delivery_promise import PromisedDelivery
from crmlab.strategies.discount_ladder import DiscountLadder
from crmlab.strategies.discount_tiers import DiscountTiers
from crmlab.strategies.do_nothing import DoNothing
from crmlab.strategies.first_order_offer import WelcomeOffer
from crmlab.strategies.key_account import KeyAccountCare
from crmlab.strategies.lead_follow_up import FollowUpLeads
from crmlab.strategies.points_and_tiers import PointsAndTiers
from crmlab.strategies.price_cut import PriceCut
from crmlab.strategies.priority_delivery import SentFirst
from crmlab.strategies.quality_investment import FewerFailures
from crmlab.strategies.referral_reward import ReferralReward
from crmlab.strategies.self_service import SelfServicePages
from crmlab.strategies.service_priority import ServedFirst
from crmlab.strategies.staffing import StaffedDesk
from crmlab.strategies.survey import SatisfactionSurvey
from crmlab.strategies.targeted_discount import TargetedDiscount
from crmlab.strategies.today import Today
from crmlab.strategies.win_back_coupon import WinBackCoupon

STRATEGIES: dict[str, type] = {
    "today": Today,
    "do_nothing": DoNothing,
    "price_cut": PriceCut,
    "discount_tiers": DiscountTiers,
    "channel_mix": ChannelMix,
    "points_and_tiers": PointsAndTiers,
    "referral_reward": ReferralReward,
    "targeted_discount": TargetedDiscount,
    "coupon": CouponCampaign,
    "win_back_coupon": WinBackCoupon,
    "first_order_offer": WelcomeOffer,
    "discount_ladder": DiscountLadder,
    "survey": SatisfactionSurvey,
    "staffing": StaffedDesk,
    "service_priority": ServedFirst,
    "self_service": SelfServicePages,
    "lead_follow_up": FollowUpLeads,
    "key_account": KeyAccountCare,
    "quality_investment": FewerFailures,
    "delivery_promise": PromisedDelivery,
    "priority_delivery": SentFirst,
    "campaign_claim": CampaignClaim,
}
