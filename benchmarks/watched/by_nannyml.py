"""NannyML with its defaults, a chunk per window; runs in an environment of its own.

    python by_nannyml.py TABLE.parquet SPEC.json

The table has the columns of a world, `score`, `label` and `window` (-1: reference, in which
`part` numbers chunks). Prints a JSON object a window: columns that alert, and whether the estimated
performance (CBPE, ROC AUC) alerts.
"""

import json
import sys
import warnings
from pathlib import Path

import nannyml as nml
import pandas as pd

warnings.simplefilter("ignore")


def main() -> None:
    table = pd.read_parquet(sys.argv[1])
    spec = json.loads(Path(sys.argv[2]).read_text())
    columns = spec["numbers"] + spec["categories"]
    reference = table[table.window == -1]
    current = table[table.window >= 0]
    for name in spec["categories"]:
        reference[name], current[name] = (
            reference[name].astype("category"),
            current[name].astype("category"),
        )
    size = int(current.groupby("window").size().median())
    drift = nml.UnivariateDriftCalculator(column_names=columns, chunk_size=size)
    found = drift.fit(reference).calculate(current).filter(period="analysis").to_df()
    alerts = found.xs("alert", axis=1, level=2)
    estimator = nml.CBPE(
        problem_type="classification_binary",
        y_pred_proba="score",
        y_pred="answer",
        y_true="label",
        metrics=["roc_auc"],
        chunk_size=size,
    )
    for frame in (reference, current):
        frame["answer"] = (frame.score >= 0.5).astype(int)
    estimated = estimator.fit(reference).estimate(current).filter(period="analysis").to_df()
    said = estimated[("roc_auc", "alert")].to_list()
    for window in range(len(alerts)):
        row = alerts.iloc[window]
        flagged = sorted({column for (column, _), alert in row.items() if alert})
        print(
            json.dumps({"window": window, "columns": len(flagged), "estimate": bool(said[window])}),
            flush=True,
        )


if __name__ == "__main__":
    main()
