"""Learn buy-till-you-die models by maximum likelihood; how to read transactions for them."""

from training.btyd.likelihood import Fitted
from training.btyd.transactions import Summary, summary

__all__ = ["Fitted", "Summary", "summary"]
