"""What can go wrong for one customer without stopping the others."""

from __future__ import annotations


class OrchestratorError(RuntimeError):
    """One customer's decision could not become a message; the run goes on with the next."""
