"""What a business declares of its actions, channels and contact rules, in `bocian.toml`."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

NO_ACTION = "no_action"
DEFAULT_SECRET = "change-me"  # noqa: S105 - known to all, and warned of
LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""The names by which this machine alone is reached."""


class Channel(StrEnum):
    """Channels on which an action can reach a customer; the closed list of the event contract."""

    WEB = "web"
    APP = "app"
    STORE = "store"
    EMAIL = "email"
    SMS = "sms"
    PUSH = "push"
    WEB_PUSH = "web_push"
    CALL_CENTER = "call_center"
    OTHER = "other"


class Purpose(StrEnum):
    """Why a person may be contacted; consent is given per purpose and channel."""

    MARKETING = "marketing"
    SERVICE = "service"
    PROFILING = "profiling"


class LegalBasis(StrEnum):
    """On what ground (GDPR Art. 6) a purpose rests."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGITIMATE_INTEREST = "legitimate_interest"


LifecycleStage = Literal["new", "active", "loyal", "at_risk", "lapsed", "lost", "returned"]

BRAND_FORM = "[a-z][a-z0-9]{0,30}"
"""How a brand's name reads: without the underscore, which ends it in a key."""

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class Frozen(BaseModel):
    """Configuration is parsed once and never changes; an unknown key is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Offer(Frozen):
    """Commercial content of an action, as a template shows it."""

    kind: Literal["percent_off", "free_delivery", "points", "gift"]
    percent: Annotated[int, Field(ge=1, le=90)] | None = None
    points: Annotated[int, Field(ge=1)] | None = None
    valid_days: Annotated[int, Field(ge=1, le=365)] = 14

    @model_validator(mode="after")
    def _content_fits_kind(self) -> Offer:
        if (self.kind == "percent_off") != (self.percent is not None):
            raise ValueError(
                f"percent must be given exactly for kind 'percent_off', "
                f"got: kind={self.kind!r}, percent={self.percent!r}"
            )
        if (self.kind == "points") != (self.points is not None):
            raise ValueError(
                f"points must be given exactly for kind 'points', "
                f"got: kind={self.kind!r}, points={self.points!r}"
            )
        return self


class EffectPrior(Frozen):
    """Declared effect of an action: a share of the margin at risk, by lifecycle stage.

    The margin at risk of customer x is churn_probability(x) * expected_margin(x). `share` holds
    where a stage is not listed in `by_stage`; `sd` is the standard deviation of the belief.
    A share may be negative: some messages drive people away.
    """

    share: Annotated[float, Field(ge=-1, le=1)] = 0.0
    sd: Annotated[float, Field(gt=0, le=1)] = 0.05
    by_stage: dict[LifecycleStage, Annotated[float, Field(ge=-1, le=1)]] = {}


Factor = Annotated[float, Field(ge=0, le=10)]
"""A lever: by how much the business weighs a value in the ranking; 1 is no lever."""


class Action(Frozen):
    """One thing the policy may choose. `no_action` needs no declaration: it is always there.

    `weight` is a lever: it multiplies what the action is worth in the ranking, and is no effect.
    """

    id: Slug
    description: str
    channels: Annotated[tuple[Channel, ...], Field(min_length=1)]
    eligible: str = "True"
    purpose: Purpose = Purpose.MARKETING
    cool_down_days: Annotated[int, Field(ge=0, le=365)] = 14
    cost_minor: Annotated[float, Field(ge=0)] = 0.0
    offer: Offer | None = None
    effect: EffectPrior = EffectPrior()
    channel_effect: dict[Channel, Annotated[float, Field(ge=0, le=3)]] = {}
    uses: dict[Slug, Annotated[float, Field(ge=0)]] = {}
    weight: Factor = 1.0

    @model_validator(mode="after")
    def _is_a_real_action(self) -> Action:
        if self.id == NO_ACTION:
            raise ValueError("id must not be 'no_action', which every catalogue already holds")
        if len(set(self.channels)) != len(self.channels):
            raise ValueError(f"channels must be different from one another, got: {self.channels}")
        if strangers := set(self.channel_effect) - set(self.channels):
            raise ValueError(
                f"channel_effect must name channels of the action, got: {sorted(strangers)}; "
                f"its channels: {list(self.channels)}"
            )
        return self


class ChannelCost(Frozen):
    """What one message on a channel costs the business, and its customer's patience."""

    delivery_cost_minor: Annotated[float, Field(ge=0)] = 0.0
    contact_cost_minor: Annotated[float, Field(ge=0)] = 0.0
    quiet_hours_apply: bool = True


class Caps(Frozen):
    """Limits on contact. A window is rolling: `(now - window_days, now]`."""

    messages: Annotated[int, Field(ge=0)] = 2
    window_days: Annotated[int, Field(ge=1, le=365)] = 7
    quiet_from: dt.time = dt.time(21, 0)
    quiet_until: dt.time = dt.time(8, 0)
    fatigue_per_message: Annotated[float, Field(ge=0)] = 0.5


class Policy(Frozen):
    """How decisions are drawn.

    `channel_preference` is a lever like an action's weight. With `learned_preference` the value is
    also multiplied by how much likelier than on others the customer answers on the channel, as far
    as the send-time model knows, within [0.5, 2].
    """

    epoch: Slug = "e1"
    secret: SecretStr = SecretStr(DEFAULT_SECRET)
    action_floor: Annotated[float, Field(ge=0, lt=1)] = 0.05
    hour_floor: Annotated[float, Field(ge=0, lt=1)] = 0.05
    holdout_share: Annotated[float, Field(ge=0, lt=1)] = 0.05
    quiet_share: Annotated[float, Field(ge=0, lt=1)] = 0.05
    minimum_value_minor: Annotated[float, Field(ge=0)] = 0.0
    channel_preference: dict[Channel, Factor] = {}
    learned_preference: bool = False


def _positive(budget: dict[str, float]) -> dict[str, float]:
    for resource, amount in budget.items():
        if amount < 0:
            raise ValueError(f"a budget must not be negative, got: {resource}={amount}")
    return budget


Budget = Annotated[dict[Slug, float], AfterValidator(_positive)]


class Messages(Frozen):
    """How a message looks.

    Product categories are named in `category_language`, as in the events; messages in another
    language leave them out. `templates` is a folder that is looked in before the built-in ones.
    """

    sender_name: str = "Bocian"
    sender_address: str = "hello@bocian.invalid"
    unsubscribe_url: str = "https://bocian.invalid/unsubscribe"
    category_language: Annotated[str, Field(pattern=r"^[a-z]{2}$")] = "en"
    templates: str | None = None
