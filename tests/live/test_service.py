"""A service undone under load, with its engine dead, stopped, damaged and started again."""

from __future__ import annotations

import time

import pytest

pytestmark = pytest.mark.timeout(120)


def test_undo_is_obeyed_while_the_engine_is_dead_and_a_damaged_folder_serves_on(make_whole, load):
    whole = make_whole().start()
    first, before = whole.routes().champion, whole.predict("before")
    second = whole.retrained()

    with load(whole) as clients:
        whole.until(lambda: len(clients.answers) > 50)
        whole.kill("engine")
        whole.act("undo", act_id="undo")
        undone = time.monotonic()
        whole.until(lambda: whole.routes().epoch == 3)
        back = time.monotonic()
        whole.until(lambda: clients.answers[-1][0] > back)

    assert clients.failed == []
    assert {version for sent, _, version, _ in clients.answers if sent > undone} == {first}
    assert any(version == second for _, _, version, _ in clients.answers)
    assert sum(undone < done < back for _, done, _, _ in clients.answers) > 100, "engine dead"

    champion = whole.retrained()
    assert whole.stop() == 0
    restore = damage(whole, champion)
    whole.start()

    assert whole.predict("before") == before
    after = whole.predict()
    assert (after["version"], after["role"]) == (first, "fallback")
    assert "was changed" in whole.get("/loops/whole")["gateway"]["problems"][champion]
    whole.until(lambda: whole.routes() is not None, why="routes are written anew")
    restore()
    whole.until(lambda: whole.predict()["version"] == champion, why="it is loaded once repaired")
    assert whole.ostinato("audit", "replay") == (0, {"same": True, "difference": None})
    assert whole.stop() == 0


def damage(whole, champion):
    """Tear the newest snapshot and the routes, change the champion; return what repairs it."""
    newest = max(whole.layout.snapshots.glob("*.snapshot"))
    newest.write_bytes(newest.read_bytes()[:1_000])
    artifact = whole.layout.registry / "artifacts" / whole.routes().artifacts[champion]
    whole.layout.routes.write_bytes(b'{"epoch": 4, "champ\0\0')
    sound = artifact.read_bytes()
    artifact.write_bytes(sound[:-10] + b"0123456789")
    return lambda: artifact.write_bytes(sound)
