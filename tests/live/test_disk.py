"""A disk that is full and read-only, and a registry that is away: refused clearly, nothing lost."""

from __future__ import annotations

import subprocess
from contextlib import suppress

import pytest

pytestmark = pytest.mark.timeout(120)


class SmallDisk:
    """A file system in memory, which can be filled and set read-only."""

    def __init__(self, folder):
        self.folder, self.fill_file = folder, folder / "fill"

    def fill(self):
        with self.fill_file.open("ab", buffering=0) as file, suppress(OSError):
            while file.write(b"\0" * 4096):
                pass

    def free(self):
        self.fill_file.unlink()

    def remount(self, how):
        subprocess.run(["mount", "-o", f"remount,{how}", str(self.folder)], check=True)


@pytest.fixture
def disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    if done.returncode:
        pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")
    yield SmallDisk(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def refused(whole, disk):
    """Ask until the disk is full to the last page, and a request is refused."""
    for number in range(200):
        disk.fill()
        if (error := whole.refusal(f"full{number}")) is not None:
            return error
    return None


def test_a_full_disk_is_refused_with_503_and_all_goes_on_when_there_is_room(disk, make_whole):
    whole = make_whole(disk.folder / "service", registry="http://127.0.0.1:9")
    try:
        whole.start()
        before = whole.predict("before")
        whole.retrained()
        away = whole.until(lambda: "to be carried over" in whole.status().registry, why="pending")
        assert away
        assert "could not be used" in whole.status().registry

        error = refused(whole, disk)
        assert error.status == 503
        assert "disk is full" in str(error)
        gateway = whole.get("/loops/whole")["gateway"]
        assert not gateway["ready"]
        whole.until(lambda: "engine: died (exit code 1" in whole.told(), why="the engine notices")
        assert "full" in whole.told()

        disk.free()
        whole.until(lambda: whole.refusal("after") is None, why="answers again")
        tick = whole.status().tick
        whole.until(lambda: whole.status().tick > tick + 2, why="ticks again")
        assert whole.predict("before") == before
        assert whole.stop() == 0
        assert whole.ostinato("audit", "replay") == (0, {"same": True, "difference": None})

        disk.remount("ro")
        assert whole.start(ready=False).process.wait(timeout=60) == 2
        assert "Read-only file system" in whole.told()
        assert "Traceback" not in whole.said.read_text()
    finally:
        whole.end()
        disk.remount("rw")
