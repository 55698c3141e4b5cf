"""Executes a notebook from top to bottom: run_notebook.py NOTEBOOK OUT_DIR

Prints each cell's result lines as they come, stops at the first cell that fails, and writes the
executed notebook and an HTML page in any case. What cells tagged `summary` print is repeated at the
end. TWOVIEWS_NOTEBOOK_KERNEL names another kernel than the notebook does.
"""

import os
import sys
import time
from pathlib import Path

import nbformat
import self_contained
from runner import Runner


def main(path: Path, out: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    out.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    problem = Runner(notebook, path, os.environ.get("TWOVIEWS_NOTEBOOK_KERNEL"), text=True).run()
    target = out / path.name
    part = target.with_suffix(".part")
    nbformat.write(notebook, part)
    os.replace(part, target)
    target.with_suffix(".html").write_text(self_contained.page(notebook), encoding="utf-8")
    for cell in notebook.cells:
        if "summary" in cell.metadata.get("tags", []) and not problem:
            print("".join(o.text for o in cell.outputs if o.output_type == "stream"), end="", flush=True)
    print(f"executed in {time.monotonic() - begin:.0f} s: {target}\n"
          f"page: {target.with_suffix('.html')}", flush=True)
    if problem:
        sys.exit(problem)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
