"""Many cells in one kernel, and many kernels at once; more of both with `cargo xtask test --long`."""

import os
import subprocess
import sys
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from support import LONG, ROOT, Kernel, answer, fake_hub, quick_lesson, start


@unittest.skipUnless(LONG, "takes minutes: --long")
class ManyCells(Kernel):
    environment = {"TWOVIEWS_PREWARM": ""}

    def descriptors(self, pid: int) -> int:
        return len(os.listdir(f"/proc/{pid}/fd"))

    def test_500_cells(self) -> None:
        self.run_cell("let mut total = 0u64;")
        _, messages = self.run_cell("print!(\"{}\", std::process::id());")
        kernel, cells = self.manager.provisioner.process.pid, int(self.streams(messages))
        before, opened = self.memory(), (self.descriptors(kernel), self.descriptors(cells))
        marks = []
        for number in range(500):
            reply, _ = self.run_cell(f"total += {number}; println!(\"{{total}}\");")
            self.assertEqual(reply["status"], "ok", reply)
            if number % 100 == 99:
                marks.append(round(self.memory()))
        _, messages = self.run_cell("print!(\"{total}\");")
        self.assertEqual(self.streams(messages), str(sum(range(500))))
        print(f"[memory {before:.0f} MB, then {marks} MB]", end=" ", flush=True)
        self.assertLess(marks[-1] - before, 300)
        self.assertEqual((self.descriptors(kernel), self.descriptors(cells)), opened)


class FewProcessors(unittest.TestCase):
    """Libtorch starts as many threads as the kernel may use processors."""

    def threads(self, environment: dict[str, str]) -> str:
        manager, client = start({"TWOVIEWS_PREWARM": "", **environment})
        try:
            return answer(client, 'print!("{}", std::env::var("OMP_NUM_THREADS").unwrap());')[1]
        finally:
            client.stop_channels()
            manager.shutdown_kernel()

    def test_threads_follow_the_limit(self) -> None:
        all_processors = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(all_processors)})
        try:
            self.assertEqual(self.threads({}), "1")
        finally:
            os.sched_setaffinity(0, all_processors)
        self.assertEqual(self.threads({"OMP_NUM_THREADS": "3"}), "3", "the user's choice stays")

    def test_threads_follow_a_control_group(self) -> None:
        # Of version 1, or of version 2 at the root of what is mounted.
        version_1 = Path("/sys/fs/cgroup/cpu/twoviews-test")
        group = version_1 if version_1.parent.is_dir() else Path("/sys/fs/cgroup/twoviews-test")
        try:
            group.mkdir()
            self.addCleanup(group.rmdir)
            if group == version_1:
                (group / "cpu.cfs_quota_us").write_text("100000", encoding="ascii")
            else:
                (group / "cpu.max").write_text("100000 100000", encoding="ascii")
            (group / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")
        except OSError as error:
            self.skipTest(f"no control group can be made: {error}")
        try:
            self.assertEqual(self.threads({}), "1")
        finally:
            (group.parent / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")


class ManyKernels(unittest.TestCase):
    def test_the_first_lesson_in_several_kernels_at_once(self) -> None:
        kernels, rounds = (4, 2) if LONG else (2, 1)
        with tempfile.TemporaryDirectory() as folder, fake_hub(folder) as address:
            for round_ in range(rounds):
                with ThreadPoolExecutor(kernels) as pool:
                    texts = list(pool.map(lambda n: self.lesson(Path(folder, f"{round_}-{n}"), address), range(kernels)))
                self.assertIn("DCL,    batch size 32: accuracy", texts[0])
                self.assertEqual(set(texts), {texts[0]}, "the same in all kernels")

    def lesson(self, folder: Path, address: str) -> str:
        """The results of the first lesson on the fake hub's data."""
        folder.mkdir()
        # Threads that wait for one another while others compute take four times as long otherwise.
        environment = {**quick_lesson(address, folder), "TWOVIEWS_STAND_INS": "stand-ins", "TWOVIEWS_OUT": f"{folder}/out",
                       "OMP_WAIT_POLICY": "passive"}
        path = ROOT / "notebooks/01_decoupled_contrastive_learning.ipynb"
        subprocess.run([sys.executable, ROOT / "xtask/python/run_notebook.py", path, f"{folder}/out"], check=True,
                       env={**os.environ, **environment}, capture_output=True)
        notebook = nbformat.read(f"{folder}/out/{path.name}", as_version=4)
        outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
        return "".join(line for output in outputs if output.output_type == "stream"
                       for line in output.text.splitlines(True) if "accuracy" in line)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
