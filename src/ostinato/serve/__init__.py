"""Serve: requests in, predictions out.

In: `RequestsArrived`, `RequestsAnswered`, `RoutesChanged`. Out: `PredictionsMade`, `ServingFault`.
State kept: the routes in force and which versions are known to be faulty.

`assign` says which version answers which unit; `scoring` asks the versions, or reads what they told
a gateway; `stage` falls back and logs.
"""

from ostinato.serve.assign import (
    assign,
    assign_one,
    fallback_propensity,
    owner,
    propensity,
    versions_of,
)
from ostinato.serve.config import ServeConfig
from ostinato.serve.stage import STAGE

__all__ = [
    "STAGE",
    "ServeConfig",
    "assign",
    "assign_one",
    "fallback_propensity",
    "owner",
    "propensity",
    "versions_of",
]
