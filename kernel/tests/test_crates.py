"""Crates that a notebook adds: where they come from, which versions they have, and what they move.

They come from a registry on this machine, into build folders of their own.
"""

import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

from registry import Registry
from support import ROOT, Kernel, start

TINY = "#[derive(Debug)] pub struct Thing(pub u32); pub fn answer() -> u32 {{ {} }}"
NEAR = '{{ version = "{}", registry = "near" }}'
ONE = NEAR.format(1)


def versions(lock: Path) -> dict[str, set[str]]:
    """The versions of each package in a Cargo.lock."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r'name = "(.*)"\nversion = "(.*)"', lock.read_text("utf-8")):
        found.setdefault(name, set()).add(version)
    return found


class Folders(unittest.TestCase):
    """Build folders for each test, with a registry and kernels that know both."""

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.registry = Registry()
        self.registry.publish("tiny", "1.0.0", TINY.format(10), features=["more"])
        self.registry.publish("upper", "1.0.0", "pub use tiny;", needs={"tiny": ["more"]})
        self.registry.publish("aside", "1.0.0", "pub fn two() -> u8 { 2 }")
        self.addCleanup(self.registry.stop)
        self.addCleanup(self.forget)
        self.kernels: list = []
        self.addCleanup(lambda: [shut_down() for shut_down in list(self.kernels)])

    def forget(self) -> None:
        """Leaves nothing of the registry in cargo's own folder."""
        home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
        for path in (home / "registry").glob("*/127.0.0.1*"):
            shutil.rmtree(path, ignore_errors=True)

    def kernel(self, **environment: str):
        """A kernel that is shut down at the end of the test at the latest."""
        environment = {
            "EVCXR_TMPDIR": str(self.folder / "slots/0"), "TWOVIEWS_PREWARM": "",
            "CARGO_NET_OFFLINE": "", **self.registry.environment, **environment}
        manager, client = start(environment)

        def run(code: str) -> tuple[str, str]:
            """How a cell ended, and what it showed or the error."""
            shown = []

            def show(message: dict) -> None:
                text = message["content"].get("data", {}).get("text/plain", "")
                if message["msg_type"] == "execute_result":
                    shown.append(text)
                run.compiled |= text.startswith("compil")

            reply = client.execute_interactive(code, timeout=300, output_hook=show)["content"]
            return reply["status"], reply.get("evalue") or "".join(shown)

        def shut_down() -> None:
            client.stop_channels()
            manager.shutdown_kernel()
            kernels.remove(shut_down)

        run.compiled = False
        kernels = self.kernels
        kernels.append(shut_down)
        run.shut_down = shut_down
        run.interrupt = manager.interrupt_kernel
        return run

    def chosen(self, directory: int = 0) -> dict[str, set[str]]:
        """What the cells of a build folder were compiled with."""
        return versions(self.folder / f"slots/{directory}/session.lock")


