"""What a class does together. Each gives the processes of its learners, as they were near the end."""

import argparse
import asyncio
import time

from . import processes
from .learner import FAILURES, Learner
from .server import Refused

QUICK = "unsafe { std::env::set_var(\"TWOVIEWS_QUICK\", \"1\") };"
# Longer than the lesson takes for ten learners on one core.
LESSON = 3600
# What is idle for so long is measured.
IDLE = 60


async def arrivals(learners: list[Learner], within: float) -> list[Learner]:
    """All come at times that are spread over some seconds. Gives those who got in."""
    async def arrive(number: int, learner: Learner) -> Learner | None:
        await asyncio.sleep(within * number / max(1, len(learners) - 1))
        try:
            await learner.arrive()
        except FAILURES:
            return None
        return learner
    return list(filter(None, await asyncio.gather(*map(arrive, range(len(learners)), learners))))


def measured(learners: list[Learner]) -> list[dict]:
    return processes.of_kernels([learner.kernel.id for learner in learners if learner.kernel])


async def read(learners: list[Learner], options: argparse.Namespace) -> list[dict]:
    """Each at a pace of one's own."""
    there = await arrivals(learners, options.within)
    end = time.monotonic() + 60 * options.minutes
    await asyncio.gather(*(learner.study(end) for learner in there))
    return measured(there)


async def idle(learners: list[Learner], options: argparse.Namespace) -> list[dict]:
    """Nobody does anything for a minute; then each runs a cell, one after the other."""
    there = await arrivals(learners, options.within)
    await asyncio.sleep(IDLE)
    found = measured(there)
    for learner in there:
        try:
            await learner.cell("cell after a minute", "mine + 1", "42")
        except FAILURES:
            pass
    return found


async def train(learners: list[Learner], options: argparse.Namespace) -> list[dict]:
    """One learner runs the lesson alone, then all at once: they have to find the same numbers."""
    there = await arrivals(learners, options.within)
    if there:
        numbers = await lesson(there[0], "lesson, alone")
        await asyncio.gather(*(lesson(learner, "lesson, at once", numbers) for learner in there))
    return measured(there)


async def lesson(learner: Learner, what: str, wanted: str = "") -> str:
    """All cells of the lesson in its quick setting; what those tagged `summary` print are its numbers."""
    async def all_cells() -> str:
        await learner.kernel.execute(QUICK, LESSON)
        numbers = ""
        for cell in learner.notebook.cells:
            if cell.cell_type != "code":
                continue
            outcome = await learner.cell("its cells", cell.source, limit=LESSON)
            if "summary" in cell.metadata.get("tags", []):
                numbers += outcome.text
        if wanted and numbers != wanted:
            raise Refused(f"other numbers: {numbers} instead of {wanted}")
        return numbers
    try:
        return await learner.timed(what, all_cells())
    except FAILURES:
        return ""


TASKS = {"read": read, "idle": idle, "train": train}
