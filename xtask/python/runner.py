"""Runs a notebook's cells and follows them.

A stock evcxr answers "ok" for a cell that panicked or whose `?` failed, so everything on a cell's error
stream counts as a failure, but for warnings.
"""

import os
import re
import signal
import sys
import time
from pathlib import Path

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


def first_line(cell) -> str:
    """The first line that is no comment, command or attribute."""
    lines = [line.strip() for line in cell.source.splitlines() if line.strip()]
    speaking = [line for line in lines if not line.startswith(("//", ":", "#[", "use "))]
    return (speaking or lines or [""])[0]


class Runner(NotebookClient):
    """Prints what each cell took, with `text` also what it printed, and fails where the kernel does not."""

    def __init__(self, notebook, path: Path, kernel: str | None = None, text: bool = False) -> None:
        super().__init__(notebook, timeout=None, kernel_name=kernel or notebook.metadata.kernelspec.name,
                         startup_timeout=120, resources={"metadata": {"path": str(path.parent)}})
        self.text = text
        self.cells: list[dict] = []
        self.on_cell_start = self.started
        self.on_cell_executed = self.done

    @property
    def process(self) -> int | None:
        """The kernel's, as long as it has one."""
        # nbclient's provisioner for programs on this machine has it.
        return getattr(self.km.provisioner, "pid", None) if self.km else None

    def started(self, cell, cell_index) -> None:
        self.begin = time.monotonic()

    def done(self, cell, cell_index, execute_reply) -> None:
        seconds = time.monotonic() - self.begin
        timing = execute_reply.get("metadata", {}).get("twoviews", {})
        self.cells.append({
            "id": cell.id, "first_line": first_line(cell), "seconds": round(seconds, 2),
            **{name: round(timing[name], 3) if name in timing else None for name in ("compile_seconds", "run_seconds")},
        })
        print(f"[{seconds:6.1f} s] {first_line(cell)[:70]}", flush=True)
        if self.text:
            for output in cell.outputs:
                if output.output_type == "stream" and output.name == "stdout":
                    for line in output.text.splitlines():
                        if "left" not in line and line.strip():
                            print(f"           {line}", flush=True)
        reason = failure(cell.outputs)
        # Jupyter's own tag for a mistake that is meant.
        if reason and "raises-exception" not in cell.metadata.get("tags", []):
            raise SystemExit(named(cell, reason))

    def run(self, minutes: float | None = None) -> str | None:
        """Executes the cells for at most so long. Says what stopped them, or None."""
        # A kernel ends with this program only if this program ends in good order: else it would stay, and keep
        # its build directory.
        for number in (signal.SIGHUP, signal.SIGTERM):
            signal.signal(number, lambda *_: sys.exit("ended from outside"))

        def late(*_):
            raise SystemExit(f"it took longer than {minutes:g} minutes (--limit)")
        signal.signal(signal.SIGALRM, late)
        signal.setitimer(signal.ITIMER_REAL, (minutes or 0) * 60)
        try:
            self.execute()
        except CellExecutionError as error:
            cells = (cell for cell in self.nb.cells if any(o.output_type == "error" for o in cell.get("outputs", [])))
            cell = next(cells, None)
            return named(cell, failure(cell.outputs) or str(error)) if cell else str(error)
        except DeadKernelError:
            return "the kernel ended"
        except SystemExit as error:
            return str(error)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            stop(self.process)
        return None


def named(cell, reason: str) -> str:
    """What is said of a cell that failed."""
    plain = reason if sys.stdout.isatty() else COLOURS.sub("", reason)
    return f"the cell {cell.id} that begins with {first_line(cell)!r} failed:\n{plain}"


def stop(kernel: int | None) -> None:
    """Ends a kernel that has outlived its client: where this program is told to end, nbclient leaves it."""
    if not kernel:
        return
    try:
        # A process of another program may have got the number.
        if os.waitpid(kernel, os.WNOHANG) == (0, 0):
            os.kill(kernel, signal.SIGTERM)
    except (ChildProcessError, ProcessLookupError):
        pass