class Network(Folders):
    """Where crates come from."""

    def test_a_crate_is_fetched_once_and_stays_as_it_is(self) -> None:
        run = self.kernel()
        self.assertEqual(run(f":dep tiny = {ONE}\ntiny::answer()"), ("ok", "10"))
        run.shut_down()
        # A newer version changes nothing: nobody is asked.
        self.registry.publish("tiny", "1.1.0", TINY.format(11), features=["more"])
        asked = self.registry.asked
        run = self.kernel()
        self.assertEqual(run(f":dep tiny = {ONE}\ntiny::answer()"), ("ok", "10"))
        self.assertEqual(self.registry.asked, asked)
        run.shut_down()
        # Nor does it matter that nobody answers any more.
        self.registry.stop()
        run = self.kernel()
        self.assertEqual(run(f":dep tiny = {ONE}\ntiny::answer()"), ("ok", "10"))
        status, error = run(f":dep upper = {ONE}")
        self.assertEqual(status, "error")
        self.assertRegex(error, "`upper.*` is not on this machine and the registry cannot be reached: .*"
                                "connect once, it is kept afterwards")
        self.assertEqual(len(error.splitlines()), 1, error)
        self.assertEqual(run("tiny::answer()"), ("ok", "10"))

    def test_offline_is_obeyed(self) -> None:
        asked = self.registry.asked
        run = self.kernel(CARGO_NET_OFFLINE="true")
        status, error = run(f":dep tiny = {ONE}")
        self.assertEqual(status, "error")
        self.assertRegex(error, "`tiny.*` is not on this machine, and cargo is set to work offline")
        run.shut_down()
        run = self.kernel()
        for cell in [f":offline 1\n:dep tiny = {ONE}", f":dep tiny = {ONE}"]:
            self.assertEqual(run(":offline 1")[0], "ok")
            self.assertRegex(run(cell)[1], "is not on this machine, and cargo is set to work offline")
        run(":offline 0")
        settings = self.folder / ".cargo/config.toml"
        settings.parent.mkdir()
        settings.write_text("[net]\noffline = true\n")
        self.assertRegex(run(f":dep tiny = {ONE}")[1], "is not on this machine, and cargo is set to")
        self.assertRegex(run("extern crate no_such_crate;")[1], "`no_such_crate` is not on this machine")
        settings.unlink()
        self.assertEqual(self.registry.asked, asked)
        self.assertEqual(run(f":offline 0\n:dep tiny = {ONE}\ntiny::answer()"), ("ok", "10"))
        # While another crate is there already.
        self.assertEqual(run(f":offline 1\n:dep aside = {ONE}")[0], "error")
        self.assertEqual(run(f":offline 0\n:dep aside = {ONE}\naside::two()"), ("ok", "2"))

    def test_a_registry_that_does_not_answer_can_be_left(self) -> None:
        run = self.kernel()
        self.assertEqual(run(f":dep aside = {ONE}\nlet kept = aside::two();")[0], "ok")
        self.registry.answers.clear()
        timer = threading.Timer(2, run.interrupt)
        timer.start()
        begin = time.monotonic()
        status, error = run(f":dep tiny = {ONE}")
        self.assertEqual(status, "error")
        self.assertIn("stopped while", error)
        self.assertLess(time.monotonic() - begin, 8)
        self.registry.answers.set()
        self.assertEqual(run(f":dep tiny = {ONE}\ntiny::answer() + kept as u32"), ("ok", "12"))

    def test_what_is_wrong_with_a_crate_is_one_line(self) -> None:
        run = self.kernel()
        lacking = [
            (f"tinny = {ONE}", "no matching package named `tinny` found"),
            (f"tiny = {NEAR.format(7)}", 'for the requirement `tiny = "^7"`'),
            ('tiny = { version = "1", registry = "near", features = ["less"] }',
             "`tiny` has no feature `less`: there are more"),
            ("tiny = {version", "is not a dependency: unclosed inline table"),
            ('tiny = "one"', "the version requirement `one` for dependency `tiny`"),
            ('tiny = { version = "1", feature = ["more"] }', "a dependency has no `feature`"),
            ("/nowhere", "there is no crate in /nowhere"),
            ('tiny = { path = "/nowhere" }', "there is no crate in /nowhere"),
            (f'tiny = {{ git = "{self.registry.address}/tiny.git" }}', "tiny.git"),
        ]
        # With and without a crate that is loaded.
        for before in ["let kept = 1;", f":dep aside = {ONE}\nlet kept = aside::two();"]:
            self.assertEqual(run(before)[0], "ok")
            for line, words in lacking:
                with self.subTest(line=line, before=before):
                    status, error = run(f":dep {line}")
                    self.assertEqual(status, "error")
                    self.assertIn(words, error)
                    self.assertEqual(len(error.splitlines()), 1, error)
            self.assertEqual(run("kept")[0], "ok")

    def mine(self) -> Path:
        """A crate in a folder."""
        crate = self.folder / "mine"
        (crate / "src").mkdir(parents=True)
        (crate / "Cargo.toml").write_text('[package]\nname = "mine"\nversion = "0.1.0"\nedition = "2024"\n')
        (crate / "src/lib.rs").write_text("pub fn three() -> u8 { 3 }")
        return crate

    def test_a_crate_in_a_repository(self) -> None:
        crate = self.mine()
        git = ["git", "-c", "user.name=A", "-c", "user.email=a@b.c"]
        for arguments in [["init", "-q"], ["add", "."], ["commit", "-q", "-m", "One"]]:
            subprocess.run([*git, *arguments], cwd=crate, check=True)
        line = f':dep mine = {{ git = "file://{crate}" }}'
        run = self.kernel()
        self.assertEqual(run(f"{line}\nmine::three()"), ("ok", "3"))
        run.shut_down()
        shutil.rmtree(crate)
        run = self.kernel()
        self.assertEqual(run(f"{line}\nmine::three()"), ("ok", "3"))
        status, error = run(f':dep other = {{ git = "file://{crate}2" }}')
        self.assertEqual((status, len(error.splitlines())), ("error", 1), error)
        self.assertIn("mine2", error)

    def test_a_crate_in_a_folder(self) -> None:
        crate = self.mine()
        run = self.kernel()
        self.assertEqual(run(f":dep {crate}\nmine::three()"), ("ok", "3"))
        self.assertEqual(run(f':dep mine = {{ path = "{crate}" }}\nmine::three()'), ("ok", "3"))

    def test_each_cell_uses_the_crate_that_it_was_compiled_with(self) -> None:
        crate = self.mine()
        text = (
            "use std::sync::atomic::{AtomicU32, Ordering};\n"
            "static COUNT: AtomicU32 = AtomicU32::new(START);\n"
            "#[inline(never)] pub fn next() -> u32 { COUNT.fetch_add(STEP, Ordering::SeqCst) }\n"
            "#[unsafe(no_mangle)] pub static mine_shared: AtomicU32 = AtomicU32::new(START);\n"
            "#[inline(never)] pub fn common() -> u32 { mine_shared.fetch_add(1, Ordering::SeqCst) }\n"
        )
        source = crate / "src/lib.rs"
        source.write_text(text.replace("START", "0").replace("STEP", "1"))
        run = self.kernel()
        line = f':dep mine = {{ path = "{crate}" }}'
        # A crate has one set of statics for all cells.
        self.assertEqual(run(f"{line}\nmine::next()"), ("ok", "0"))
        self.assertEqual(run("mine::next()"), ("ok", "1"))
        self.assertEqual(run("fn old() -> u32 { mine::next() }\n(old(), mine::common())"), ("ok", "(2, 0)"))
        libraries = "slots/0/target/*/debug/deps/libtwoviews_crates-*.so"
        self.assertEqual(len(list(self.folder.glob(libraries))), 1)
        # Another text is another crate with its own, under the same names. What it exports to all is there once.
        source.write_text(text.replace("START", "50").replace("STEP", "7"))
        self.assertEqual(run("mine::next()"), ("ok", "50"))
        self.assertEqual(run("(old(), mine::next(), mine::common())"), ("ok", "(57, 64, 1)"))
        self.assertEqual(len(list(self.folder.glob(libraries))), 1)


