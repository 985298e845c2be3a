"""Every feature that Bocian knows, by group."""

from __future__ import annotations

from features.catalogue.basket import basket
from features.catalogue.browsing import browsing
from features.catalogue.clock import clock
from features.catalogue.declare import Catalogue
from features.catalogue.loyalty import loyalty
from features.catalogue.messages import messages
from features.catalogue.referral import referral
from features.catalogue.rfm import rfm
from features.catalogue.rhythm import rhythm
from features.catalogue.season import season
from features.catalogue.service import service
from features.catalogue.subscription import subscription
from features.catalogue.tenure import tenure
from features.catalogue.voice import voice

CATALOGUE = Catalogue(
    (
        rfm,
        rhythm,
        basket,
        browsing,
        messages,
        service,
        voice,
        loyalty,
        referral,
        subscription,
        clock,
        tenure,
        season,
    )
)
