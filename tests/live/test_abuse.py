"""A real service under bad treatment, small: the whole of it is `benchmarks/abuse.py`."""

from __future__ import annotations

import json

import pytest

import abuse


@pytest.mark.timeout(300)  # twenty seconds, unless the machine is busy
def test_a_service_that_is_treated_badly_serves_good_clients_and_goes_on(capsys):
    code = abuse.main(["--quick", "--json"])

    found = json.loads(capsys.readouterr().out)
    assert found["failures"] == [], found
    assert code == 0
    assert found["numbers at the edge"]["taken"] > 50
