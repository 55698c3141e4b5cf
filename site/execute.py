"""Executes a lesson for the gallery: execute.py NOTEBOOK OUT_DIR [MINUTES]

Writes the executed notebook and what is known of the run, `run.json`, in any case: with the cell that
failed, if one did. Times to compile and to run come from the kernel's replies, memory from /proc.
"""

import json
import os
import platform
import re
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "xtask/python"))

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from run_notebook import COLOURS, failure


def status(process: int) -> dict[str, str]:
    """/proc's account of a process; empty where there is none (any more)."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return {}
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def children(process: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{process}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []


class Memory(threading.Thread):
    """Follows the peak memory of the kernel and of the process in which it runs the cells."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.kernel: int | None = None
        self.peak = {"kernel": 0, "cells": 0}
        self.ended = threading.Event()

    def look(self) -> None:
        if self.kernel is None:
            return
        name = status(self.kernel).get("Name")
        for process in [self.kernel, *children(self.kernel)]:
            of = status(process)
            # Compilers are children, too.
            if of.get("Name") == name and "VmHWM" in of:
                part = "kernel" if process == self.kernel else "cells"
                self.peak[part] = max(self.peak[part], int(of["VmHWM"].split()[0]))

    def run(self) -> None:
        while not self.ended.wait(0.25):
            self.look()

    def megabytes(self) -> dict[str, int | None]:
        return {part: round(peak / 1000) or None for part, peak in self.peak.items()}


class Runner(NotebookClient):
    """Notes what each cell took, and fails where the kernel does not."""

    def begin(self) -> None:
        self.cells: list[dict] = []
        self.memory = Memory()
        self.memory.start()
        self.on_cell_start = self.started
        self.on_cell_executed = self.done

    def started(self, cell, cell_index) -> None:
        self.start = time.monotonic()
        # nbclient's provisioner for programs on this machine has the process.
        self.memory.kernel = getattr(self.km.provisioner, "pid", None)

    def done(self, cell, cell_index, execute_reply) -> None:
        self.memory.look()
        seconds = time.monotonic() - self.start
        first = first_line(cell)
        known = execute_reply.get("metadata", {}).get("twoviews", {})
        self.cells.append({
            "id": cell.id, "first_line": first, "seconds": round(seconds, 2),
            "compile_seconds": rounded(known.get("compile_seconds")), "run_seconds": rounded(known.get("run_seconds")),
        })
        print(f"[{seconds:6.1f} s] {first[:70]}", flush=True)
        reason = failure(cell.outputs)
        if reason:
            raise SystemExit(f"the cell {cell.id} that begins with {first!r} failed:\n{COLOURS.sub('', reason)}")


def stop(kernel: int | None) -> None:
    """Ends a kernel that has outlived its client."""
    if kernel and status(kernel).get("PPid") == str(os.getpid()):
        os.kill(kernel, signal.SIGTERM)


def first_line(cell) -> str:
    """The first line that is no comment, command or attribute."""
    lines = [line.strip() for line in cell.source.splitlines() if line.strip()]
    speaking = [line for line in lines if not line.startswith(("//", ":", "#[", "use "))]
    return (speaking or lines or [""])[0]


def rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def machine() -> dict[str, str | int | None]:
    """What computes here."""
    try:
        text = Path("/proc/cpuinfo").read_text()
        name = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
        memory = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    except OSError:
        name = memory = None
    return {
        "processor": name[1].strip() if name else platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(int(memory[1]) / 1e6) if memory else None,
        "system": f"{platform.system()} {platform.machine()}",
        "gpu": gpu(),
    }


def gpu() -> str | None:
    try:
        asked = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        return subprocess.run(asked, capture_output=True, text=True, timeout=20, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.SubprocessError, IndexError):
        return None


def main(path: Path, out: Path, minutes: float | None) -> None:
    notebook = nbformat.read(path, as_version=4)
    out.mkdir(parents=True, exist_ok=True)
    client = Runner(notebook, timeout=None, kernel_name=notebook.metadata.kernelspec.name, startup_timeout=120,
                    resources={"metadata": {"path": str(path.parent)}})
    client.begin()
    # The kernel ends with this program only if this program ends in good order.
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit("ended from outside"))
    if minutes:
        def late(*_):
            raise SystemExit(f"it took longer than {minutes:g} minutes (--limit)")
        signal.signal(signal.SIGALRM, late)
        signal.setitimer(signal.ITIMER_REAL, minutes * 60)
    begin, date = time.monotonic(), datetime.now(timezone.utc)
    problem = None
    try:
        client.execute()
    except CellExecutionError as error:
        failed = next((c for c in notebook.cells if any(o.output_type == "error" for o in c.get("outputs", []))), None)
        where = f"the cell {failed.id} that begins with {first_line(failed)!r}" if failed else "a cell"
        problem = f"{where} failed:\n{COLOURS.sub('', failure(failed.outputs) or str(error)) if failed else error}"
    except DeadKernelError:
        problem = "the kernel ended"
    except SystemExit as error:
        problem = str(error)
    finally:
        # Where this program is told to end, nbclient leaves its kernel.
        stop(getattr(client.km.provisioner, "pid", None) if client.km else None)
        signal.setitimer(signal.ITIMER_REAL, 0)
        client.memory.ended.set()
        run = {
            "date": date.isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - begin, 1),
            "cells": client.cells,
            "memory_mb": client.memory.megabytes(),
            "machine": machine(),
            "problem": problem,
        }
        write(out / "executed.ipynb", nbformat.writes(notebook))
        write(out / "run.json", json.dumps(run, indent=1))
    if problem:
        sys.exit(problem)


def write(path: Path, text: str) -> None:
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), float(sys.argv[3]) if sys.argv[3:] else None)
