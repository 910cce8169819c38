"""Numerics of the loop: what a loss is, when it rose, which model is better.

In: arrays of labels, scores, losses or differences, and a generator where chance is needed. Out:
numbers, bounds and verdicts. State: small dataclasses of floats, ints and arrays that are rebuilt
from their fields. Knows no loop, no model and no clock.
"""

from ostinato.stats.arms import Arm, TwoArms
from ostinato.stats.bank import DetectorBank
from ostinato.stats.betting import BettingMean, BettingTest
from ostinato.stats.charts import CusumChart, EwmaChart, ShewhartChart
from ostinato.stats.cohorts import CohortDetector
from ostinato.stats.conditional import ConditionalBinomial
from ostinato.stats.confidence import asymptotic_radius, one_sided_radius, sub_gaussian_radius
from ostinato.stats.distances import Distance, cramers_v, jensen_shannon, psi, total_variation
from ostinato.stats.dual import DualEProcess, Verdict, fixed_sample_size
from ostinato.stats.edetector import EDetector
from ostinato.stats.hazard import (
    fit_hazards,
)
from ostinato.stats.intervals import (
    PairedResult,
    benjamini_hochberg,
    block_bootstrap_mean,
    one_sided_p,
    paired,
)
from ostinato.stats.kll import QuantileSketch
from ostinato.stats.many import ELond, e_d_bh, weighted_log_e
from ostinato.stats.metrics import METRICS, Metric, companions, metric_for
from ostinato.stats.ppi import FusedMean, ppi_mean
from ostinato.stats.ppi_stream import FusedStream
from ostinato.stats.quantiles import Histogram, QuantileComparison, quantile_bounds
from ostinato.stats.sample_ratio import SampleRatio
from ostinato.stats.seasonal import SeasonalBaseline
from ostinato.stats.shrink import Shrunk, npmle
from ostinato.stats.ski_rental import ShadowPrice, SkiRental
from ostinato.stats.slice_baseline import SliceBaseline
from ostinato.stats.sums import BinarySums, MulticlassSums, RegressionSums
from ostinato.stats.value_distances import kolmogorov_smirnov, wasserstein
from ostinato.stats.weak_null import WeakNullEProcess
from ostinato.stats.weights import WeightBank

__all__ = [
    "METRICS",
    "Arm",
    "BettingMean",
    "BettingTest",
    "BinarySums",
    "CohortDetector",
    "ConditionalBinomial",
    "CusumChart",
    "DetectorBank",
    "Distance",
    "DualEProcess",
    "EDetector",
    "ELond",
    "EwmaChart",
    "FusedMean",
    "FusedStream",
    "Histogram",
    "Metric",
    "MulticlassSums",
    "PairedResult",
    "QuantileComparison",
    "QuantileSketch",
    "RegressionSums",
    "SampleRatio",
    "SeasonalBaseline",
    "ShadowPrice",
    "ShewhartChart",
    "Shrunk",
    "SkiRental",
    "SliceBaseline",
    "TwoArms",
    "Verdict",
    "WeakNullEProcess",
    "WeightBank",
    "asymptotic_radius",
    "benjamini_hochberg",
    "block_bootstrap_mean",
    "companions",
    "cramers_v",
    "e_d_bh",
    "fit_hazards",
    "fixed_sample_size",
    "jensen_shannon",
    "kolmogorov_smirnov",
    "metric_for",
    "npmle",
    "one_sided_p",
    "one_sided_radius",
    "paired",
    "ppi_mean",
    "psi",
    "quantile_bounds",
    "sub_gaussian_radius",
    "total_variation",
    "wasserstein",
    "weighted_log_e",
]
