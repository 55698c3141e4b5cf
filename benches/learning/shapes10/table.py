"""A table of the runs that report.sh has made: table.py RUNS.jsonl

Means over the seeds with the 95 % interval of Student's t; needs nothing but Python.
"""

import json
import math
import statistics
import sys
from pathlib import Path

# Two-sided 95 % quantiles of Student's t for 1 to 9 degrees of freedom.
QUANTILES = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262]


def shown(values: list[float]) -> str:
    mean = statistics.mean(values)
    if len(values) < 2:
        return f"{mean:.3f}"
    half = QUANTILES[len(values) - 2] * statistics.stdev(values) / math.sqrt(len(values))
    return f"{mean:.3f} [{mean - half:.3f}, {mean + half:.3f}]"


def main() -> None:
    runs = [json.loads(line) for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()]
    groups: dict[str, list[dict]] = {}
    for run in runs:
        settings = {key: value for key, value in run["settings"].items() if key not in ("method", "seed")}
        name = " ".join([run["method"], *(f"{key}={value}" for key, value in sorted(settings.items()))])
        groups.setdefault(name, []).append(run)
    print("| run | seeds | linear | kNN | seconds |\n|---|---|---|---|---|")
    for name, group in groups.items():
        seeds = sorted(int(run["settings"]["seed"]) for run in group)
        knn = [run["knn"] for run in group if "knn" in run]
        print(f"| {name} | {seeds[0]} to {seeds[-1]} | {shown([run['linear'] for run in group])} | "
              f"{shown(knn) if knn else ''} | {statistics.mean(run['seconds'] for run in group):.0f} |")


if __name__ == "__main__":
    main()
