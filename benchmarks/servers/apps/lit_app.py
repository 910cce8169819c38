"""LitServe, one worker process: `lit_app.py PORT plain|batched`."""

from __future__ import annotations

import sys

import litserve
import numpy as np
from model import scorer


class Plain(litserve.LitAPI):
    def setup(self, device):
        self.score = scorer()

    def decode_request(self, request):
        return np.array(request["features"])

    def predict(self, row):
        return self.score(row[None, :])[0]

    def encode_response(self, found):
        return {"score": float(found)}


class Batched(Plain):
    def predict(self, rows):
        return self.score(np.asarray(rows))


if __name__ == "__main__":
    batched = sys.argv[2] == "batched"
    api = Batched(max_batch_size=64, batch_timeout=0.002) if batched else Plain()
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[1]),
        generate_client_file=False,
        log_level="warning",
        access_log=False,
    )
