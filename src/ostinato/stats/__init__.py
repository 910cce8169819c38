"""Numerics of the loop: what a loss is, when it rose, which model is better.

In: arrays of labels, scores, losses or differences, and a generator where chance is needed. Out:
numbers, bounds and verdicts. State: small dataclasses of floats, ints and arrays that are rebuilt
from their fields. Knows no loop, no model and no clock.
"""

from ostinato.stats.arms import Arm, TwoArms
from ostinato.stats.bank import DetectorBank
from ostinato.stats.betting import BettingMean, BettingTest
from ostinato.stats.charts import CusumChart, EwmaChart, ShewhartChart
from ostinato.stats.conditional import ConditionalBinomial
from ostinato.stats.confidence import asymptotic_radius, one_sided_radius, sub_gaussian_radius
from ostinato.stats.dual import DualEProcess, Verdict, fixed_sample_size
from ostinato.stats.edetector import EDetector
from ostinato.stats.intervals import (
    PairedResult,
    benjamini_hochberg,
    block_bootstrap_mean,
    one_sided_p,
    paired,
)
from ostinato.stats.many import ELond, e_d_bh, weighted_log_e
from ostinato.stats.metrics import METRICS, Metric, companions, metric_for
from ostinato.stats.quantiles import Histogram, QuantileComparison, quantile_bounds
from ostinato.stats.sample_ratio import SampleRatio
from ostinato.stats.seasonal import SeasonalBaseline
from ostinato.stats.sums import BinarySums, MulticlassSums, RegressionSums
from ostinato.stats.weak_null import WeakNullEProcess

__all__ = [
    "METRICS",
    "Arm",
    "BettingMean",
    "BettingTest",
    "BinarySums",
    "ConditionalBinomial",
    "CusumChart",
    "DetectorBank",
    "DualEProcess",
    "EDetector",
    "ELond",
    "EwmaChart",
    "Histogram",
    "Metric",
    "MulticlassSums",
    "PairedResult",
    "QuantileComparison",
    "RegressionSums",
    "SampleRatio",
    "SeasonalBaseline",
    "ShewhartChart",
    "TwoArms",
    "Verdict",
    "WeakNullEProcess",
    "asymptotic_radius",
    "benjamini_hochberg",
    "block_bootstrap_mean",
    "companions",
    "e_d_bh",
    "fixed_sample_size",
    "metric_for",
    "one_sided_p",
    "one_sided_radius",
    "paired",
    "quantile_bounds",
    "sub_gaussian_radius",
    "weighted_log_e",
]
