"""A kernel and the messages of its cells, for the tests beside this file."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import unittest
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

ROOT = Path(__file__).resolve().parents[2]
LONG = bool(os.environ.get("TWOVIEWS_LONG"))
SEED = int(os.environ.get("TWOVIEWS_SEED", "1"))

# Asks as the library does whether the user wants the cell to stop.
ASKED = ('fn asked() -> bool { std::env::var_os("TWOVIEWS_INTERRUPT_FILE")'
         '.is_some_and(|f| std::path::Path::new(&f).exists()) }')

LOAD = f":dep twoviews = {{ path = {json.dumps(str(ROOT))} }}\nuse twoviews::prelude::*;\n"


def start(environment: dict[str, str], **options) -> tuple[KernelManager, BlockingKernelClient]:
    """A kernel with these variables, and a client that is connected to it."""
    manager = KernelManager(kernel_name="rust")
    manager.kernel_spec.env.update(environment)
    manager.start_kernel(**options)
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    return manager, client


def free_port() -> int:
    """A port of this machine at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as it:
        return it.getsockname()[1]


@contextlib.contextmanager
def jupyterlab(folder: str, log: Path, *options: str) -> Iterator[str]:
    """The address of a JupyterLab on `folder`; its token is `test`."""
    port = free_port()
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={port}", "--ServerApp.port_retries=0",
               "--IdentityProvider.token=test", f"--ServerApp.root_dir={folder}",
               # As root, too, where the tests run so.
               "--allow-root", *options]
    address = f"http://127.0.0.1:{port}"
    with open(log, "w", encoding="utf-8") as said, subprocess.Popen(command, stdout=said, stderr=said) as process:
        try:
            for _ in range(600):
                with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/api?token=test", timeout=5):
                    break
                time.sleep(0.1)
            else:
                raise TimeoutError(f"JupyterLab did not start; see {log}")
            yield address
        finally:
            process.terminate()


@contextlib.contextmanager
def registered(kernels: Path, name: str, environment: dict[str, str], **options) -> Iterator[BlockingKernelClient]:
    """A client of the kernel `name` in the folder `kernels`, started with these variables and no others."""
    specs = KernelSpecManager(kernel_dirs=[str(kernels)])
    manager = KernelManager(kernel_name=name, kernel_spec_manager=specs)
    manager.start_kernel(env=environment, **options)
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


def answer(client: BlockingKernelClient, cell: str) -> tuple[dict, str]:
    """The reply to a cell, and what it prints or gives as text."""
    texts: list[str] = []

    def collect(message: dict) -> None:
        if message["msg_type"] in ("stream", "execute_result"):
            content = message["content"]
            texts.append(content.get("text", "") or content.get("data", {}).get("text/plain", ""))

    reply = client.execute_interactive(cell, timeout=300, output_hook=collect)
    return reply["content"], "".join(texts)


@contextlib.contextmanager
def fake_hub(folder: str) -> Iterator[str]:
    """The address at which the first lesson's data set and checkpoints are served from `folder`."""
    program = [sys.executable, ROOT / "tests/support/fake_hub.py", f"{folder}/served"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield server.stdout.readline().strip()
        finally:
            server.kill()


def quick_lesson(address: str, folder: Path | str) -> dict[str, str]:
    """Variables with which the first lesson runs quickly on the fake hub's data, with its files in `folder`."""
    return {"HF_ENDPOINT": address, "HF_HOME": f"{folder}/hub", "TWOVIEWS_DATA": f"{folder}/data",
            "TWOVIEWS_CIFAR10_URL": f"{address}/cifar-10-binary.tar.gz", "TWOVIEWS_QUICK": "1"}


class Kernel(unittest.TestCase):
    """One kernel for all tests of a class."""

    # Set for the kernel.
    environment: dict[str, str] = {}

    @classmethod
    def setUpClass(cls) -> None:
        cls.manager, cls.client = start(cls.environment)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.client.stop_channels()
        cls.manager.shutdown_kernel()

    def run_cell(self, code: str, timeout: float = 300, **options) -> tuple[dict, list[dict]]:
        messages: list[dict] = []
        options.setdefault("output_hook", messages.append)
        reply = self.client.execute_interactive(code, timeout=timeout, **options)
        return reply["content"], messages

    def streams(self, messages: list[dict], name: str = "stdout") -> str:
        return "".join(m["content"]["text"] for m in messages
                       if m["msg_type"] == "stream" and m["content"]["name"] == name)

    def memory(self) -> float:
        """Megabytes that the kernel's process holds."""
        pid = self.manager.provisioner.process.pid
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
