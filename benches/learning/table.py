"""A table of the runs that run.sh has made: table.py RUNS.jsonl"""

import json
import re
import statistics
import sys
from pathlib import Path


def main() -> None:
    # Two runs that end at once may share a line.
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    runs = [json.loads(run) for run in re.findall(r"\{[^{}]*\}", text)]
    print("| method | side | runs | untrained | trained | gain |\n|---|---|---|---|---|---|")
    for method in ("simclr", "dcl"):
        for side in ("nidl", "twoviews"):
            chosen = [run for run in runs if (run["method"], run["side"]) == (method, side)]
            before, after = ([run[name] for run in chosen] for name in ("untrained", "accuracy"))
            shown = [f"{statistics.mean(v):.4f} +- {statistics.stdev(v):.4f}" for v in (before, after)]
            gain = statistics.mean(after) - statistics.mean(before)
            print(f"| {method} | {side} | {len(chosen)} | {' | '.join(shown)} | {gain:.4f} |")


if __name__ == "__main__":
    main()
