"""What an action changes: declared where no experiment has told, learned where one has."""

from models.effects.declared import DeclaredEffects
from models.effects.learned import ArmEffect, Basis, LearnedEffects, Personal, Term
from models.effects.regression import Linear, Regression, Trees
from models.effects.stating import from_stated, stated
from models.effects.updated import Measurement, UpdatedEffects

Effects = DeclaredEffects | UpdatedEffects
"""What a bundle holds."""

__all__ = [
    "ArmEffect",
    "Basis",
    "DeclaredEffects",
    "Effects",
    "LearnedEffects",
    "Linear",
    "Measurement",
    "Personal",
    "Regression",
    "Term",
    "Trees",
    "UpdatedEffects",
    "from_stated",
    "stated",
]
