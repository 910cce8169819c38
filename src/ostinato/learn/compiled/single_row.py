"""LightGBM's own call for one row: where trees cannot be walked here, such as linear ones.

The Python interface of LightGBM spends some 20 us a call on checks; this goes to the C interface
below it (`LGBM_BoosterPredictForMatSingleRowFast`), with one thread.
"""

from __future__ import annotations

import ctypes
import importlib
import weakref
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from ostinato.core.errors import LearnerError
from ostinato.core.records import Floats
from ostinato.learn.compiled.form import Form, Row, Unsupported, finisher
from ostinato.learn.compiled.lightgbm import booster_of, rounds_of
from ostinato.learn.compiled.original import original
from ostinato.learn.compiled.rows import Coder
from ostinato.learn.model import Model

_NORMAL: Final = 0  # C_API_PREDICT_NORMAL
_FLOAT64: Final = 1  # C_API_DTYPE_FLOAT64


def single_row_form(model: Model) -> Form:
    """Score row by row with the C interface of LightGBM.

    Raises
    ------
    Unsupported
        If the objective is a function of the user's.
    """
    if model.encoding.style != "ordinal":
        raise Unsupported("its features are not coded as ordinals")
    predict, finish, coder = _Predictor(model), finisher(model), Coder(model.encoding)
    asked, single = original(model), predict.width == 1

    def score(rows: Sequence[Row]) -> Floats:
        answer = predict(coder.clean(rows))
        if not np.isfinite(answer).all():
            return asked(rows)
        return finish(answer[:, 0] if single else answer)

    # How many steps a row takes is not told; a hundred trees take some 10 us.
    return Form(name="lightgbm", inline=predict.trees <= 2_000, score=score, corners=())


class _Predictor:
    """Holds the booster and what LightGBM prepared for rows of one shape."""

    def __init__(self, model: Model) -> None:
        self._booster = booster_of(model)  # the prepared handle refers to it
        self._library = importlib.import_module("lightgbm.basic")._LIB  # noqa: SLF001 - the C interface
        self.width = int(self._booster.num_model_per_iteration())
        self.trees = int(self._booster.num_trees())
        self._handle = ctypes.c_void_p()
        self._check(
            self._library.LGBM_BoosterPredictForMatSingleRowFastInit(
                self._booster._handle,  # noqa: SLF001 - as above
                ctypes.c_int(_NORMAL),
                ctypes.c_int(0),
                ctypes.c_int(rounds_of(model)),
                ctypes.c_int(_FLOAT64),
                ctypes.c_int32(len(model.encoding.columns)),
                ctypes.c_char_p(b"num_threads=1"),
                ctypes.byref(self._handle),
            )
        )
        weakref.finalize(self, self._library.LGBM_FastConfigFree, self._handle)

    def __call__(self, rows: Floats) -> Floats:
        out = np.empty((len(rows), self.width))
        predict, handle = self._library.LGBM_BoosterPredictForMatSingleRowFast, self._handle
        read, written, length = rows.ctypes.data, out.ctypes.data, ctypes.byref(ctypes.c_int64())
        read_step, written_step = rows.strides[0], out.strides[0]
        for number in range(len(rows)):
            failed = predict(
                handle,
                ctypes.c_void_p(read + number * read_step),
                length,
                ctypes.c_void_p(written + number * written_step),
            )
            self._check(failed)
        return out

    def _check(self, failed: int) -> None:
        if failed:
            message: Any = self._library.LGBM_GetLastError()
            raise LearnerError(
                "LightGBM refused to score a row", found=repr(message), expected="a score"
            )
