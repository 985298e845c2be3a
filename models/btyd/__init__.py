"""Buy till you die: how often customers buy, whether they still do, and what they spend.

For histories too short for trees: a few population parameters, and each customer's posterior.
Numpy alone: what the literature writes with hypergeometric functions is an integral here.
"""

from models.btyd.beta_geometric import BetaGeometric
from models.btyd.gamma_gamma import GammaGamma
from models.btyd.histories import Histories
from models.btyd.pareto_nbd import ParetoNBD

__all__ = ["BetaGeometric", "GammaGamma", "Histories", "ParetoNBD"]
