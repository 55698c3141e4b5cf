"""Front ends besides JupyterLab, each tried with the program itself: nbclient, `jupyter execute`, `jupyter console`, jupytext
and papermill.

The last three are no part of set-up: `cargo xtask test --long` installs them into target/front-ends, and where that was not
done their tests are skipped and say so.
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest
import venv
from pathlib import Path

import nbformat
import nbformat.v4 as v4
import pexpect
from jupyter_client.kernelspec import get_kernel_spec
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError
from support import ASKED, LONG, ROOT

LIST = Path(__file__).resolve().parent / "front_ends.txt"
TOOLS = ROOT / "target/front-ends"
SPEC = {"kernelspec": {"name": "rust", "display_name": "Rust", "language": "rust"}}


def setUpModule() -> None:
    installed = TOOLS / "installed.txt"
    if LONG and (not installed.is_file() or installed.read_bytes() != LIST.read_bytes()):
        venv.create(TOOLS, with_pip=True, clear=True)
        pip = [TOOLS / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--requirement", LIST], check=True)
        installed.write_bytes(LIST.read_bytes())


def needs(program: str):
    """Skips where a program is not installed."""
    there = LONG or (TOOLS / "bin" / program).is_file()
    return unittest.skipUnless(there, f"{program} is not in target/front-ends: --long installs it")


def run(*command: object, **options) -> subprocess.CompletedProcess:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)


def notebook(*cells: str, tags: dict[int, str] | None = None) -> nbformat.NotebookNode:
    made = [v4.new_code_cell(code) for code in cells]
    for number, tag in (tags or {}).items():
        made[number].metadata["tags"] = [tag]
    return v4.new_notebook(cells=made, metadata=SPEC)


def text(cell: nbformat.NotebookNode) -> str:
    """What a cell has printed, given or failed with."""
    return "".join(it.get("text") or it.get("data", {}).get("text/plain") or it.get("evalue", "") for it in cell.outputs)


class Nbclient(unittest.TestCase):
    WAITS = f'{ASKED}\nwhile !asked() {{ std::thread::sleep(std::time::Duration::from_millis(10)); }}'

    @staticmethod
    def limit(cell: nbformat.NotebookNode) -> int:
        """Seconds; the first cell may have to wait for crates."""
        return 4 if "sleep" in cell.source else 300

    def test_a_cell_that_takes_too_long_is_interrupted(self) -> None:
        book = notebook("let kept = 17;", self.WAITS, "kept")
        NotebookClient(book, timeout_func=self.limit, interrupt_on_timeout=True, allow_errors=True).execute()
        self.assertEqual(book.cells[1].outputs[0].ename, "Interrupted")
        self.assertEqual(text(book.cells[2]), "17")

    def test_a_cell_that_takes_too_long_ends_the_run(self) -> None:
        book = notebook("let kept = 17;", "loop { std::thread::sleep(std::time::Duration::from_secs(1)); }", "kept")
        with self.assertRaises(CellTimeoutError):
            NotebookClient(book, timeout_func=self.limit).execute()
        self.assertEqual(book.cells[2].outputs, [])

    def test_jupyter_execute(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "a b.ipynb")
            nbformat.write(notebook("let x = 6;", "x * 7", 'std::fs::write("here", "")?;'), path)
            done = run(Path(sys.executable).with_name("jupyter-execute"), "--inplace", path)
            self.assertEqual(done.returncode, 0, done.stderr)
            executed = nbformat.read(path, 4)
            self.assertEqual(text(executed.cells[1]), "42")
            self.assertEqual((executed.metadata.language_info.name, executed.metadata.language_info.file_extension), ("rust", ".rs"))
            self.assertTrue(Path(folder, "here").is_file(), "cells run in the notebook's folder")
            nbformat.write(notebook("let x: u8 = 300;", "1"), path)
            done = run(Path(sys.executable).with_name("jupyter-execute"), "--inplace", path)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("literal out of range", done.stderr)


# The terminal's own signs for it.
COLOUR = r"(?:\x1b\[[0-9;?]*[A-Za-z])*"


@needs("jupyter-console")
class Console(unittest.TestCase):
    """The terminal's own front end, through a terminal."""

    def setUp(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        # Nothing of the user's own settings and history.
        environment = {**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", "JUPYTER_CONFIG_DIR": self.folder.name,
                       "IPYTHONDIR": self.folder.name}
        self.console = pexpect.spawn(str(TOOLS / "bin/jupyter-console"), ["--kernel=rust"], env=environment, encoding="utf-8",
                                     timeout=60, dimensions=(50, 100), cwd=self.folder.name)
        self.addCleanup(self.console.close, force=True)
        self.prompt(1)

    def prompt(self, number: int) -> str:
        """Waits for a prompt; gives what came before it, without the terminal's own signs."""
        self.console.expect(rf"In \[{COLOUR}{number}{COLOUR}\]: ")
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.console.before)

    def cell(self, code: str, following: int) -> str:
        self.console.send(code + "\r")
        return self.prompt(following)

    def test_a_session(self) -> None:
        self.cell("let mut xs = vec![3, 1, 2];", 2)
        self.assertRegex(self.cell("xs.sort(); xs", 3), r"Out\[2\]: \[1, 2, 3\]")
        # What is not finished goes on in the next line.
        for line in ("fn double(x: i32) -> i32 {", "x * 2"):
            self.console.send(line + "\r")
            self.console.expect(r"\.\.\.: ")
        self.cell("}", 4)
        self.assertRegex(self.cell("double(21)", 5), r"Out\[4\]: 42")
        error = self.cell("no_such_name", 6)
        self.assertIn("cannot find value `no_such_name`", error)
        self.assertIn("stop here", self.cell('panic!("stop here")', 7))
        # A word is completed, and the last cell comes back.
        self.console.send("dou\t")
        self.console.expect("double")
        self.assertRegex(self.cell("(4)", 8), r"Out\[7\]: 8")
        self.console.send("\x1b[A")
        self.console.expect(rf"double{COLOUR}\({COLOUR}4{COLOUR}\)")
        self.assertRegex(self.cell("", 9), r"Out\[8\]: 8")
        self.ask()
        self.interrupt()
        self.console.send(":quit\r")
        self.console.expect(pexpect.EOF)

    def ask(self) -> None:
        self.console.send("let mut name = String::new(); std::io::stdin().read_line(&mut name)?; name.trim().len()\r")
        self.console.expect(r"\n")
        self.console.send("Grüß\r")
        self.assertRegex(self.prompt(10), r"Out\[9\]: 6")

    def interrupt(self) -> None:
        self.console.send(ASKED.replace("\n", " ") + ' println!("begun"); while !asked() {}\r')
        self.console.expect("begun\r")
        self.console.sendintr()
        self.assertIn("Interrupted", self.prompt(11))
        self.assertRegex(self.cell("xs.len()", 12), r"Out\[11\]: 3")


