"""Numerics of the loop: what a loss is, when it rose, which model is better.

In: arrays of labels, scores, losses or differences, and a generator where chance is needed. Out:
numbers, bounds and verdicts. State: small dataclasses of floats, ints and arrays that are rebuilt
from their fields. Knows no loop, no model and no clock.
"""

from ostinato.stats.arms import Arm, TwoArms
from ostinato.stats.charts import CusumChart, EwmaChart, ShewhartChart
from ostinato.stats.cohorts import CohortDetector
from ostinato.stats.confidence import asymptotic_radius
from ostinato.stats.distances import Distance, cramers_v, jensen_shannon, psi, total_variation
from ostinato.stats.dual import DualEProcess, Verdict, fixed_sample_size
from ostinato.stats.edetector import EDetector
from ostinato.stats.hazard import (
    HazardDetector,
    fit_hazards,
    hazards_from_outcomes,
    label_pipeline_changed,
)
from ostinato.stats.intervals import (
    PairedResult,
    benjamini_hochberg,
    block_bootstrap_mean,
    one_sided_p,
    paired,
)
from ostinato.stats.kll import QuantileSketch
from ostinato.stats.metrics import METRICS, Metric, companions, metric_for
from ostinato.stats.ppi import FusedMean, ppi_mean
from ostinato.stats.ppi_stream import FusedStream
from ostinato.stats.seasonal import SeasonalBaseline
from ostinato.stats.shrink import Shrunk, npmle
from ostinato.stats.ski_rental import ShadowPrice, SkiRental
from ostinato.stats.sums import BinarySums, MulticlassSums, RegressionSums
from ostinato.stats.value_distances import kolmogorov_smirnov, wasserstein
from ostinato.stats.weak_null import WeakNullEProcess
from ostinato.stats.weights import WeightBank

__all__ = [
    "METRICS",
    "Arm",
    "BinarySums",
    "CohortDetector",
    "CusumChart",
    "Distance",
    "DualEProcess",
    "EDetector",
    "EwmaChart",
    "FusedMean",
    "FusedStream",
    "HazardDetector",
    "Metric",
    "MulticlassSums",
    "PairedResult",
    "QuantileSketch",
    "RegressionSums",
    "SeasonalBaseline",
    "ShadowPrice",
    "ShewhartChart",
    "Shrunk",
    "SkiRental",
    "TwoArms",
    "Verdict",
    "WeakNullEProcess",
    "WeightBank",
    "asymptotic_radius",
    "benjamini_hochberg",
    "block_bootstrap_mean",
    "companions",
    "cramers_v",
    "fit_hazards",
    "fixed_sample_size",
    "hazards_from_outcomes",
    "jensen_shannon",
    "kolmogorov_smirnov",
    "label_pipeline_changed",
    "metric_for",
    "npmle",
    "one_sided_p",
    "paired",
    "ppi_mean",
    "psi",
    "total_variation",
    "wasserstein",
]
