"""What happened, and what is said of it."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Entry:
    what: str
    who: str
    at: float
    seconds: float
    failure: str = ""


@dataclass
class Log:
    entries: list[Entry] = field(default_factory=list)
    begin: float = field(default_factory=time.monotonic)

    def add(self, what: str, who: str, seconds: float, failure: str = "") -> None:
        self.entries.append(Entry(what, who, time.monotonic() - self.begin, seconds, failure))

    def failures(self) -> list[Entry]:
        return [it for it in self.entries if it.failure]

    def kinds(self) -> dict[str, dict]:
        """Percentiles of the time that each kind of act took, in the order in which they first happened."""
        kinds: dict[str, list[Entry]] = {}
        for entry in self.entries:
            kinds.setdefault(entry.what, []).append(entry)
        return {what: summary(entries) for what, entries in kinds.items()}


def summary(entries: list[Entry]) -> dict:
    times = sorted(it.seconds for it in entries if not it.failure)
    return {"count": len(entries), "failures": sum(bool(it.failure) for it in entries),
            **{f"p{share}": percentile(times, share) for share in (50, 95, 99)}, "longest": times[-1] if times else None}


def percentile(ordered: list[float], share: int) -> float | None:
    """The smallest value that at least this share of all do not exceed."""
    return ordered[max(0, -(-share * len(ordered) // 100) - 1)] if ordered else None


def report(log: Log, memory: dict, machine: dict, file: Path | None) -> str:
    """The tables, which are also written as JSON."""
    kinds = log.kinds()
    lines = [f"{'seconds':<24}{'count':>6}{'failed':>7}{'p50':>8}{'p95':>8}{'p99':>8}{'longest':>9}"]
    for what, it in kinds.items():
        numbers = "".join(f"{it[name]:>{width}.2f}" if it[name] is not None else " " * (width - 1) + "-"
                          for name, width in (("p50", 8), ("p95", 8), ("p99", 8), ("longest", 9)))
        lines.append(f"{what:<24}{it['count']:>6}{it['failures']:>7}{numbers}")
    if memory:
        lines.append(f"\n{'a learner, mean':<24}{'PSS, MB':>9}{'largest':>9}{'CPU, s':>9}")
        for part, it in memory.items():
            lines.append(f"{part:<24}{it['mean']:>9.0f}{it['largest']:>9.0f}{it['cpu_seconds']:>9.1f}")
    lines.append("\n" + ", ".join(f"{name} {value}" for name, value in machine.items()))
    shown = log.failures()[:20]
    lines += [f"failed after {it.at:.0f} s, {it.who}, {it.what}: {it.failure}" for it in shown]
    if len(log.failures()) > len(shown):
        lines.append(f"and {len(log.failures()) - len(shown)} more")
    if file:
        entries = [vars(it) for it in log.entries]
        file.write_text(json.dumps({"kinds": kinds, "memory": memory, "machine": machine, "entries": entries}, indent=1) + "\n",
                        encoding="utf-8")
    return "\n".join(lines)
