"""What an action changes: declared where no experiment has told, learned where one has."""

from models.effects.declared import DeclaredEffects
from models.effects.learned import ArmEffect, Basis, LearnedEffects, Personal, Term
from models.effects.regression import Linear, Regression, Trees

__all__ = [
    "ArmEffect",
    "Basis",
    "DeclaredEffects",
    "LearnedEffects",
    "Linear",
    "Personal",
    "Regression",
    "Term",
    "Trees",
]
