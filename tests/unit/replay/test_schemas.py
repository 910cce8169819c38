"""Which columns sources had is in the lineage of every version that was trained on them."""

import polars as pl

import ostinato as ost
from ostinato.stores.registry_folder import FolderRegistry


def test_a_version_says_which_columns_its_sources_had(world, make_loop, tmp_path) -> None:
    table = world(800)
    events = table.select("at", "kind", "x1", "x2")
    folder = str(tmp_path / "registry")

    def labels_of(data: pl.DataFrame, place: str) -> dict[str, str]:
        source = ost.features.Events("levels", time="at", data=data)
        level = ost.features.mean(source, "x1", by="kind", window="1d", name="level")
        own = ost.features.mean(ost.features.labels(), "label", by="kind", window="1d")
        loop = make_loop(features=["x0", level, own], policy=ost.policies.static())
        ost.replay(loop, table, tick="1d", registry=folder + place)
        with FolderRegistry(folder + place) as registry:
            return dict(registry.lineage(registry.aliases()["champion"]).source_schemas)

    found = labels_of(events, "1")
    other = labels_of(events.drop("x2"), "2")

    assert list(found) == ["levels"]  # the loop's own are no sources from outside
    assert found["levels"].startswith("1@")
    assert other["levels"] != found["levels"]
