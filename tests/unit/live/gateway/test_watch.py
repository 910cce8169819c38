from __future__ import annotations

import threading

from ostinato.core.clock import WallClock
from ostinato.learn.compiled import compile_model
from ostinato.live.gateway.loader import Loader
from ostinato.live.published import Undo, write


def test_new_routes_are_in_force_without_a_restart(make_service, run_gateway):
    service = make_service()

    async def scenario(client):
        before = await client.predict()
        service.publish(epoch=2, champion="v002", previous="v001")
        await client.epoch(2)
        return before[1], (await client.predict())[1]

    before, after = run_gateway(service, scenario)

    assert (before["version"], before["epoch"]) == ("v001", 1)
    assert (after["version"], after["epoch"]) == ("v002", 2)


def test_while_a_version_loads_the_old_one_answers(make_service, run_gateway, fake_version):
    service = make_service()
    go_on = threading.Event()

    versions = {"v001": fake_version(0.1), "v002": fake_version(0.2)}

    async def scenario(client):
        quick = client.gateway.watcher.loader.load

        def load(name, artifact):
            assert go_on.wait(10)
            return quick(name, artifact)

        client.gateway.watcher.loader.load = load
        service.publish(epoch=2, champion="v002", previous="v001")
        await client.until(lambda: client.gateway.watcher.loading == "v002")
        during = await client.predict()
        go_on.set()
        await client.epoch(2)
        return during[1]["version"], (await client.predict())[1]["version"]

    assert run_gateway(service, scenario, versions=versions) == ("v001", "v002")


def test_a_version_that_cannot_be_loaded_leaves_the_old_routes(make_service, run_gateway, capfd):
    service = make_service()

    async def scenario(client):
        artifact = service.layout.registry / "artifacts" / service.artifacts["v002"]
        artifact.write_bytes(b"tampered")
        service.publish(epoch=2, champion="v002", previous="v001")
        await client.until(lambda: client.gateway.watcher.problems)
        _, answer = await client.predict()
        return answer, (await client.get("/loops/small"))[1]["gateway"]["problems"]

    answer, problems = run_gateway(service, scenario)

    assert (answer["version"], answer["epoch"]) == ("v001", 1)
    assert "was changed" in problems["v002"]
    assert "v002 could not be loaded" in capfd.readouterr().err


def test_an_artifact_other_than_the_published_one_is_not_read(make_service, run_gateway):
    service = make_service()

    async def scenario(client):
        service.artifacts["v002"] = "0" * 64
        service.publish(epoch=2, champion="v002")
        await client.until(lambda: client.gateway.watcher.problems)
        return client.gateway.epoch(), client.gateway.watcher.problems["v002"]

    epoch, problem = run_gateway(service, scenario)

    assert epoch == 1
    assert "was changed" in problem


def test_a_gateway_that_starts_on_a_broken_champion_serves_the_previous_one(
    make_service, run_gateway
):
    service = make_service()
    (service.layout.registry / "artifacts" / service.artifacts["v002"]).write_bytes(b"tampered")
    service.publish(epoch=2, champion="v002", previous="v001")

    status, body = run_gateway(service, lambda client: client.predict())

    assert status == 200
    assert (body["version"], body["role"]) == ("v001", "fallback")


def test_a_version_is_loaded_as_soon_as_it_is_repaired(make_service, run_gateway, monkeypatch):
    monkeypatch.setattr("ostinato.live.gateway.watch.RETRY_S", (0.01,))
    service = make_service()

    async def scenario(client):
        artifact = service.layout.registry / "artifacts" / service.artifacts["v002"]
        whole = artifact.read_bytes()
        artifact.write_bytes(b"tampered")
        service.publish(epoch=2, champion="v002", previous="v001")
        await client.until(lambda: client.gateway.watcher.problems)
        artifact.write_bytes(whole)
        await client.epoch(2)
        return client.gateway.watcher.problems

    assert run_gateway(service, scenario) == {}


def test_versions_no_route_names_are_let_go(make_service, run_gateway):
    service = make_service()

    async def scenario(client):
        service.publish(epoch=2, champion="v002", previous="v001")
        await client.epoch(2)
        service.publish(epoch=3, champion="v003", previous="v002")
        await client.epoch(3)
        return list(client.gateway.batcher.table.loaded)

    assert run_gateway(service, scenario) == ["v003", "v002"]


def test_an_undo_file_of_this_epoch_gives_the_routes_to_the_previous_champion(
    make_service, run_gateway
):
    service = make_service()
    service.publish(epoch=5, champion="v002", previous="v001", canary="v003", canary_share=0.9)

    async def scenario(client):
        await client.epoch(5)
        write(service.layout.undo, Undo(epoch=5, act_id="x"))
        await client.until(lambda: client.gateway.batcher.table.undone)
        undone = (await client.predict())[1]
        service.publish(epoch=6, champion="v001", previous="v002")
        await client.epoch(6)
        return undone, client.gateway.batcher.table.undone

    undone, still = run_gateway(service, scenario)

    assert (undone["version"], undone["role"], undone["epoch"]) == ("v001", "champion", 5)
    assert not still


def test_an_undo_that_cannot_be_read_holds_up_nothing_and_lifts_nothing(make_service, run_gateway):
    service = make_service()
    service.layout.undo.write_bytes(b"{")

    async def scenario(client):
        service.publish(epoch=5, champion="v002", previous="v001")
        await client.epoch(5)
        write(service.layout.undo, Undo(epoch=5, act_id="x"))
        await client.until(lambda: client.gateway.batcher.table.undone)
        service.layout.undo.write_bytes(b"{{")
        await client.until(lambda: "undo.json" in client.gateway.watcher.problems)
        return (await client.predict())[1]["version"]

    assert run_gateway(service, scenario) == "v001"


def test_routes_that_cannot_be_read_leave_the_old_ones(make_service, run_gateway):
    service = make_service()

    async def scenario(client):
        service.layout.routes.write_bytes(b"{")
        await client.until(lambda: client.gateway.watcher.problems)
        return await client.predict()

    status, body = run_gateway(service, scenario)

    assert (status, body["version"]) == (200, "v001")


def test_before_the_first_routes_the_gateway_is_not_ready_and_says_so(make_service, run_gateway):
    service = make_service()
    service.layout.routes.unlink()

    async def scenario(client):
        early = client.gateway.ready(), await client.predict()
        service.publish()
        await client.epoch(1)
        return early, client.gateway.ready()

    (ready, (status, body)), later = run_gateway(service, scenario, wait=False)

    assert not ready
    assert status == 503
    assert "No version answers yet" in body["what"]
    assert later


def test_a_suspect_is_not_asked_after_it_was_loaded(make_service):
    service = make_service()
    loader = Loader(
        service.registry,
        compile_model,
        service.table,
        features=("x0", "x1", "n", "kind"),
        clock=WallClock(),
        suspects=["v001"],
    )

    suspect = loader.load("v001", service.artifacts["v001"])
    other = loader.load("v002", service.artifacts["v002"])

    assert "died" in suspect.aside
    assert not other.aside
