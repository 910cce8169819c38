"""Serve: requests in, predictions out.

In: `RequestsArrived`, `RoutesChanged`. Out: `PredictionsMade`, `ServingFault`. State kept: the
routes in force and which versions are known to be faulty.

`assign` says which version answers which unit; `stage` scores, falls back and logs.
"""

from ostinato.serve.assign import assign
from ostinato.serve.config import ServeConfig
from ostinato.serve.stage import STAGE

__all__ = ["STAGE", "ServeConfig", "assign"]
