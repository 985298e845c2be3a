"""The code of a registered model: MLflow copies this file beside the model's own, and runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext

from models.pyfunc import HOUR_COUNTS, scorer


class Scoring(PythonModel):  # type: ignore[misc]  # MLflow has no types
    """A bundle or a component, from a DataFrame to a DataFrame with the same index."""

    def load_context(self, context: PythonModelContext) -> None:
        """Open the model's files."""
        self._scorer = scorer(Path(context.artifacts["files"]))

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002 - MLflow's signature
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> pd.DataFrame:
        """One row for each of `model_input`; see `models.pyfunc.Scorer` for the columns."""
        columns = {name: model_input[name].to_numpy() for name in self._scorer.numbers}
        if self._scorer.hours != "unused" and HOUR_COUNTS in model_input:
            columns[HOUR_COUNTS] = np.stack(list(model_input[HOUR_COUNTS]))
        scored = self._scorer.score(columns)
        listed = {name: list(c) if c.ndim > 1 else c for name, c in scored.items()}
        return pd.DataFrame(listed, index=model_input.index)


set_model(Scoring())
