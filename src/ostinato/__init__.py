"""Ostinato keeps machine-learning models in production learning, safely.

Declare a `Loop`; `replay` it over history under a `Policy`, `compare` several, and read the advice.
Names load when they are used, so that importing the package stays light.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ostinato.features as features  # noqa: PLR0402 - the root is never imported from
    from ostinato.core.errors import (
        ConfigError,
        DataError,
        InputError,
        LearnerError,
        LoopError,
        OstinatoError,
        StoreError,
        TamperedError,
        TruncatedError,
    )
    from ostinato.decide import (
        DataQuality,
        Degradation,
        Drift,
        EstimatedDegradation,
        Every,
        ExcessLoss,
        NewLabels,
        SliceDegradation,
        all_of,
        any_of,
    )
    from ostinato.gate import (
        ArtifactSize,
        Calibration,
        Latency,
        MinimumDelta,
        NoRegression,
        NoWorseSlice,
        NoWorseThanAnchor,
    )
    from ostinato.learn import learners
    from ostinato.learn.schedules import Schedule
    from ostinato.learn.windows import Decayed, Expanding, Last, SinceChange
    from ostinato.loop import policies
    from ostinato.loop.loop import Label, Loop, Prices
    from ostinato.loop.monitors import Monitors
    from ostinato.loop.outcome import Outcome
    from ostinato.loop.policy import Policy
    from ostinato.release import (
        BlueGreen,
        Canary,
        Guardrail,
        Immediate,
        LatencyGuard,
        ServingErrors,
        Shadow,
    )
    from ostinato.replay.autopilot import Autopilot, autopilot
    from ostinato.replay.compare import Comparison, compare
    from ostinato.replay.result import Replay
    from ostinato.replay.run import replay
    from ostinato.watch.profile import Profile
    from ostinato.watch.suite import Suite

__version__ = "0.1.0"

_HOMES = {
    "ostinato.core.errors": (
        "ConfigError",
        "DataError",
        "InputError",
        "LearnerError",
        "LoopError",
        "OstinatoError",
        "StoreError",
        "TamperedError",
        "TruncatedError",
    ),
    "ostinato.decide": (
        "DataQuality",
        "Degradation",
        "Drift",
        "EstimatedDegradation",
        "Every",
        "ExcessLoss",
        "NewLabels",
        "SliceDegradation",
        "all_of",
        "any_of",
    ),
    "ostinato.gate": (
        "ArtifactSize",
        "Calibration",
        "Latency",
        "MinimumDelta",
        "NoRegression",
        "NoWorseSlice",
        "NoWorseThanAnchor",
    ),
    "ostinato.learn.schedules": ("Schedule",),
    "ostinato.learn.windows": ("Decayed", "Expanding", "Last", "SinceChange"),
    "ostinato.loop.loop": ("Label", "Loop", "Prices"),
    "ostinato.loop.monitors": ("Monitors",),
    "ostinato.loop.outcome": ("Outcome",),
    "ostinato.loop.policy": ("Policy",),
    "ostinato.release": (
        "BlueGreen",
        "Canary",
        "Guardrail",
        "Immediate",
        "LatencyGuard",
        "ServingErrors",
        "Shadow",
    ),
    "ostinato.replay.autopilot": ("Autopilot", "autopilot"),
    "ostinato.replay.compare": ("Comparison", "compare"),
    "ostinato.replay.result": ("Replay",),
    "ostinato.replay.run": ("replay",),
    "ostinato.watch.suite": ("Suite",),
    "ostinato.watch.profile": ("Profile",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
_MODULES = {
    "features": "ostinato.features",
    "learners": "ostinato.learn.learners",
    "policies": "ostinato.loop.policies",
}

__all__ = [
    "ArtifactSize",
    "Autopilot",
    "BlueGreen",
    "Calibration",
    "Canary",
    "Comparison",
    "ConfigError",
    "DataError",
    "DataQuality",
    "Decayed",
    "Degradation",
    "Drift",
    "EstimatedDegradation",
    "Every",
    "ExcessLoss",
    "Expanding",
    "Guardrail",
    "Immediate",
    "InputError",
    "Label",
    "Last",
    "Latency",
    "LatencyGuard",
    "LearnerError",
    "Loop",
    "LoopError",
    "MinimumDelta",
    "Monitors",
    "NewLabels",
    "NoRegression",
    "NoWorseSlice",
    "NoWorseThanAnchor",
    "OstinatoError",
    "Outcome",
    "Policy",
    "Prices",
    "Profile",
    "Replay",
    "Schedule",
    "ServingErrors",
    "Shadow",
    "SinceChange",
    "SliceDegradation",
    "StoreError",
    "Suite",
    "TamperedError",
    "TruncatedError",
    "all_of",
    "any_of",
    "autopilot",
    "compare",
    "features",
    "learners",
    "policies",
    "replay",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name not in _HOME_OF:
        raise AttributeError(f"module 'ostinato' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
