"""Memory and processor time of the learners' processes, where they run on this machine."""

import statistics
from collections import Counter

import psutil

# The parts, in the order of the report.
PARTS = ("server", "kernel", "cells", "compilers")


def of_kernels(identities: list[str]) -> list[dict[str, Counter]]:
    """For each kernel that runs here: MB (PSS) and processor seconds of it, its cells, its compilers, and its share of
    the Jupyter server that has started it."""
    kernels = {}
    for process in psutil.process_iter():
        try:
            words = " ".join(process.cmdline())
        except psutil.Error:
            continue
        # Of a wrapper that has started it, the last one is the kernel.
        kernels.update({identity: process for identity in identities if f"kernel-{identity}.json" in words})
    notebooks = Counter(filter(None, (parent(process) for process in kernels.values())))
    found = []
    for process in kernels.values():
        sums = {"MB": Counter(), "seconds": Counter()}
        server = parent(process)
        if server:
            add(sums, "server", server, notebooks[server])
        add(sums, "kernel", process)
        for child in descendants(process):
            add(sums, "cells" if runs_cells(child) else "compilers", child)
        found.append(sums)
    return found


def parent(process: psutil.Process) -> psutil.Process | None:
    try:
        return process.parent()
    except psutil.Error:
        return None


def descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def runs_cells(process: psutil.Process) -> bool:
    try:
        # evcxr's mark; the kernel's program is also what compilers are started by.
        return "EVCXR_IS_RUNTIME" in process.environ()
    except psutil.Error:
        return False


def add(sums: dict[str, Counter], part: str, process: psutil.Process, share: int = 1) -> None:
    try:
        times = process.cpu_times()
        sums["MB"][part] += process.memory_full_info().pss / 1e6 / share
        # What has ended is counted with whoever waited for it.
        ended = times.children_user + times.children_system if part == "kernel" else 0
        sums["seconds"]["compilers"] += ended
        sums["seconds"][part] += (times.user + times.system) / share
    except psutil.Error:
        # It has ended meanwhile, or belongs to someone whose memory we may not see.
        pass


def table(found: list[dict[str, Counter]]) -> dict:
    """Mean and largest over the learners, by part."""
    rows = {}
    for part in (*PARTS, "together"):
        values = [sum(it["MB"].values()) if part == "together" else it["MB"][part] for it in found]
        seconds = [sum(it["seconds"].values()) if part == "together" else it["seconds"][part] for it in found]
        if found:
            rows[part] = {"mean": statistics.fmean(values), "largest": max(values), "cpu_seconds": statistics.fmean(seconds)}
    return rows