@needs("jupytext")
class Jupytext(unittest.TestCase):
    """Notebooks as text beside them: each lesson comes back as it was."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def jupytext(self, *arguments: object) -> str:
        done = run(TOOLS / "bin/jupytext", *arguments, cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_lessons_come_back_as_they_were(self) -> None:
        for lesson in sorted((ROOT / "notebooks").glob("*.ipynb")):
            for form in ("rs:percent", "md", "md:myst"):
                with self.subTest(lesson=lesson.name, form=form):
                    self.jupytext("--test", "--to", form, lesson)

    def test_text_and_notebook_are_kept_the_same(self) -> None:
        lesson, script, page = (self.folder / f"lesson.{ending}" for ending in ("ipynb", "rs", "md"))
        lesson.write_bytes((ROOT / "notebooks/00_quickstart.ipynb").read_bytes())
        before = nbformat.read(lesson, 4)
        self.jupytext("--set-formats", "ipynb,rs:percent,md", "--sync", lesson.name)
        self.assertIn("// %%", script.read_text("utf-8"))
        self.assertIn("```rust", page.read_text("utf-8"))
        script.write_text(script.read_text("utf-8").replace("let device = best_device();", "let device = Device::Cpu;"), "utf-8")
        self.jupytext("--sync", script.name)
        after = nbformat.read(lesson, 4)
        changed = [(a.source, b.source) for a, b in zip(before.cells, after.cells, strict=True) if a.source != b.source]
        self.assertEqual(len(changed), 1)
        self.assertIn("Device::Cpu", changed[0][1])
        self.assertIn("Device::Cpu", page.read_text("utf-8"))

    def test_a_script_runs_as_a_notebook(self) -> None:
        (self.folder / "new.rs").write_text("// # Title\n\n// %%\nlet x = 6;\n\n// %% tags=[\"end\"]\nx * 7\n", "utf-8")
        self.jupytext("--to", "ipynb", "--set-kernel", "rust", "new.rs")
        book = nbformat.read(self.folder / "new.ipynb", 4)
        NotebookClient(book, timeout=60).execute()
        self.assertEqual(text(book.cells[-1]), "42")


@needs("papermill")
class Papermill(unittest.TestCase):
    """Parameters from outside, by what `twoviews-kernel install` puts into a Python environment."""

    PARAMETERS = ('let mut epochs: usize = 4; // how often\nlet rate: f64 = 0.5;\nlet name = "none";\nlet seed: Option<u64> = None;\n'
                  "let sizes: Vec<i64> = vec![\n    32,\n    64,\n];\nlet quick = false;\nlet corners: [f32; 2] = [0.0, 1.0];")
    SHOWN = "epochs += 1;\nprintln!(\"{epochs} {rate} {name} {seed:?} {sizes:?} {quick} {corners:?}\");"

    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        # papermill's own environment is made for more than one run of the tests.
        venv.create(cls.folder / "environment")
        program = get_kernel_spec("rust").argv[0]
        subprocess.run([program, "install", "--prefix", cls.folder / "environment"], check=True, capture_output=True)
        [packages] = (cls.folder / "environment/lib").glob("python*/site-packages")
        cls.environment = {**os.environ, "PYTHONPATH": str(packages)}

    def papermill(self, book: nbformat.NotebookNode, *arguments: str) -> subprocess.CompletedProcess:
        nbformat.write(book, self.folder / "in.ipynb")
        return run(TOOLS / "bin/papermill", "in.ipynb", "out.ipynb", *arguments, cwd=self.folder, env=self.environment)

    def outputs(self, book: nbformat.NotebookNode, *arguments: str) -> str:
        done = self.papermill(book, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return text(nbformat.read(self.folder / "out.ipynb", 4).cells[-1])

    def prepared(self, book: nbformat.NotebookNode, *arguments: str) -> str:
        """The cell that papermill writes."""
        done = self.papermill(book, "--prepare-only", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        cells = nbformat.read(self.folder / "out.ipynb", 4).cells
        return next(cell.source for cell in cells if cell.metadata.get("tags") == ["injected-parameters"])

    def book(self) -> nbformat.NotebookNode:
        return notebook("// Before.", self.PARAMETERS, self.SHOWN, tags={1: "parameters"})

    def test_parameters_keep_the_types_of_their_defaults(self) -> None:
        given = ("-p", "epochs", "9", "-p", "rate", "1", "-r", "name", 'a "b" \\ ü', "-p", "seed", "7",
                 "-y", "{sizes: [1, 2], quick: true, corners: [0.25, 1]}")
        self.assertEqual(self.outputs(self.book(), *given), '10 1 a "b" \\ ü Some(7) [1, 2] true [0.25, 1.0]\n')
        given = ("-y", "{seed: null, sizes: [], rate: .inf, name: \"a\\nb\"}")
        self.assertEqual(self.outputs(self.book(), *given), "5 inf a\nb None [] false [0.0, 1.0]\n")
        # A number of another type is the compiler's business, in the cell that was written.
        done = self.papermill(self.book(), "-p", "epochs", "2.5")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("mismatched types", done.stderr)
        self.assertIn("2.5", done.stderr)

    def test_parameters_without_defaults_have_types_of_their_own(self) -> None:
        book = notebook('println!("{} {x} {s} {list:?} {deep:?}", n * 2);')
        given = ("-y", "{n: 3000000000, x: 1.0e-5, s: hi, list: [1, 2.5], deep: [[a], [b]]}")
        self.assertEqual(self.outputs(book, *given), '6000000000 0.00001 hi [1.0, 2.5] [["a"], ["b"]]\n')

    def test_what_a_parameter_becomes(self) -> None:
        for default, value, expected in [
            ("let p: usize = 1;", "3", "let p: usize = Some(3).unwrap_or(p);"),
            ("let mut p: f32 = 1.0;", "3", "let mut p: f32 = Some(3.0).unwrap_or(p);"),
            ("let p = 0.5;", "2", "let p: f64 = Some(2.0).unwrap_or(p);"),
            ("let p = 5;", "-2", "let p = Some(-2).unwrap_or(p);"),
            ("let p: f32 = 0.1;", ".nan", "let p: f32 = Some(f32::NAN).unwrap_or(p);"),
            ("let p = String::from(\"x\");", "y", 'let p: String = Some("y".to_owned()).unwrap_or(p);'),
            ("let p: std::path::PathBuf = \"x\".into();", "y", 'let p: std::path::PathBuf = Some("y".into()).unwrap_or(p);'),
            ("let p: Option<f64> = None;", "3", "let p: Option<f64> = Some(Some(3.0)).unwrap_or(p);"),
            ("let p: Option<Vec<u8>> = None;", "[1]", "let p: Option<Vec<u8>> = Some(Some(vec![1])).unwrap_or(p);"),
            ("let p: Vec<&str> = vec![];", "[a]", 'let p: Vec<&str> = Some(vec!["a"]).unwrap_or(p);'),
            ("let q = 1;", "true", "let p: bool = true;"),
            ("let q = 1;", "[x, y]", 'let p: Vec<String> = vec!["x".to_owned(), "y".to_owned()];'),
            ("let q = 1;", r'"\0\e é"', 'let p: String = "\\u{0}\\u{1b} é".to_owned();'),
        ]:
            with self.subTest(default=default, value=value):
                book = notebook(default, tags={0: "parameters"})
                self.assertEqual(self.prepared(book, "-y", f"{{p: {value}}}"), f"// Parameters\n{expected}")

    def test_the_first_lesson_has_parameters(self) -> None:
        lesson = nbformat.read(ROOT / "notebooks/00_quickstart.ipynb", 4)
        self.assertEqual(self.prepared(lesson, "-p", "epochs", "1", "-y", "{seeds: [201]}"), "// Parameters\n"
                         "let seeds: Vec<u64> = Some(vec![201]).unwrap_or(seeds);\nlet epochs: usize = Some(1).unwrap_or(epochs);")

    def test_what_has_no_form_in_rust_is_refused(self) -> None:
        for given, words in [("{p: {a: 1}}", "a dictionary has no literal in Rust"), ("{p: null}", "`let x: Option<f64> = None;`"),
                             ("{p: []}", "`let x: Vec<f64> = vec![];`"), ("{p: [1, a]}", "one type"), ("{a-b: 1}", "'a-b'"),
                             ("{fn: 1}", "'fn'")]:
            done = self.papermill(notebook("1"), "--prepare-only", "-y", given)
            self.assertNotEqual(done.returncode, 0, given)
            self.assertIn(words, done.stderr.splitlines()[-1], given)
        done = self.papermill(self.book(), "--prepare-only", "-y", "{epochs: null}")
        self.assertIn("it is no usize", done.stderr)

    def test_help_names_the_parameters(self) -> None:
        nbformat.write(self.book(), self.folder / "in.ipynb")
        done = run(TOOLS / "bin/papermill", "--help-notebook", "in.ipynb", cwd=self.folder, env=self.environment)
        self.assertRegex(done.stdout, r"epochs: usize \(default 4\)\s+how often")
        self.assertRegex(done.stdout, r"sizes: Vec<i64> \(default vec!\[ 32, 64, \]\)")


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
