"""One trained pipeline that several tests look at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulated import NOW, shop

from features.catalogue import CATALOGUE
from features.store import EventStore
from features.zones import zone
from models.effects import DeclaredEffects
from training.config import Horizons, Training
from training.pipeline import Declared, Trained, train

HORIZONS = Horizons(churn_days=28, further_churn_days=(70,), active_days=56, margin_days=56)
QUICK = Training(trials=0, dates=6, step_days=28, bootstrap=100, threads=1)
DECLARED = Declared(
    business={"currency": "EUR", "time_zone": "Europe/Warsaw"},
    policy={"epoch": "e1"},
    effects=DeclaredEffects(
        arms=(("call", "call_center"), ("offer", "email")),
        share=np.linspace(-0.1, 0.2, 16).reshape(2, 8),
        sd=np.array([0.05, 0.1]),
    ),
    protected={},
    margin_rate=0.3,
    proxy_trust=0.25,
)


@pytest.fixture(scope="session")
def shop_store(tmp_path_factory) -> EventStore:
    """A year and a half of 500 simulated customers."""
    return shop(tmp_path_factory.mktemp("shop"), customers=500, days=540)


@pytest.fixture(scope="session")
def train_on():
    """`train_on(store, protected=...)`: a quick run of the whole pipeline."""

    def run(store: EventStore, protected=None, **options) -> Trained:
        stated = {
            "now": NOW,
            "catalogue": CATALOGUE,
            "wall": zone("Europe/Warsaw"),
            "horizons": HORIZONS,
            "training": QUICK,
            "declared": replace(DECLARED, protected=protected or {}),
        }
        return train(store, **stated | options)

    return run


@pytest.fixture(scope="session")
def trained(shop_store, train_on) -> Trained:
    """All models, learned from the simulated shop."""
    return train_on(shop_store)
