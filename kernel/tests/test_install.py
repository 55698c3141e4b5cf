"""The kernel by itself: registered, used and removed in a home of its own, as anyone would."""

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import unittest
import venv
from pathlib import Path

from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.kernelspec import get_kernel_spec
from support import answer, registered

PROGRAM = get_kernel_spec("rust").argv[0]


class Install(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = Path(folder.name)
        # Rust's own places stay what they are.
        real = Path.home()
        self.environment = {
            **os.environ, "HOME": folder.name, "XDG_CACHE_HOME": f"{folder.name}/cache",
            "XDG_DATA_HOME": f"{folder.name}/data", "JUPYTER_DATA_DIR": f"{folder.name}/data/jupyter",
            "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", str(real / ".rustup")),
            "CARGO_HOME": os.environ.get("CARGO_HOME", str(real / ".cargo"))}
        for name in ("VIRTUAL_ENV", "JUPYTER_PATH", "EVCXR_TMPDIR", "TWOVIEWS_PREWARM", "TWOVIEWS_CARGO_LOCK"):
            self.environment.pop(name, None)
        self.kernels = self.home / "data/jupyter/kernels"

    def kernel(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([PROGRAM, *arguments], env=self.environment, capture_output=True, text=True)

    def run_cells(self, name: str, *cells: str) -> list[str]:
        """What the cells print or give, each as one text, in one session of the kernel `name`."""
        texts = []
        with registered(self.kernels, name, self.environment, cwd=str(self.home)) as client:
            for cell in cells:
                reply, text = answer(client, cell)
                self.assertEqual(reply["status"], "ok", reply)
                texts.append(text)
        return texts

    def crate(self, folder: str, code: str) -> Path:
        """A crate `own` in a folder of the home."""
        crate = self.home / folder
        (crate / "src").mkdir(parents=True)
        (crate / "Cargo.toml").write_text('[package]\nname = "own"\nversion = "1.0.0"\nedition = "2021"\n')
        (crate / "src/lib.rs").write_text(code)
        return crate

    def test_a_life(self) -> None:
        crate = self.crate("own crate", "pub fn answer() -> i32 { 42 }\n")
        (self.home / "list.toml").write_text('[dependencies]\nown = { path = "own crate" }\n')
        done = self.kernel("install", "--crates", str(self.home / "list.toml"), "--env", "GREETING=Grüß Gott")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Compiling own", done.stderr)
        spec = json.loads((self.kernels / "twoviews/kernel.json").read_text("utf-8"))
        self.assertEqual((spec["display_name"], spec["language"]), ("Rust", "rust"))
        names = sorted(path.name for path in (self.kernels / "twoviews").iterdir())
        self.assertEqual(names, ["kernel.json", "logo-32x32.png", "logo-64x64.png", "logo-svg.svg"])
        answer, greeting = self.run_cells("twoviews", "own::answer()", 'println!("{}", std::env::var("GREETING")?);')
        self.assertEqual((answer, greeting), ("42", "Grüß Gott\n"))
        # What it has compiled serves a second kernel, of another name, too.
        self.assertEqual(self.kernel("install", "--name", "other").returncode, 0)
        dependency = f":dep own = {{ path = {json.dumps(str(crate))} }}\nown::answer()"
        self.assertEqual(self.run_cells("other", dependency), ["42"])
        for name, kept in (("other", True), ("twoviews", False)):
            done = self.kernel("uninstall", "--name", name)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual((self.home / "cache/twoviews-kernel").exists(), kept)
        left = {path.relative_to(self.home).parts[0] for path in self.home.rglob("*") if path.is_file()}
        self.assertEqual(left - {"own crate", "list.toml"}, set())

    def test_nothing_is_left_behind(self) -> None:
        """Installed in each place, used, killed once, and removed: every file and folder is as it was before."""
        (self.home / "cache").mkdir()
        (self.home / "tmp").mkdir()
        venv.create(self.home / "environment")
        (self.home / "prefix/share").mkdir(parents=True)
        self.environment |= {"TMPDIR": f"{self.home}/tmp", "VIRTUAL_ENV": f"{self.home}/environment"}
        before = sorted(self.home.rglob("*"))
        places = [["--user"], ["--sys-prefix"], ["--prefix", f"{self.home}/prefix"], ["--prefix", f"{self.home}/new/one"]]
        for number, place in enumerate(places):
            done = self.kernel("install", *place, "--name", f"k{number}")
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.run_cells("k0", "6 * 7"), ["42"])
        # papermill, where it is installed, finds what translates a notebook's parameters to Rust.
        code = "from importlib.metadata import entry_points as of; print(*(it.value for it in of(group='papermill.engine')))"
        done = subprocess.run([self.home / "environment/bin/python", "-c", code], capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout, "twoviews_papermill:Engine\n")
        self.assertEqual(len(list(self.home.rglob("twoviews_papermill.py"))), 1)
        with registered(self.home / "new/one/share/jupyter/kernels", "k3", self.environment, cwd=str(self.home)) as client:
            self.assertEqual(answer(client, "std::process::id()")[0]["status"], "ok")
            kernel = next(path for path in (self.home / "tmp").glob("twoviews-*"))
            os.kill(int(kernel.name.removeprefix("twoviews-")), signal.SIGKILL)
        self.assertTrue(kernel.exists())
        for number, place in enumerate(places):
            done = self.kernel("uninstall", *place, "--name", f"k{number}")
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(self.home.rglob("*")), before)

    def test_the_libraries_of_cells_go_with_their_kernel(self) -> None:
        def libraries(number: int) -> int:
            return len(list((self.home / "cache").rglob(f"{number}/target/*/debug/libcode_*")))

        def session(cells: int) -> BlockingKernelClient:
            client = stack.enter_context(registered(self.kernels, "twoviews", self.environment, cwd=str(self.home)))
            for number in range(cells):
                self.assertEqual(answer(client, f"{number} + 1")[0]["status"], "ok")
            return client

        self.environment["TMPDIR"] = str(self.home)
        self.assertEqual(self.kernel("install").returncode, 0)
        with contextlib.ExitStack() as stack:
            session(5)
            [first] = (int(path.name.removeprefix("twoviews-")) for path in self.home.glob("twoviews-*"))
            running = session(1)
            before = libraries(0)
            os.kill(first, signal.SIGKILL)
            # The next one has the folder of the one that was killed.
            session(1)
            self.assertLess(libraries(0), before)
            # A panic's lines are read from the library.
            reply, _ = answer(running, 'fn fails() { panic!("here") }\nfails()')
            self.assertIn("`fails`", "\n".join(reply["traceback"]))
        self.assertEqual((libraries(0), libraries(1)), (0, 0))

    def test_others_kernels_stay(self) -> None:
        other = self.kernels / "twoviews/kernel.json"
        other.parent.mkdir(parents=True)
        other.write_text('{"argv": ["python"], "display_name": "Python", "language": "python"}')
        for command in ("install", "uninstall"):
            done = self.kernel(command)
            self.assertEqual(done.returncode, 1)
            self.assertIn("holds another kernel, which is left as it is", done.stderr)
        self.assertIn("Python", other.read_text())

    def test_a_list_that_does_not_compile_registers_nothing(self) -> None:
        self.crate("own", "pub fn answer() -> i32 { \"no number\" }\n")
        (self.home / "list.toml").write_text('own = { path = "own" }\n')
        done = self.kernel("install", "--crates", str(self.home / "list.toml"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("mismatched types", done.stderr)
        self.assertFalse(self.kernels.exists())

    def test_the_doctor_names_what_is_missing(self) -> None:
        empty = self.home / "empty"
        empty.mkdir()
        self.environment["PATH"] = str(empty)
        done = self.kernel("doctor")
        self.assertEqual(done.returncode, 1)
        for remedy in ("install Rust from https://rustup.rs", "pip install jupyterlab", "twoviews-kernel install"):
            self.assertIn(remedy, done.stdout)


if __name__ == "__main__":
    unittest.main()
