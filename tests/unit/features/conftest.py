import pytest

from ostinato import features


@pytest.fixture
def landings() -> features.Events:
    return features.Events("landings", time="landed")
