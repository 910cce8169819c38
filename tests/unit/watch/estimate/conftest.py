from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def draw():
    return np.random.default_rng(9)
