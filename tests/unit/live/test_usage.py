"""What a process takes of its machine, as far as the machine says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ostinato.live.usage import Usage, cpu_seconds, gpu_share, memory_mib


def fake(folder: Path, says: str, code: int = 0) -> str:
    path = folder / "nvidia-smi"
    path.write_text(f"#!/bin/sh\nprintf '{says}'\nexit {code}\n")
    path.chmod(0o755)
    return str(path)


def test_processor_time_and_memory_are_those_of_this_process() -> None:
    usage, began = Usage(), cpu_seconds()
    while cpu_seconds() - began < 0.02:
        sum(range(1000))
    told = usage.since(0.1)
    assert 0.1 < told["cpu"] < 5
    assert "gpu" not in told
    if sys.platform == "linux":
        assert 10 < told["memory_mib"] < 100_000
        assert memory_mib() is not None


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands for the driver's tool")
@pytest.mark.parametrize(
    ("says", "code", "share"),
    [
        ("40\\n60\\n", 0, 0.5),
        ("", 0, None),
        ("[N/A]\\n", 0, None),
        ("NVIDIA-SMI has failed\\n", 9, None),
    ],
)
def test_gpus_are_read_where_the_driver_tells(
    says: str, code: int, share: float | None, tmp_path: Path
) -> None:
    assert gpu_share(fake(tmp_path, says, code)) == share


def test_without_a_driver_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpu_share() is None
    assert gpu_share(str(tmp_path / "nvidia-smi")) is None
