"""Array types the folder shares, and the one division that may be undefined."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def ratio(top: npt.ArrayLike, bottom: npt.ArrayLike) -> FloatArray:
    """Divide, with NaN wherever the divisor is not above zero.

    Parameters
    ----------
    top, bottom
        any shapes that broadcast together.

    Returns
    -------
    FloatArray
        float64 of the broadcast shape; no warning is raised for 0 / 0.
    """
    over, under = np.broadcast_arrays(np.asarray(top, float), np.asarray(bottom, float))
    out = np.full(over.shape, np.nan)
    np.divide(over, under, out=out, where=under > 0)
    return out


def as_floats(values: npt.ArrayLike) -> FloatArray:
    """Return the values as a float64 array without copying where they already are one."""
    return np.asarray(values, dtype=np.float64)


def log_mean_exp(logs: FloatArray) -> FloatArray:
    """Log of the mean of exp over the last axis, without overflow."""
    top = logs.max(axis=-1, keepdims=True)
    mean: FloatArray = np.log(np.exp(logs - top).mean(axis=-1)) + top[..., 0]
    return mean
