"""Executes a lesson for the gallery: execute.py NOTEBOOK OUT_DIR [MINUTES]

Writes the executed notebook and what is known of the run, `run.json`, in any case: with the cell that
failed, if one did. Times to compile and to run come from the kernel's replies, memory from /proc.
"""

import json
import os
import platform
import re
import subprocess
import sys
import threading
import time
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "xtask/python"))

import nbformat
from runner import Runner


def status(process: int) -> dict[str, str]:
    """/proc's account of a process; empty where there is none (any more)."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return {}
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def command(process: int) -> bytes:
    """A process's program and arguments."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


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
        name, own = status(self.kernel).get("Name"), command(self.kernel)
        for process in [self.kernel, *children(self.kernel)]:
            of = status(process)
            # Compilers are children, too, and before they are compilers they are the kernel for a moment.
            if of.get("Name") == name and "VmHWM" in of and (process == self.kernel or command(process) != own):
                part = "kernel" if process == self.kernel else "cells"
                self.peak[part] = max(self.peak[part], int(of["VmHWM"].split()[0]))

    def run(self) -> None:
        while not self.ended.wait(0.25):
            self.look()

    def megabytes(self) -> dict[str, int | None]:
        return {part: round(peak / 1000) or None for part, peak in self.peak.items()}


class Measured(Runner):
    """Looks at the memory after each cell: by which the peak grew shows in the list of cells."""

    def __init__(self, notebook, path: Path) -> None:
        super().__init__(notebook, path)
        self.memory = Memory()

    def started(self, cell, cell_index) -> None:
        super().started(cell, cell_index)
        self.memory.kernel = self.process

    def done(self, cell, cell_index, execute_reply) -> None:
        self.memory.look()
        super().done(cell, cell_index, execute_reply)
        self.cells[-1]["peak_mb"] = self.memory.megabytes()["cells"]


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
    runner = Measured(notebook, path)
    begin, date = time.monotonic(), datetime.now(timezone.utc)
    runner.memory.start()
    problem = runner.run(minutes)
    runner.memory.ended.set()
    run = {
        "date": date.isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - begin, 1),
        "cells": runner.cells,
        "memory_mb": runner.memory.megabytes(),
        "machine": machine(),
        "problem": problem,
    }
    try:
        write(out / "executed.ipynb", nbformat.writes(notebook))
        write(out / "run.json", json.dumps(run, indent=1))
    except OSError as error:
        sys.exit(f"{problem or 'it ran to its end'}; what came of it could not be written: {error}")
    if problem:
        sys.exit(problem)


def write(path: Path, text: str) -> None:
    part = path.with_suffix(".part")
    try:
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), float(sys.argv[3]) if sys.argv[3:] else None)
