"""Raw scores of LightGBM's trees, for a few rows without the time that its wrapper takes.

`Booster.predict` reads its parameters and makes a predictor at each call: for one row that takes
four times as long as to walk the trees. The C library has a call for single rows that keeps both;
the scores are the same, to the bit.
"""

from __future__ import annotations

import ctypes
from threading import Lock
from typing import Final
from weakref import WeakKeyDictionary, finalize

import lightgbm as lgb
import numpy as np
from lightgbm.basic import _LIB, _safe_call  # its C functions, which are public, and their errors
from numpy.typing import NDArray

FEW_ROWS: Final = 8
"""From here on the wrapper's own price is small beside the trees'."""

_FLOAT64, _RAW_SCORE, _ALL_TREES = 1, 1, -1  # of LightGBM's C interface


def raw_scores(booster: lgb.Booster, features: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the trees sum to for each row, shape (rows,), of features of shape (rows, f).

    Raises:
        lightgbm.basic.LightGBMError: f is not what the trees were learned from.
    """
    if len(features) > FEW_ROWS or features.shape[1] != booster.num_feature():
        return np.asarray(booster.predict(features, raw_score=True, num_threads=1))
    if booster not in _singles:
        _singles[booster] = _Single(booster)
    return _singles[booster].scores(np.ascontiguousarray(features, np.float64))


class _Single:
    """One booster, ready to score rows one by one."""

    def __init__(self, booster: lgb.Booster) -> None:
        self._features = booster.num_feature()
        self._prepared = ctypes.c_void_p()
        self._turn = Lock()  # what is prepared has room for one row's work
        _safe_call(
            _LIB.LGBM_BoosterPredictForMatSingleRowFastInit(
                booster._handle,
                ctypes.c_int(_RAW_SCORE),
                ctypes.c_int(0),
                ctypes.c_int(_ALL_TREES),
                ctypes.c_int(_FLOAT64),
                ctypes.c_int32(self._features),
                ctypes.c_char_p(b"num_threads=1"),
                ctypes.byref(self._prepared),
            )
        )
        finalize(booster, _LIB.LGBM_FastConfigFree, self._prepared)

    def scores(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """The scores of rows that lie one after the other."""
        scores, written = np.empty(len(features)), ctypes.c_int64()
        row, to = features.ctypes.data, scores.ctypes.data
        with self._turn:
            for i in range(len(features)):
                _safe_call(
                    _LIB.LGBM_BoosterPredictForMatSingleRowFast(
                        self._prepared,
                        ctypes.c_void_p(row + features.strides[0] * i),
                        ctypes.byref(written),
                        ctypes.c_void_p(to + scores.itemsize * i),
                    )
                )
        return scores


_singles: WeakKeyDictionary[lgb.Booster, _Single] = WeakKeyDictionary()
