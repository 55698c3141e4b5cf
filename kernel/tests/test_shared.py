"""What is compiled once for many users: each kernel's build directory begins as links to it."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from jupyter_client.kernelspec import get_kernel_spec
from support import registered

PROGRAM = get_kernel_spec("rust").argv[0]
# Larger than what is copied.
CODE = "pub static TEXT: &str = \"" + "x" * 10_000 + "\";\npub fn answer() -> i32 { ANSWER }\n"


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """When each file was last changed, and its size."""
    return {str(path): (path.lstat().st_mtime_ns, path.lstat().st_size) for path in folder.rglob("*")}


class Shared(unittest.TestCase):
    def setUp(self) -> None:
        self.place = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.addCleanup(lambda: self.change_rights(0o755))
        self.shared = self.place / "shared"
        real = Path.home()
        self.environment = {**os.environ, "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", str(real / ".rustup")),
                            "CARGO_HOME": os.environ.get("CARGO_HOME", str(real / ".cargo"))}
        for name in ("EVCXR_TMPDIR", "TWOVIEWS_PREWARM", "TWOVIEWS_CARGO_LOCK", "JUPYTER_PATH"):
            self.environment.pop(name, None)

    def change_rights(self, mode: int) -> None:
        """Lets nobody write to what is shared, or its owner."""
        for path in [self.shared, *self.shared.rglob("*")]:
            if path.is_dir() and not path.is_symlink():
                path.chmod(mode)
            elif not path.is_symlink():
                path.chmod(mode & 0o644)

    def compile(self, number: int) -> None:
        crate = self.shared / "own"
        (crate / "src").mkdir(parents=True, exist_ok=True)
        (crate / "Cargo.toml").write_text('[package]\nname = "own"\nversion = "1.0.0"\nedition = "2021"\n')
        (crate / "src/lib.rs").write_text(CODE.replace("ANSWER", str(number)))
        (self.place / "list.toml").write_text(f"own = {{ path = {json.dumps(str(crate))} }}\n")
        self.run_program("--crates", str(self.place / "list.toml"), "--env", f"EVCXR_TMPDIR={self.shared}/crates")
        # As the installation's set-up says that everything is there.
        (self.shared / "crates/prebuilt").write_text("compiled\n")

    def run_program(self, *options: str) -> None:
        command = [PROGRAM, "install", "--prefix", str(self.place / "env"), "--name", "shared", *options]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def register(self) -> None:
        line = f"own = {{ path = {json.dumps(str(self.shared / 'own'))} }}"
        self.run_program("--env", f"TWOVIEWS_BUILD_TEMPLATE={self.shared}/crates", "--env", f"TWOVIEWS_PREWARM={line}")

    def answers(self, learner: str, number: int, *more: str) -> None:
        """A learner's kernel has the crate, and compiles nothing but cells."""
        home = self.place / learner
        home.mkdir(exist_ok=True)
        environment = {**self.environment, "XDG_CACHE_HOME": str(home)}
        told: list[str] = []

        def listen(message: dict) -> None:
            told.append(str(message["content"].get("data", message["content"].get("text", ""))))

        kernels = self.place / "env/share/jupyter/kernels"
        with registered(kernels, "shared", environment, cwd=str(home)) as client:
            for cell in ("own::answer()", "own::TEXT.len()", *more):
                reply = client.execute_interactive(cell, timeout=120, output_hook=listen)["content"]
                self.assertEqual(reply["status"], "ok", reply)
        self.assertFalse([text for text in told if "ompil" in text], told)
        self.assertTrue(any(f"'{number}'" in text for text in told), told)

    def test_two_learners_on_what_nobody_can_write_to(self) -> None:
        self.compile(41)
        self.register()
        self.change_rights(0o555)
        before = state(self.shared)
        for learner in ("anna", "bert"):
            self.answers(learner, 41)
            compiled = self.place / learner / "twoviews-kernel"
            links = [path for path in compiled.rglob("libown-*.rlib") if path.is_symlink()]
            self.assertTrue(links, "the crate is not a link")
            self.assertTrue(all(path.resolve().is_relative_to(self.shared) for path in links))
            if sys.platform == "linux":
                libraries = list(compiled.rglob("libtwoviews_crates-*.so"))
                self.assertEqual([path.is_symlink() for path in libraries], [True], "the library of all crates is another one")
        self.assertEqual(state(self.shared), before, "something was written to what is shared")
        # A kernel that is started again finds its directory as it has left it, with links or without.
        self.answers("anna", 41, "let v = vec![1, 2]; v")
        # The installation is exchanged: learners get the new one with their next kernel.
        self.change_rights(0o755)
        self.compile(42)
        self.register()
        self.change_rights(0o555)
        self.answers("anna", 42)

    def test_an_installation_that_is_gone_is_named(self) -> None:
        self.compile(41)
        self.register()
        (self.shared / "crates").rename(self.place / "elsewhere")
        environment = {**self.environment, "XDG_CACHE_HOME": str(self.place / "anna")}
        with registered(self.place / "env/share/jupyter/kernels", "shared", environment) as client:
            reply = client.execute_interactive("1", timeout=60, output_hook=lambda message: None)["content"]
        self.assertEqual(reply["status"], "error")
        self.assertIn("shared/crates/prebuilt cannot be read", reply["evalue"])


if __name__ == "__main__":
    unittest.main()
