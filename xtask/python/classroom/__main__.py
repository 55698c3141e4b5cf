"""python -m classroom --address URL: what `cargo xtask classroom` starts."""

import argparse
import asyncio
import ipaddress
import os
import signal
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from . import log, processes, tasks
from .learner import Learner
from .log import Log
from .server import Server


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="cargo xtask classroom", description="Learners who use a JupyterHub or a Jupyter "
                                     "server at human pace, over its real interfaces; what they waited for, and what they took.")
    parser.add_argument("--address", required=True, help="the hub's, or a server's with its ?token=")
    parser.add_argument("--learners", type=int, default=2, help="how many (default: 2)")
    parser.add_argument("--minutes", type=float, default=2, help="how long they work after all have arrived (default: 2)")
    parser.add_argument("--within", type=float, default=60, help="seconds over which their logins are spread (default: 60)")
    parser.add_argument("--task", choices=list(tasks.TASKS), default="read", help="read (default): read, run, err, interrupt, edit, "
                        "save; idle: wait a minute after the first cell; train: all cells of the lesson in its quick setting")
    parser.add_argument("--notebook", default="lessons/00_quickstart.ipynb", help="its place in a learner's folder")
    parser.add_argument("--kernel", default="rust", help="the kernel's name (default: rust)")
    parser.add_argument("--names", default="learner{:02}", help="the learners' names (default: learner{:02})")
    parser.add_argument("--password", default="", help="of all of them; without it that in TWOVIEWS_CLASS_PASSWORD")
    parser.add_argument("--pace", type=float, default=1, help="factor of the time they think between two acts, ten seconds as a rule")
    parser.add_argument("--json", type=Path, help="a file for all times")
    parser.add_argument("--my-own-server", action="store_true", help="needed where the address is not on this machine")
    options = parser.parse_args()
    if not 1 <= options.learners <= 500 or not 0 < options.minutes <= 240 or options.pace <= 0 or options.within < 0:
        parser.error("--learners goes from 1 to 500, --minutes to 240; --pace and --within are not negative")
    if not options.my_own_server and not is_here(urlsplit(options.address).hostname or ""):
        parser.error(f"{options.address} is not on this machine. If it is yours to put under load: --my-own-server")
    return options


def is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def run(options: argparse.Namespace) -> Log:
    diary = Log()
    password = options.password or os.environ.get("TWOVIEWS_CLASS_PASSWORD", "")
    learners = [Learner(number, Server(options.address, options.names.format(number), password), diary, options.notebook,
                        options.kernel, options.pace) for number in range(1, options.learners + 1)]
    psutil.cpu_percent()
    work = asyncio.create_task(tasks.TASKS[options.task](learners, options))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    try:
        found = await work
    except asyncio.CancelledError:
        diary.add("all", "you", 0, "ended before the time was over")
        found = tasks.measured(learners)
    machine = {
        "cores": psutil.cpu_count(), "busy": f"{psutil.cpu_percent():.0f} %",
        "load at the end": f"{psutil.getloadavg()[0]:.1f}",
        "memory in use": f"{psutil.virtual_memory().used / 1e9:.1f} GB", "seconds": f"{time.monotonic() - diary.begin:.0f}",
    }
    print(log.report(diary, processes.table(found), machine, options.json))
    if not found:
        print("memory: the kernels do not run on this machine, or are not to be seen by this user")
    await asyncio.gather(*(learner.leave() for learner in learners))
    return diary


if __name__ == "__main__":
    sys.exit(1 if asyncio.run(run(arguments())).failures() else 0)
