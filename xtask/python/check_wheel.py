"""Runs cells on the kernel that a wheel has registered in this environment, without Rust on the path and with it."""

import os
import sys
import tempfile
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager


def run(cell: str, environment: dict[str, str]) -> tuple[dict, str]:
    """The reply to a cell, and what it prints or gives."""
    specs = KernelSpecManager(kernel_dirs=[str(Path(sys.prefix) / "share/jupyter/kernels")])
    manager = KernelManager(kernel_name="twoviews", kernel_spec_manager=specs)
    manager.start_kernel(env=environment)
    client = manager.client()
    client.start_channels()
    texts: list[str] = []

    def collect(message: dict) -> None:
        content = message["content"]
        texts.append(content.get("text", "") or content.get("data", {}).get("text/plain", ""))

    try:
        client.wait_for_ready(timeout=60)
        reply = client.execute_interactive(cell, timeout=300, output_hook=collect)
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
    return reply["content"], "".join(texts)


def main() -> None:
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
