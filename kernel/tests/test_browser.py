"""A real JupyterLab in a headless Chromium (`cargo xtask test --long`).

Needs Chromium, Node.js and npm; without them the test is skipped and says so. The pictures of what
was seen lie in target/browser.
"""

import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import nbformat
import nbformat.v4 as v4
from nbclient import NotebookClient
from support import LOAD, LONG, ROOT, jupyterlab

FOLDER = Path(__file__).resolve().parent / "browser"
DEP = LOAD.rstrip()
# One figure a cell: a drawing, a picture, and what a live display ends in.
FIGURES = [
    DEP + "\nuse twoviews::notebook::LiveDisplay;",
    'let mut plot = LinePlot::new("Loss", "Epoch", "Loss");\n'
    'plot.series.push(Series::new("dcl", GREEN, vec![(1.0, 2.0), (2.0, 1.0)]));\nplot.clone()',
    "let shapes = Shapes10 { num_images: 2, ..Default::default() }.generate()?;\n"
    "let mut grid = ImageGrid::new(2);\ngrid.push(shapes.image(0), shapes.class_name(0));\ngrid",
    'let display = LiveDisplay::new("loss");\ndisplay.show_figure(&plot);',
]
PAUSE = "std::thread::sleep(std::time::Duration::from_millis(100));"
NOTEBOOKS = {
    "live": [
        DEP + "\nuse twoviews::notebook::{LiveDisplay, Progress, interrupted};\nlet kept = 17;",
        'let bar = Progress::new("training", 40, "steps");\nfor _ in 0..40 {\n    ' + PAUSE + "\n    bar.inc(1);\n}\nbar.finish();",
        'let display = LiveDisplay::new("loss");\nfor epochs in 2..30 {\n    ' + PAUSE +
        '\n    let mut plot = LinePlot::new("Loss", "Epoch", "Loss");\n'
        "    let curve = (1..epochs).map(|e| (e as f64, 4.0 / e as f64)).collect();\n"
        '    plot.series.push(Series::new("dcl", GREEN, curve));\n    display.show_figure(&plot);\n}',
        'println!("waiting");\nwhile !interrupted() { ' + PAUSE + " }",
        'println!("kept {kept}");',
    ],
    "error": ['println!("one");', 'panic!("stop here");', 'println!("never");'],
    "whole": [DEP, "let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0]);", 'println!("sum {}", x.sum(Kind::Float).double_value(&[]));'],
}


def missing() -> str | None:
    """What the test needs and this machine lacks."""
    if not LONG:
        return "takes a minute: --long"
    if not (shutil.which("chromium") or shutil.which("google-chrome")):
        return "no Chromium (Debian and Ubuntu: apt install chromium)"
    return None if shutil.which("npm") else "no Node.js 20 with npm (https://nodejs.org)"


@unittest.skipIf(missing(), missing())
class Browser(unittest.TestCase):
    def test_lessons_look_right(self) -> None:
        out = ROOT / "target/browser"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=FOLDER, check=True)
        spec = {"kernelspec": {"name": "rust", "display_name": "Rust (twoviews)", "language": "rust"}}
        with tempfile.TemporaryDirectory() as folder:
            for name, codes in NOTEBOOKS.items():
                cells = [v4.new_code_cell(code) for code in codes]
                nbformat.write(v4.new_notebook(cells=cells, metadata=spec), f"{folder}/{name}.ipynb")
            # As it is downloaded from its page: with outputs, and from a machine that Jupyter does not know.
            executed = v4.new_notebook(cells=[v4.new_code_cell(code) for code in FIGURES], metadata=spec)
            NotebookClient(executed, timeout=300, startup_timeout=60).execute()
            nbformat.write(executed, f"{folder}/executed.ipynb")
            options = ("--expose-app-in-browser", f"--LabApp.workspaces_dir={folder}/workspaces",
                       f"--LabApp.user_settings_dir={folder}/settings")
            with jupyterlab(folder, out / "lab.log", *options) as address:
                chromium = shutil.which("chromium") or shutil.which("google-chrome")
                subprocess.run(["node", FOLDER / "lab.mjs", f"{address}/lab?token=test", chromium, out], check=True,
                               timeout=600)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
