"""What the check of each exercise says to the stub, to a typical wrong answer, and to the right one."""

import unittest

import nbformat
from support import LOAD, ROOT, Kernel

# What a lesson's cells have brought before its exercises.
BEFORE = {
    "02_the_coupling_term": "fn mean(values: &[f64]) -> f64 { values.iter().sum::<f64>() / values.len() as f64 }",
    "04_what_was_learned": "use twoviews::ndarray::{Array1, Array2, Axis};\n"
                           "type Labelled = (Array2<f32>, Array1<i64>);",
}

# By lesson and grade_id: code in place of the stub, and a part of what is to be said of it.
WRONG = {
    "00_quickstart": {
        "dcl-loss": ("Some(-s + (s.exp() + negatives).ln())", "the partner is still in the denominator"),
        "vote": ("let (mut most, mut label) = (-1.0, 0);\n"
                 "for (&c, &l) in cosines.iter().zip(labels) { if c > most { (most, label) = (c, l); } }\n"
                 "let _ = k; Some(label)", "the three most similar vote"),
        "coloured": ("Some(1.0 - gray)", "a pair has two"),
    },
    "01_decoupled_contrastive_learning": {
        "dcl-of": ("let sum = s.exp() + negatives.iter().map(|n| n.exp()).sum::<f64>();\nSome(-s + sum.ln())",
                   "`s.exp()` is still in the denominator"),
        "collapse": ("Some(((2 * n - 1) as f64).ln())", "DCL leaves the partner out"),
        "count": ("let right = |it: &[i64]| it.iter().zip(truth).filter(|(x, y)| x == y).count();\n"
                  "Some((right(a), right(b)))", "leave out those that both do"),
    },
    "02_the_coupling_term": {
        "q": ("Some(negatives / (s + negatives))", "the partner enters the denominator as `exp(s)`"),
        "from-losses": ("Some((info_nce - dcl).exp())", "that is 1 / q"),
        "half": ("Some(1.0 + (cosine / tau).exp())", "each other picture gives two negatives"),
        "matched": ("Some(rate * mean(q))", "shorter still"),
    },
    "03_views": {
        "growth": ("Some(1.0 / area)", "the width is a length"),
        "rsquared": ("let mean = y.iter().sum::<f64>() / y.len() as f64;\n"
                     "let squares = |it: &[f64]| y.iter().zip(it).map(|(a, b)| (a - b).powi(2)).sum::<f64>();\n"
                     "Some(squares(said) / squares(&vec![mean; y.len()]))", "1 is to be the best"),
        "invert": ("Some(-level)", "levels go from 0 to 255"),
        "hides": ("Some(k % 2 == 1)", "bars that lay stand up after a quarter turn"),
    },
    "04_what_was_learned": {
        "distance": ("Some(1.0 - c)", "is half of it"),
        "needed": ("let last = curve.iter().rev().find(|point| point.1 >= accuracy);\n"
                   "Some(last.map_or(0, |point| point.0))", "the least is asked for"),
        "few": ("let (x, y) = (known.0.select(Axis(0), rows), known.1.select(Axis(0), rows));\n"
                "KnnProbe::default().score((&x, &y), (&asked.0, &asked.1)).ok()", "the crowd has won"),
        "recall": ("let share = |i: usize| counts[[i, i]] as f64 / counts.column(i).sum() as f64;\n"
                   "Some((0..counts.nrows()).map(share).collect())", "that is precision"),
    },
}

STUB = "None // your code"


def exercises(folder: str, lesson: str) -> dict[str, str]:
    """The code of a lesson's exercises and checks, by grade_id."""
    notebook = nbformat.read(ROOT / folder / f"{lesson}.ipynb", 4)
    graded = (cell for cell in notebook.cells if "nbgrader" in cell.metadata)
    return {cell.metadata.nbgrader.grade_id: cell.source for cell in graded}


class Answers(Kernel):
    def test_a_wrong_answer_is_told_why_and_a_right_one_that_it_is(self) -> None:
        lessons = sorted(path.stem for path in (ROOT / "notebooks/solutions").glob("*.ipynb"))
        self.assertEqual(lessons, sorted(WRONG))
        self.run_cell(LOAD)
        for lesson in lessons:
            handed_out, solved = exercises("notebooks", lesson), exercises("notebooks/solutions", lesson)
            names = [name for name in handed_out if not name.endswith("-check")]
            self.assertEqual(names, list(WRONG[lesson]), lesson)
            blocks = []
            for name in names:
                stub, check = handed_out[name], handed_out[f"{name}-check"]
                self.assertIn(STUB, stub)
                for code in (stub, stub.replace(STUB, WRONG[lesson][name][0]), solved[name]):
                    blocks.append(f'{{\n{code}\nlet said = {{\n{check}\n}};\nprintln!("{{said}}");\n}}')
            reply, messages = self.run_cell("\n".join([BEFORE.get(lesson, ""), *blocks]))
            self.assertEqual(reply["status"], "ok", reply)
            said = self.streams(messages).splitlines()
            self.assertEqual(len(said), 3 * len(names), said)
            for number, name in enumerate(names):
                untouched, wrong, right = said[3 * number:3 * number + 3]
                with self.subTest(lesson=lesson, exercise=name):
                    self.assertEqual(untouched, f"{number + 1}: not attempted")
                    self.assertTrue(wrong.startswith(f"{number + 1}: not yet: "), wrong)
                    self.assertIn(WRONG[lesson][name][1], wrong)
                    self.assertEqual(right, f"{number + 1}: right")


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
