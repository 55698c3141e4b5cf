"""Executes a notebook from top to bottom: run_notebook.py NOTEBOOK OUT_DIR

Prints each cell's result lines as they come, stops at the first cell that fails, and writes the
executed notebook and an HTML page in any case. What cells tagged `summary` print is repeated at the
end. TWOVIEWS_NOTEBOOK_KERNEL names another kernel than the notebook does. A stock evcxr answers "ok" for a cell that panicked or whose
`?` failed, so everything on a cell's error stream counts as a failure, but for warnings.
"""

import os
import re
import signal
import sys
import time
from pathlib import Path

import nbformat
import self_contained
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def failure(outputs: list) -> str | None:
    """Why a cell failed, or None."""
    for output in outputs:
        if output.output_type == "error":
            return "\n".join(output.traceback) or f"{output.ename}: {output.evalue}"
        if output.output_type == "stream" and output.name == "stderr":
            lines = [line for line in output.text.splitlines() if line.strip()]
            if any(not line.lower().startswith(("warning", "[w")) for line in lines):
                return output.text.strip()
    return None


class Runner(NotebookClient):
    """Follows the cells and fails where the kernel does not."""

    started = 0.0

    def on_start(self, cell, cell_index):
        self.started = time.monotonic()

    def on_done(self, cell, cell_index, execute_reply):
        seconds = time.monotonic() - self.started
        first = cell.source.strip().splitlines()[0][:70] if cell.source.strip() else ""
        print(f"[{seconds:6.1f} s] {first}", flush=True)
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stdout":
                for line in output.text.splitlines():
                    if "left" not in line and line.strip():
                        print(f"           {line}", flush=True)
        reason = failure(cell.outputs)
        if reason:
            plain = reason if sys.stdout.isatty() else COLOURS.sub("", reason)
            raise SystemExit(f"the cell that begins with {first!r} failed:\n{plain}")


def main(path: Path, out: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    out.mkdir(parents=True, exist_ok=True)
    kernel = os.environ.get("TWOVIEWS_NOTEBOOK_KERNEL") or notebook.metadata.kernelspec.name
    client = Runner(notebook, timeout=None, kernel_name=kernel, resources={"metadata": {"path": str(path.parent)}},
                    startup_timeout=120)
    # nbclient ends its kernel when it is told to end, not when its terminal is closed: the kernel would stay
    # and keep its build folder.
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    client.on_cell_start = client.on_start
    client.on_cell_executed = client.on_done
    begin = time.monotonic()
    problem = None
    try:
        client.execute()
    except CellExecutionError as error:
        problem = f"a cell failed:\n{error}"
    except DeadKernelError:
        problem = ("the kernel ended. If another notebook of this project is open, close it first: "
                   "both would build in the same folder")
    except SystemExit as error:
        problem = str(error)
    finally:
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
