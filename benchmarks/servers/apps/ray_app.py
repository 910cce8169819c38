"""Ray Serve, one replica and its proxy: `ray_app.py PORT plain|batched`."""

from __future__ import annotations

import signal
import sys

import numpy as np
import ray
from model import scorer
from ray import serve

port, batched = int(sys.argv[1]), sys.argv[2] == "batched"


@serve.deployment(
    num_replicas=1,
    max_ongoing_requests=128,
    ray_actor_options={"num_cpus": 0.5},
    logging_config={"enable_access_log": False},
)
class Model:
    def __init__(self):
        self.score = scorer()

    @serve.batch(max_batch_size=64, batch_wait_timeout_s=0.0)
    async def many(self, rows):
        return self.score(np.array(rows)).tolist()

    async def __call__(self, request):
        row = (await request.json())["features"]
        if batched:
            return {"score": await self.many(row)}
        return {"score": float(self.score(np.array([row]))[0])}


ray.init(
    num_cpus=2,
    include_dashboard=False,
    object_store_memory=200 * 2**20,
    logging_level="ERROR",
)
serve.start(http_options={"host": "127.0.0.1", "port": port})
serve.run(Model.bind(), route_prefix="/")
signal.pause()
