"""What actions change, learned from trials: the same for everyone unless more is proven.

docs/effects.md has the estimand, the learners with their sources, and the test.
"""

from training.effects.decided import Decided, Decision, decided
from training.effects.fit import FittedEffects, Learned, fit, learn, settle
from training.effects.proof import Proof
from training.effects.trial import EffectsError, Trial
from training.effects.updating import updated
from training.effects.value import Gain, Stakes

__all__ = [
    "Decided",
    "Decision",
    "EffectsError",
    "FittedEffects",
    "Gain",
    "Learned",
    "Proof",
    "Stakes",
    "Trial",
    "decided",
    "fit",
    "learn",
    "settle",
    "updated",
]
