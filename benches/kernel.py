"""How fast the kernel is: cargo xtask bench --kernel [ROUNDS]

Start to kernel_info reply; warm start to a tensor that is printed; and, beside a stock evcxr kernel in
the same run, what it costs to compile each cell of the first lesson. The lesson runs on the fake hub's data,
quick. Stock says nothing about its parts, so the running time of the same cell on this kernel is taken
off both. Run it on a machine that is idle.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from jupyter_client.manager import KernelManager

sys.path.insert(0, str(Path(__file__).parents[1] / "kernel/tests"))
from support import LOAD, ROOT, fake_hub, quick_lesson  # noqa: E402

FIRST = [LOAD, 'println!("{:?}", Tensor::from_slice(&[1.0f32]).size());']


class Session:
    """A kernel whose cells are timed."""

    def __init__(self, name: str, environment: dict[str, str]):
        self.name = name
        begin = time.monotonic()
        self.manager = KernelManager(kernel_name=name)
        self.manager.start_kernel(env={**os.environ, **environment}, cwd=str(ROOT / "notebooks"))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=300)
        self.start = time.monotonic() - begin

    def run(self, code: str) -> tuple[float, float]:
        """Seconds that the user waits, and what the cell ran by the kernel's own account."""
        begin = time.monotonic()
        reply = self.client.execute_interactive(code, timeout=600, output_hook=lambda message: None)
        seconds = time.monotonic() - begin
        if reply["content"]["status"] != "ok":
            raise SystemExit(f"{self.name}: {code}\nfailed: {reply['content']}")
        return seconds, reply["metadata"].get("twoviews", {}).get("run_seconds", 0.0)

    def end(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel()


def start(environment: dict[str, str]) -> tuple[float, float]:
    begin = time.monotonic()
    session = Session("rust", environment)
    for code in FIRST:
        session.run(code)
    seconds = time.monotonic() - begin
    session.end()
    return session.start, seconds


def compare(cells: list[str], environment: dict[str, str]) -> list[tuple[float, float]]:
    """Seconds to compile each cell, here and on stock, one after the other."""
    # The stock kernel first: it knows only the first build directory.
    stock, own = Session("stock", environment), Session("rust", environment)
    rows = []
    for code in cells:
        seconds, ran = own.run(code)
        other, _ = stock.run(code)
        rows.append((seconds - ran, max(other - ran, 0.0)))
        print(f"{rows[-1][0]:7.2f} s {rows[-1][1]:7.2f} s  {code.splitlines()[0][:60]}", flush=True)
    own.end()
    stock.end()
    return rows


def main(rounds: int) -> None:
    notebook = nbformat.read(ROOT / "notebooks/01_decoupled_contrastive_learning.ipynb", as_version=4)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    with tempfile.TemporaryDirectory() as folder, fake_hub(folder) as address:
        environment = quick_lesson(address, folder)
        starts = [start(environment) for _ in range(3)]
        print(f"start to kernel_info reply: {statistics.median(s for s, _ in starts):.2f} s")
        print(f"start to a tensor printed: {statistics.median(s for _, s in starts):.2f} s", flush=True)
        for _ in range(rounds):
            rows = compare(cells, environment)
            # The first cell loads the crates, which this kernel has done before.
            own, stock = (statistics.median(row[i] for row in rows[1:]) for i in (0, 1))
            ratio = statistics.median(row[0] / row[1] for row in rows[1:] if row[1] > 0)
            print(f"median of a cell: {own:.2f} s here, {stock:.2f} s on stock; "
                  f"median of the ratios {ratio:.2f}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
