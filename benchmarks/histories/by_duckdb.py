"""DuckDB by hand: ``asof join``, means over ranges of a window, and joins by range of time."""

from __future__ import annotations

from pathlib import Path

import duckdb

from histories.child import Answer, Task, main
from histories.windowed import WINDOWS, seconds


def connect(folder: Path, *names: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("set memory_limit = '9GB'")
    connection.execute(f"set temp_directory = '{folder / 'duckdb'}'")
    for name in names:
        connection.execute(f"create table {name} as select * from '{folder / name}.parquet'")
    return connection


def join(folder: Path) -> Task:
    connection = connect(folder, "features", "labels")

    def compute() -> Answer:
        found = connection.sql(
            "select l.*, f.f0, f.f1, f.f2, f.f3, f.f4 from labels l asof left join features f"
            " on l.entity = f.entity and l.ts >= f.ts"
        ).to_arrow_table()
        values = [found[f"f{each}"] for each in range(5)]
        there = sum(len(column) - column.null_count for column in values)
        sums = connection.execute("select sum(f0 + f1 + f2 + f3 + f4) from found").fetchall()[0]
        return Answer(len(found), there, sums[0])

    return compute


def means(folder: Path) -> Task:
    """Requests stand among the orders, without an amount."""
    connection = connect(folder, "orders", "requests")

    def compute() -> Answer:
        there, total, rows = 0, 0.0, 0
        for key, windows in WINDOWS.items():
            ranges = ", ".join(
                f'avg(amount) over (partition by {key} order by "at" range between'
                f" interval {seconds(window)} second preceding and current row) as m{each}"
                for each, window in enumerate(windows)
            )
            found = connection.sql(
                f"select * exclude (asked) from (select asked, {ranges} from ("
                f' select "at", {key}, amount, false as asked from orders union all'
                f' select "at", {key}, null, true from requests)) where asked'
            ).to_arrow_table()
            there += sum(len(column) - column.null_count for column in found.columns)
            names = " + ".join(f"coalesce(m{each}, 0)" for each in range(len(windows)))
            total += connection.execute(f"select sum({names}) from found").fetchall()[0][0]
            rows = len(found)
        return Answer(rows, there, total)

    return compute


def range_joins(folder: Path) -> Task:
    """The same means, each as a join of requests with the orders of their window."""
    connection = connect(folder, "orders", "requests")

    def compute() -> Answer:
        there, total, rows = 0, 0.0, 0
        for key, windows in WINDOWS.items():
            for window in windows:
                rows, some, sums = connection.execute(
                    "select count(*), count(m), sum(m) from ("
                    " select r.place, avg(o.amount) as m"
                    " from (select *, row_number() over () as place from requests) r"
                    f" left join orders o on o.{key} = r.{key} and o.at <= r.at"
                    f" and o.at >= r.at - interval {seconds(window)} second group by r.place)"
                ).fetchall()[0]
                there, total = there + some, total + sums
        return Answer(rows, there, total)

    return compute


if __name__ == "__main__":
    main({"join": join, "means": means, "range_joins": range_joins})