class Versions(Folders):
    """What stays as it is."""

    def test_the_projects_versions_never_move(self) -> None:
        lock = self.folder / "Cargo.lock"
        self.registry.publish("tiny", "1.1.0", TINY.format(11), features=["more"])
        run = self.kernel()
        self.assertEqual(run(f":dep tiny = {NEAR.format('=1.0.0')}\ntiny::answer()"), ("ok", "10"))
        run.shut_down()
        shutil.copy(self.folder / "slots/0/session.lock", lock)
        shutil.rmtree(self.folder / "slots")
        run = self.kernel(TWOVIEWS_CARGO_LOCK=str(lock))
        self.assertEqual(run("1")[0], "ok")
        self.assertEqual(run(f":dep upper = {ONE}\nupper::tiny::answer()"), ("ok", "10"))
        self.assertEqual(run(f":dep aside = {ONE}\naside::two()"), ("ok", "2"))
        self.assertEqual(self.chosen()["tiny"], {"1.0.0"})
        added = versions(self.folder / "slots/crates.lock")
        self.assertEqual(set(added), {"upper", "aside"})

    def test_two_kernels_add_crates_at_once(self) -> None:
        first, second = self.kernel(), self.kernel()
        self.assertEqual(first(f":dep tiny = {ONE}\ntiny::answer()"), ("ok", "10"))
        self.registry.publish("tiny", "1.1.0", TINY.format(11), features=["more"])
        self.assertEqual(second(f":dep aside = {ONE}\naside::two()"), ("ok", "2"))
        self.assertEqual(second(f":dep tiny = {ONE}\ntiny::answer()"), ("ok", "10"))
        self.assertEqual(set(versions(self.folder / "slots/crates.lock")), {"tiny", "aside"})
        # One moves on, by its own word; the other one's crates stay.
        moved = f":dep --rebuild tiny = {NEAR.format('1.1.0')}\ntiny::answer()"
        self.assertEqual(second(moved), ("ok", "11"))
        self.assertEqual(first(f":dep aside = {ONE}\ntiny::answer()"), ("ok", "10"))
        self.assertEqual(self.chosen(0)["tiny"] | self.chosen(1)["tiny"], {"1.0.0", "1.1.0"})
        first.shut_down()
        second.shut_down()
        # What the second one has compiled serves the next in the place of the first.
        third = self.kernel()
        self.assertEqual(third(f":dep tiny = {ONE}\ntiny::answer()"), ("ok", "11"))
        self.assertFalse(third.compiled)

    def test_a_crate_that_changes_a_loaded_one_asks_first(self) -> None:
        run = self.kernel()
        self.assertEqual(run(f":dep tiny = {ONE}\nlet thing = tiny::Thing(5);")[0], "ok")
        status, error = run(f":dep upper = {ONE}\nlet other = 1;")
        self.assertEqual(status, "error")
        self.assertIn("`upper` would make cargo compile `tiny` again", error)
        self.assertIn("`tiny` is needed with other features (`more`)", error)
        self.assertIn(f"`:dep --rebuild upper = {ONE}` does it", error)
        self.assertEqual(run("thing"), ("ok", "Thing(5)"))
        self.assertEqual(run(f":dep aside = {ONE}\naside::two()"), ("ok", "2"))
        self.assertEqual(run("thing"), ("ok", "Thing(5)"))
        self.assertEqual(run(f":dep --rebuild upper = {ONE}\nupper::tiny::answer()"), ("ok", "10"))
        # Nothing is asked about what is done.
        self.assertEqual(run(f":dep upper = {ONE}\nupper::tiny::Thing(1)"), ("ok", "Thing(1)"))


class Project(Kernel):
    """The notebooks' own build folder."""

    environment = {"TWOVIEWS_INTERRUPT_GRACE": "1"}

    def test_cells_that_come_early_move_no_version(self) -> None:
        # The kernel has just begun.
        self.assertEqual(self.run_cell("let a = 1;")[0]["status"], "ok")
        library = self.manager.kernel_spec.env["TWOVIEWS_PREWARM"]
        self.assertEqual(self.run_cell(f":dep {library}\nlet b = 1;", timeout=900)[0]["status"], "ok")
        _, messages = self.run_cell('std::env::var("EVCXR_TMPDIR").unwrap()')
        shown = [m["content"]["data"]["text/plain"] for m in messages if m["msg_type"] == "execute_result"]
        chosen = versions(Path(shown[0].strip('"')) / "session.lock")
        project = versions(ROOT / "Cargo.lock")
        self.assertEqual(chosen.pop("ctx"), {"1.0.0"})
        self.assertGreater(len(chosen), 100)
        for name, found in chosen.items():
            self.assertLessEqual(found, project[name], name)


if __name__ == "__main__":
    unittest.main()
