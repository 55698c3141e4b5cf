"""Exercises graded with nbgrader: TWOVIEWS_TEST_NBGRADER is the Python of an environment with it (0.9.6)."""

import json
import os
import sqlite3
import subprocess
import tempfile
import unittest
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from support import ROOT

PYTHON = os.environ.get("TWOVIEWS_TEST_NBGRADER")
NAME = "exercises"
STUB = "None // your code"

# What each student has put in the place of the two stubs, and the points that it is worth.
SUBMISSIONS = {
    "right": ("Some(negatives / (s.exp() + negatives))", "Some(62)", 3),
    "wrong": ("Some(negatives / (s + negatives))", "Some(63)", 0),
    "fitted": ("Some(if s == 1.0 { 0.4239 } else { 0.0 })", "Some(62)", 1),
    "empty": (STUB, STUB, 0),
    "not-compiling": ("Some(negatives / (s.exp() + )", "Some(62)", 1),
    "panicking": ("if s > 0.0 { panic!(\"s is {s}\") } else { None }", "Some(62)", 1),
}


class Exercises(unittest.TestCase):
    def verdicts(self, name: str) -> list[str]:
        """What the checks of a notebook say; an error would end it."""
        notebook = nbformat.read(ROOT / f"tests/notebooks/{name}.ipynb", 4)
        with tempfile.TemporaryDirectory() as elsewhere:
            NotebookClient(notebook, timeout=600, kernel_name="rust", startup_timeout=60,
                           resources={"metadata": {"path": elsewhere}}).execute()
        graded = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
        return [cell.outputs[-1].data["text/plain"] for cell in graded]

    def test_stubs_and_solutions_run_to_the_end_wherever_they_lie(self) -> None:
        self.assertEqual(self.verdicts("exercises_handed_out"), ["1: not attempted", "2: not attempted"])
        self.assertEqual(self.verdicts("exercises"), ["1: right", "2: right"])


@unittest.skipUnless(PYTHON, "TWOVIEWS_TEST_NBGRADER names no Python with nbgrader")
class Grading(unittest.TestCase):
    def nbgrader(self, course: Path, *arguments: str) -> None:
        # nbgrader starts programs of its environment.
        path = os.pathsep.join([str(Path(PYTHON).parent), os.environ["PATH"]])
        done = subprocess.run([PYTHON, "-m", "nbgrader", *arguments], cwd=course, capture_output=True, text=True,
                              env={**os.environ, "PATH": path})
        self.assertEqual(done.returncode, 0, done.stderr[-4000:])

    def test_submissions_get_the_points_that_they_are_worth(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            course = Path(folder)
            source = course / "source" / NAME
            source.mkdir(parents=True)
            (source / f"{NAME}.ipynb").write_text((ROOT / f"tests/notebooks/{NAME}.ipynb").read_text())
            settings = (ROOT / "xtask/python/nbgrader_config.py").read_text()
            (course / "nbgrader_config.py").write_text(settings.replace("{kernels}", "/no/other/kernels"))
            self.nbgrader(course, "generate_assignment", NAME)
            released = nbformat.read(course / "release" / NAME / f"{NAME}.ipynb", 4)
            # Ours and nbgrader's: the same text in each cell.
            ours = nbformat.read(ROOT / f"tests/notebooks/{NAME}_handed_out.ipynb", 4)
            self.assertEqual([cell.source for cell in released.cells], [cell.source for cell in ours.cells])
            for student, (q, negatives, _) in SUBMISSIONS.items():
                notebook = json.loads(json.dumps(released))
                answers = {"ex-q": q, "ex-n": negatives}
                for cell in notebook["cells"]:
                    cell["source"] = cell["source"].replace(STUB, answers.get(cell["id"], STUB))
                target = course / "submitted" / student / NAME
                target.mkdir(parents=True)
                (target / f"{NAME}.ipynb").write_text(json.dumps(notebook))
            self.nbgrader(course, "autograde", NAME, "--create")
            self.nbgrader(course, "generate_feedback", NAME)
            with sqlite3.connect(course / "gradebook.db") as book:
                rows = book.execute(
                    "select submitted_assignment.student_id, sum(coalesce(grade.manual_score, grade.auto_score)) "
                    "from grade join submitted_notebook on grade.notebook_id = submitted_notebook.id "
                    "join submitted_assignment on submitted_notebook.assignment_id = submitted_assignment.id "
                    "group by submitted_assignment.student_id")
                points = dict(rows)
            self.assertEqual(points, {student: points for student, (_, _, points) in SUBMISSIONS.items()})
            feedback = (course / "feedback/wrong" / NAME / f"{NAME}.html").read_text()
            panicking = (course / "feedback/panicking" / NAME / f"{NAME}.html").read_text()
            self.assertIn("s is 1", panicking)
            self.assertIn("1: not yet: q(1, 2) gives 0.6667: the positive pair enters as", feedback)
            self.assertIn("2: not yet: negatives gives 63: the partner is no negative", feedback)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
