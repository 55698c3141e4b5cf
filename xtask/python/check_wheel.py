"""Runs cells on the kernel that a wheel has registered in this environment, without Rust on the path and with it."""

import importlib.metadata
import importlib.util
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "kernel/tests"))
from support import answer, registered  # noqa: E402


def run(cell: str, environment: dict[str, str]) -> tuple[dict, str]:
    """The reply to a cell, and what it prints or gives."""
    with registered(Path(sys.prefix) / "share/jupyter/kernels", "twoviews", environment) as client:
        return answer(client, cell)


def main() -> None:
    for entry in importlib.metadata.distribution("twoviews-kernel").entry_points:
        if importlib.util.find_spec(entry.module) is None:
            raise SystemExit(f"the wheel names {entry.value}, which it does not bring")
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "XDG_CACHE_HOME": folder}
        for name in ("EVCXR_TMPDIR", "TWOVIEWS_PREWARM", "TWOVIEWS_CARGO_LOCK"):
            environment.pop(name, None)
        reply, text = run("(1..=6).product::<i32>()", environment)
        if reply["status"] != "ok" or "720" not in text:
            raise SystemExit(f"a cell failed: {reply} {text}")
        reply, text = run("1 + 1", {**environment, "PATH": folder})
        if reply["status"] != "error" or "https://rustup.rs" not in reply["evalue"]:
            raise SystemExit(f"without Rust nothing says so: {reply} {text}")
    print("cells run; without Rust the kernel says what to install")


if __name__ == "__main__":
    main()
