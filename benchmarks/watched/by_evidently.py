"""Evidently with its defaults, a window at a time; runs in an environment of its own.

    python by_evidently.py TABLE.parquet SPEC.json

The table has the columns of a world and `window` (-1: reference). Prints a JSON object a window:
the columns it says drifted, and whether it says so of the data set.
"""

import json
import sys
from pathlib import Path

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset


def main() -> None:
    table = pd.read_parquet(sys.argv[1])
    spec = json.loads(Path(sys.argv[2]).read_text())
    numbers, categories = spec["numbers"], spec["categories"]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=categories)
    reference = Dataset.from_pandas(table[table.window == -1], definition)
    for window in sorted(set(table.window) - {-1}):
        current = Dataset.from_pandas(table[table.window == window], definition)
        report = Report([DataDriftPreset(columns=numbers + categories)]).run(current, reference)
        metrics = report.dict()["metrics"]
        drifted = [int(m["value"]["count"]) for m in metrics if "count" in str(m["value"])[:12]]
        share = [float(m["value"]["share"]) for m in metrics if "share" in str(m["value"])]
        said = {"window": int(window), "columns": drifted[0], "dataset": share[0] >= 0.5}
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
