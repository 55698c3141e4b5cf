"""A small class on a Jupyter server of its own (`cargo xtask classroom`); five learners for a minute with `--long`."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path

import nbformat
from support import LONG, ROOT, jupyterlab

sys.path.insert(0, str(ROOT / "xtask/python"))
from classroom.log import Log, report

LESSON = "00_quickstart.ipynb"


@contextlib.contextmanager
def server(folder: str) -> Iterator[str]:
    """The address of a Jupyter server on `folder`, with its token."""
    with jupyterlab(folder, Path(folder, "log"), "--ServerApp.log_level=ERROR") as address:
        yield f"{address}/?token=test"


def classroom(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "classroom", *arguments], capture_output=True, text=True, timeout=600,
                          env={**os.environ, "PYTHONPATH": str(ROOT / "xtask/python")})


class Classroom(unittest.TestCase):
    def test_learners_read_run_err_interrupt_and_save(self) -> None:
        learners, minutes, pace = (5, 1, 0.3) if LONG else (2, 0.2, 0.02)
        with tempfile.TemporaryDirectory() as folder, server(folder) as address:
            shutil.copy(ROOT / "notebooks" / LESSON, folder)
            result = classroom("--address", address, "--learners", str(learners), "--minutes", str(minutes), "--within", "1",
                               "--pace", str(pace), "--notebook", LESSON, "--json", f"{folder}/times.json")
            self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
            report = json.loads(Path(folder, "times.json").read_text(encoding="utf-8"))
            copies = [path.name for path in Path(folder).glob("*.ipynb")]
        kinds = report["kinds"]
        self.assertLessEqual({"login to first output", "own cell", "lesson cell", "error", "interrupt", "save"}, set(kinds), kinds)
        self.assertEqual(kinds["login to first output"]["count"], learners)
        self.assertTrue(all(it["failures"] == 0 and it["p50"] <= it["p95"] <= it["longest"] for it in kinds.values()), kinds)
        for part in ("server", "kernel", "cells"):
            self.assertGreater(report["memory"][part]["mean"], 10, report["memory"])
        self.assertEqual(copies, [LESSON], "each learner's copy is removed")

    def test_what_fails_is_named_and_counted(self) -> None:
        with tempfile.TemporaryDirectory() as folder, server(folder) as address:
            result = classroom("--address", address, "--learners", "2", "--minutes", "0.01", "--within", "0",
                               "--notebook", "none.ipynb")
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertIn("learner02, own copy: Refused: GET /api/contents/none.ipynb: 404", result.stdout)

    def test_percentiles_are_of_those_that_did_not_fail(self) -> None:
        log = Log()
        for seconds in range(1, 101):
            log.add("cell", "a", float(seconds))
        log.add("cell", "b", 500.0, "no reply")
        log.add("save", "b", 1.0, "disk full")
        kinds = log.kinds()
        self.assertEqual(kinds["cell"], {"count": 101, "failures": 1, "p50": 50, "p95": 95, "p99": 99, "longest": 100})
        self.assertIsNone(kinds["save"]["p95"])
        self.assertIn("b, save: disk full", report(log, {}, {}, None))

    def test_other_machines_are_spared(self) -> None:
        result = classroom("--address", "http://192.0.2.1:8000")
        self.assertEqual(result.returncode, 2)
        self.assertIn("--my-own-server", result.stderr)


@unittest.skipUnless(shutil.which("git"), "no git (Debian and Ubuntu: apt install git)")
class Lessons(unittest.TestCase):
    def git(self, folder: Path, *words: str) -> None:
        subprocess.run(["git", "-C", folder, "-c", "user.name=n", "-c", "user.email=n@n", *words], check=True, capture_output=True)

    def publish(self, lessons: Path, repository: Path) -> str:
        script = ROOT / "deploy/jupyterhub/publish_lessons.py"
        return subprocess.run([sys.executable, script, lessons, repository], check=True, capture_output=True, text=True).stdout

    def edit(self, path: Path, cell: str, line: str) -> None:
        notebook = nbformat.read(path, as_version=4)
        next(it for it in notebook.cells if it.id == cell).source += f"\n{line}"
        nbformat.write(notebook, path)

    def test_a_correction_reaches_a_learner_and_takes_no_work_away(self) -> None:
        with tempfile.TemporaryDirectory() as place:
            lessons, repository, learner = (Path(place, name) for name in ("lessons", "lessons.git", "learner"))
            lessons.mkdir()
            shutil.copy(ROOT / "notebooks" / LESSON, lessons)
            self.assertIn(LESSON, self.publish(lessons, repository))
            self.assertEqual(self.publish(lessons, repository), "nothing has changed\n")
            subprocess.run(["git", "clone", "--quiet", repository, learner], check=True)
            self.edit(learner / LESSON, "qs-data", "// the learner's")
            self.edit(learner / LESSON, "qs-dcl-loss", "// the learner's")
            for cell in ("qs-settings", "qs-dcl-loss"):
                self.edit(lessons / LESSON, cell, "// the teacher's")
            self.publish(lessons, repository)
            # What nbgitpuller does.
            self.git(learner, "commit", "--all", "--message", "work")
            self.git(learner, "fetch")
            self.git(learner, "merge", "-Xours", "origin/main")
            merged = nbformat.read(learner / LESSON, as_version=4)
            nbformat.validate(merged)
        ends = {cell.id: cell.source.splitlines()[-1] for cell in merged.cells}
        self.assertEqual(ends["qs-data"], "// the learner's")
        self.assertEqual(ends["qs-settings"], "// the teacher's")
        self.assertEqual(ends["qs-dcl-loss"], "// the learner's", "who has changed the same cell keeps it")


if __name__ == "__main__":
    unittest.main()
