"""The text format of Prometheus, written by hand: a dozen lines need no registry.

Source: Prometheus, "Exposition formats", text format version 0.0.4.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Final

from ostinato.live.gateway.meters import Histogram

TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Labels = Mapping[str, object]
Sample = tuple[Labels, float]

_NOT_IN_NAMES: Final = re.compile(r"[^a-zA-Z0-9_]")
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class Exposition:
    """Collects metrics, each once."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._names: set[str] = set()

    def add(self, name: str, meaning: str, samples: Iterable[Sample]) -> None:
        """Add a counter (its name ends with ``_total``) or a gauge.

        Nothing is added where there are no samples, or the name is taken.
        """
        kind = "counter" if name.endswith("_total") else "gauge"
        self._add(name, kind, meaning, [(name, *sample) for sample in samples])

    def histogram(
        self, name: str, meaning: str, histograms: Iterable[tuple[Labels, Histogram]]
    ) -> None:
        """Add histograms of one name."""
        lines: list[tuple[str, Labels, float]] = []
        for labels, each in histograms:
            within = 0
            for bound, count in zip((*each.bounds, math.inf), each.counts, strict=True):
                within += count
                lines.append((f"{name}_bucket", {**labels, "le": _number(bound)}, within))
            lines += [(f"{name}_sum", labels, each.total), (f"{name}_count", labels, within)]
        self._add(name, "histogram", meaning, lines)

    def text(self) -> bytes:
        """Return all of it."""
        return "".join(f"{line}\n" for line in self._lines).encode()

    def _add(
        self, name: str, kind: str, meaning: str, samples: list[tuple[str, Labels, float]]
    ) -> None:
        if not samples or name in self._names:
            return
        self._names.add(name)
        self._lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
        self._lines += [f"{n}{_labels(labels)} {_number(value)}" for n, labels, value in samples]


def metric_name(text: str) -> str:
    """Return text as a part of a metric's name.

    >>> metric_name("log loss (24h)")
    'log_loss_24h'
    """
    return re.sub("_+", "_", _NOT_IN_NAMES.sub("_", text)).strip("_")


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    inner = ",".join(f'{name}="{str(v).translate(_ESCAPES)}"' for name, v in labels.items())
    return f"{{{inner}}}"


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if math.isnan(value):
        return "NaN"
    return repr(int(value)) if float(value).is_integer() else repr(float(value))
