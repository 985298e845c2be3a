"""Every feature that Bocian knows, by group."""

from __future__ import annotations

from features.catalogue.basket import basket
from features.catalogue.clock import clock
from features.catalogue.declare import Catalogue
from features.catalogue.engagement import engagement
from features.catalogue.rfm import rfm
from features.catalogue.rhythm import rhythm
from features.catalogue.tenure import tenure

CATALOGUE = Catalogue((rfm, rhythm, basket, engagement, clock, tenure))
