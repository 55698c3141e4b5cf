"""What a learner does: logs in, opens the lesson, reads, runs cells, errs, interrupts, edits and saves."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import httpx
from tornado.httpclient import HTTPError
from tornado.websocket import WebSocketClosedError

from .kernel import Kernel, Outcome
from .log import Log
from .server import Refused, Server

# What can go wrong between a browser and a server.
FAILURES = (Refused, httpx.HTTPError, HTTPError, WebSocketClosedError, OSError, ValueError)
# Nobody waits longer for a cell that computes nothing.
PATIENCE = 120
# Ends when the learner asks for it, as training does.
WAITING = ("println!(\"running\");\nwhile !twoviews::notebook::interrupted() {\n"
           "    std::thread::sleep(std::time::Duration::from_millis(50));\n}\nprintln!(\"stopped\");")
# The seconds between two acts: half of all thoughts are shorter, one in six is twice as long.
THOUGHT, SPREAD = 10.0, 0.7


class Learner:
    """One learner with a notebook and a kernel."""

    def __init__(self, number: int, server: Server, log: Log, lesson: str, kernel_name: str, pace: float) -> None:
        self.server, self.log, self.lesson, self.kernel_name, self.pace = server, log, lesson, kernel_name, pace
        self.chance = random.Random(number)
        self.number, self.kernel = number, None
        self.notebook, self.cells = None, []

    async def timed(self, what: str, act: Awaitable):
        """Does something and writes down how long it took, or why it failed."""
        begin = time.monotonic()
        try:
            result = await act
        except FAILURES as error:
            self.log.add(what, self.server.name, time.monotonic() - begin, f"{type(error).__name__}: {error}")
            raise
        self.log.add(what, self.server.name, time.monotonic() - begin)
        return result

    async def arrive(self) -> None:
        """From the login to the first cell's output."""
        begin = time.monotonic()
        await self.timed("login and server", self.server.enter())
        if not self.server.is_own:
            await self.timed("own copy", self.own_copy())
        await self.open()
        first = await self.cell("first cell", self.cells.pop(0))
        if "ompiling" in str(first.outputs):
            self.log.add("crates", self.server.name, first.seconds, "the first cell had crates compiled, not only itself")
        await self.cell("first own cell", "let mine = 41;\nprintln!(\"here\");", "here")
        self.log.add("login to first output", self.server.name, time.monotonic() - begin)

    async def own_copy(self) -> None:
        """On a server that all share: a notebook, and with it a kernel, for each."""
        notebook = await self.server.read(self.lesson)
        self.lesson = self.lesson.replace(".ipynb", f"-{self.server.name}.ipynb")
        await self.server.save(self.lesson, notebook)

    async def open(self) -> None:
        """Opens the lesson and starts its kernel."""
        self.notebook = await self.timed("notebook", self.server.read(self.lesson))
        self.cells = [cell.source for cell in cheap(self.notebook.cells)]
        self.kernel = await self.timed("kernel", Kernel.start(self.server, self.lesson, self.kernel_name))

    async def leave(self) -> None:
        """Shuts the kernel down; a hub's server stays, as when a browser is closed."""
        try:
            if self.kernel:
                self.kernel.close()
                await self.server.call("DELETE", f"kernels/{self.kernel.id}")
            if not self.server.is_own and self.notebook:
                await self.server.call("DELETE", f"contents/{self.lesson}")
        except FAILURES:
            pass
        await self.server.close()

    async def think(self) -> None:
        await asyncio.sleep(self.pace * THOUGHT * self.chance.lognormvariate(0, SPREAD))

    async def cell(self, what: str, code: str, wanted: str = "", status: str = "ok", **options) -> Outcome:
        """Runs a cell, which has to end and to print as wanted."""
        async def act() -> Outcome:
            outcome = await self.kernel.execute(code, options.pop("limit", PATIENCE), **options)
            if outcome.status != status or wanted not in outcome.text:
                raise Refused(f"{outcome.status} {outcome.error} {outcome.text!r} of {code!r}"[:500])
            return outcome
        return await self.timed(what, act())

    async def read_on(self) -> None:
        """The next cell of the lesson, if it is not one that trains; else one's own."""
        if self.cells:
            await self.cell("lesson cell", self.cells.pop(0))
        else:
            await self.try_out()

    async def try_out(self) -> None:
        number = self.chance.randrange(1000)
        await self.cell("own cell", f"mine + {number}", str(41 + number))

    async def err(self) -> None:
        await self.cell("error", "let wrong: i32 = \"a word\";", status="error")

    async def interrupt(self) -> None:
        """Runs what would not end, and stops it; variables are still there."""
        await self.cell("interrupt", WAITING, "stopped", "error", interrupt_after=1)
        await self.try_out()

    async def edit(self) -> None:
        """Fills in an answer and saves the notebook."""
        cell = self.chance.choice([cell for cell in self.notebook.cells if cell.cell_type == "code"])
        cell.source += f"\n// {self.chance.randrange(10**6)}"
        await self.timed("save", self.server.save(self.lesson, self.notebook))

    async def study(self, end: float) -> None:
        """One act after the other until the end of the hour."""
        acts: list[Callable[[], Awaitable]] = [self.read_on, self.try_out, self.err, self.interrupt, self.edit]
        # Everything happens at least once, if there is time.
        first = self.chance.sample(acts, len(acts))
        while time.monotonic() < end:
            await self.think()
            act = first.pop() if first else self.chance.choices(acts, weights=[40, 30, 10, 5, 15])[0]
            try:
                await act()
            except FAILURES:
                await self.come_back()

    async def come_back(self) -> None:
        """After a failure: as a learner who loads the page again."""
        try:
            self.kernel.close()
            await self.timed("page again", self.server.again())
            await self.open()
            await self.cell("first cell again", self.cells.pop(0))
            await self.cell("own cell again", "let mine = 41;\nprintln!(\"here\");", "here")
        except FAILURES:
            # It is written down; the next act tries again.
            pass


def cheap(cells: list) -> list:
    """The cells of code before the first prediction: reading and looking, no training."""
    before = []
    for cell in cells:
        if "prediction" in cell.metadata.get("tags", []):
            break
        if cell.cell_type == "code":
            before.append(cell)
    return before
