"""The life of a class on a JupyterHub: real accounts, one installation, and what goes wrong.

Needs root, an installation (`cargo xtask image DIR --hub`) that TWOVIEWS_TEST_INSTALLATION names, git, and
configurable-http-proxy (npm) on the path; else it is skipped and says so.
"""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import httpx
import nbformat
import psutil
from support import ROOT, free_port

sys.path.insert(0, str(ROOT / "xtask/python"))
from classroom.kernel import Kernel
from classroom.server import Refused, Server

INSTALLATION = Path(os.environ.get("TWOVIEWS_TEST_INSTALLATION", ""))
LESSON = "lessons/00_quickstart.ipynb"
PASSWORD = "four plain words"
NAMES = ("twoviews-a", "twoviews-b")
DEP = ':dep twoviews = { path = ".." }\nuse twoviews::prelude::*;'


def missing() -> str | None:
    """What the tests need and this machine lacks."""
    if not os.environ.get("TWOVIEWS_TEST_INSTALLATION"):
        return "no TWOVIEWS_TEST_INSTALLATION: the folder of cargo xtask image DIR --hub"
    if os.geteuid() != 0:
        return "accounts are made: only for root"
    return next((f"no {it}" for it in ("git", "configurable-http-proxy") if not shutil.which(it)), None)


def run(*words) -> None:
    subprocess.run(words, check=True, capture_output=True)


@unittest.skipIf(missing(), missing())
class Hub(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.place = Path(tempfile.mkdtemp(prefix="twoviews-class-"))
        cls.place.chmod(0o755)
        cls.log = open(cls.place / "log", "w", encoding="utf-8")
        cls.processes: list[subprocess.Popen] = []
        cls.addClassCleanup(cls.clean_up)
        cls.port, cls.api, cls.hub_port = free_port(), free_port(), free_port()
        for name in NAMES:
            subprocess.run(["userdel", "--remove", name], capture_output=True, check=False)
            run("useradd", "--create-home", "--base-dir", cls.place, "--shell", "/bin/bash", name)
            subprocess.run(["chpasswd"], input=f"{name}:{PASSWORD}", text=True, check=True)
        cls.lessons = cls.place / "lessons.git"
        cls.publish(ROOT / "notebooks")
        # git refuses what belongs to somebody else, unless the system says otherwise.
        (cls.place / "gitconfig").write_text(f"[safe]\n\tdirectory = {cls.lessons}\n", encoding="utf-8")
        (cls.place / "config.py").write_text(f"""
load_subconfig("{ROOT}/deploy/jupyterhub/jupyterhub_config.py")
c.JupyterHub.bind_url = "http://127.0.0.1:{cls.port}"
c.JupyterHub.hub_port = {cls.hub_port}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{cls.api}"
c.PAMAuthenticator.allowed_groups = set({NAMES})
c.Spawner.environment |= {{"TWOVIEWS_LESSONS": "{cls.lessons}", "GIT_CONFIG_SYSTEM": "{cls.place}/gitconfig",
                           "JUPYTER_PATH": "{INSTALLATION}/share/jupyter"}}
""", encoding="utf-8")
        cls.environment = {**os.environ, "CONFIGPROXY_AUTH_TOKEN": "secret",
                           "PATH": f"{INSTALLATION}/venv/bin:{os.environ['PATH']}"}
        proxy = ["configurable-http-proxy", "--ip=127.0.0.1", f"--port={cls.port}", "--api-ip=127.0.0.1", f"--api-port={cls.api}",
                 f"--default-target=http://127.0.0.1:{cls.hub_port}"]
        cls.processes.append(subprocess.Popen(proxy, env=cls.environment, cwd=cls.place, stdout=cls.log, stderr=cls.log))
        cls.start_hub()

    @classmethod
    def clean_up(cls) -> None:
        for name in NAMES:
            subprocess.run(["pkill", "-KILL", "-u", name], check=False)
        for process in cls.processes:
            process.terminate()
            process.wait(60)
        cls.log.close()
        for name in NAMES:
            subprocess.run(["userdel", "--remove", name], capture_output=True, check=False)
        shutil.rmtree(cls.place)

    @classmethod
    def publish(cls, folder: Path) -> None:
        run(sys.executable, ROOT / "deploy/jupyterhub/publish_lessons.py", folder, cls.lessons)

    @classmethod
    def start_hub(cls) -> float:
        """Starts the hub, and says after how many seconds it answers through the proxy."""
        begin = time.monotonic()
        cls.hub = subprocess.Popen(["jupyterhub", "--config", "config.py"], env=cls.environment, cwd=cls.place,
                                   stdout=cls.log, stderr=cls.log)
        cls.processes.append(cls.hub)

        async def answers() -> bool:
            server = Server(cls.address(), "nobody", "")
            try:
                return await server.is_hub()
            except httpx.HTTPError:
                return False
            finally:
                await server.close()
        while not asyncio.run(answers()):
            if time.monotonic() - begin > 60:
                raise TimeoutError((cls.place / "log").read_text(encoding="utf-8")[-3000:])
            time.sleep(0.2)
        return time.monotonic() - begin

    @classmethod
    def address(cls) -> str:
        return f"http://127.0.0.1:{cls.port}/"

    async def learner(self, name: str) -> tuple[Server, Kernel]:
        server = Server(self.address(), name, PASSWORD)
        self.addAsyncCleanup(server.close)
        await server.enter()
        kernel = await Kernel.start(server, LESSON, "rust")
        self.addCleanup(kernel.close)
        return server, kernel

    async def ran(self, kernel: Kernel, code: str, limit: float = 120) -> str:
        outcome = await kernel.execute(code, limit)
        self.assertEqual(outcome.status, "ok", outcome)
        return outcome.text

    def home(self, name: str) -> Path:
        return self.place / name

    async def test_a_learners_loop_and_tensor_hurt_nobody_else(self) -> None:
        (_, one), (_, other) = [await self.learner(name) for name in NAMES]
        await self.ran(one, DEP)
        self.assertIn("1", await self.ran(other, "let kept = 1;\nkept"))
        huge = asyncio.create_task(one.execute("let huge = Tensor::ones([2_500_000_000i64], (Kind::Double, Device::Cpu));", 300))
        await asyncio.sleep(1)
        times = [(await other.execute("kept", 60)).seconds for _ in range(5)]
        outcome = await huge
        self.assertEqual(outcome.status, "error", outcome)
        print(f"[20 GB: {outcome.error!r} after {outcome.seconds:.0f} s; the other's cells {[round(it, 2) for it in times]} s]", flush=True)
        self.assertLess(max(times), 10)
        await self.ran(one, "let again = 1;")
        loop = await one.execute("println!(\"running\");\nlet mut n = 0u64;\nloop { n = std::hint::black_box(n + 1); }", 120, interrupt_after=5)
        self.assertEqual(loop.status, "error", loop)
        self.assertEqual(await self.ran(other, "kept"), "1")

    async def test_a_hub_that_is_killed_comes_back_with_its_sessions(self) -> None:
        server, kernel = await self.learner(NAMES[0])
        await self.ran(kernel, "let kept = 17;")
        type(self).hub.kill()
        self.hub.wait()
        self.assertEqual(await self.ran(kernel, "kept"), "17", "while the hub is down")
        seconds = await asyncio.to_thread(self.start_hub)
        print(f"[the hub is back after {seconds:.1f} s]", flush=True)
        self.assertLess(seconds, 15)
        self.assertEqual(await self.ran(kernel, "kept"), "17")
        page = await server.http.get(server.root + "hub/home")
        self.assertTrue(page.url.path.endswith("/hub/home"), "nobody has to log in again")
        await server.read(LESSON)

    async def test_a_server_that_is_killed_comes_back_on_the_next_click(self) -> None:
        name = NAMES[1]
        server, kernel = await self.learner(name)
        await self.ran(kernel, "let mine = 41;")
        notebook = await server.read(LESSON)
        notebook.cells[-1].source += "\nmy last words"
        await server.save(LESSON, notebook)
        for process in psutil.process_iter(["username", "cmdline"]):
            if process.info["username"] == name and "jupyterhub-singleuser" in " ".join(process.info["cmdline"] or []):
                process.send_signal(signal.SIGKILL)
        with self.assertRaises(Refused):
            await kernel.execute("mine", 60)
        begin = time.monotonic()
        await server.again()
        print(f"[the server is back after {time.monotonic() - begin:.1f} s]", flush=True)
        self.assertIn("my last words", (await server.read(LESSON)).cells[-1].source)
        kernel = await Kernel.start(server, LESSON, "rust")
        self.addCleanup(kernel.close)
        first = await kernel.execute("mine", 60)
        self.assertIn("cannot find value `mine`", json.dumps(first.outputs), "variables are lost, and the kernel says so")
        begin = time.monotonic()
        await self.ran(kernel, DEP)
        self.assertLess(time.monotonic() - begin, 60, "nothing is compiled but cells")

    async def test_a_full_disk_is_named_and_takes_no_work_away(self) -> None:
        name = NAMES[0]
        server, kernel = await self.learner(name)
        notebook = await server.read(LESSON)
        kernel.close()
        await server.call("DELETE", f"kernels/{kernel.id}")
        home = self.home(name)
        filler = home / "filler"
        # As large as what is there and a little more, in place of the learner's home.
        used = int(subprocess.run(["du", "-sm", home], capture_output=True, text=True, check=True).stdout.split()[0])
        kept = home.with_name("kept")
        shutil.copytree(home, kept, symlinks=True)
        run("mount", "-t", "tmpfs", "-o", f"size={used + 60}m,mode=0755", "full", home)
        self.addCleanup(run, "umount", "--lazy", home)
        run("cp", "-a", f"{kept}/.", home)
        run("chown", "-R", name, home)
        kernel = await Kernel.start(server, LESSON, "rust")
        self.addCleanup(kernel.close)
        await self.ran(kernel, "let mine = 41;")
        with open(filler, "wb") as file:
            with self.assertRaises(OSError):
                while True:
                    file.write(bytes(1 << 20))
        notebook.cells[0].source += "\n" + 1000 * "more text "
        with self.assertRaises(Refused) as refused:
            await server.save(LESSON, notebook)
        outcome = await kernel.execute("mine + 1", 60)
        print(f"[disk full: {refused.exception}; a cell: {outcome.status} {outcome.error[:200]!r}]", flush=True)
        nbformat.validate(await server.read(LESSON))
        filler.unlink()
        await server.save(LESSON, notebook)
        self.assertEqual(await self.ran(kernel, "mine + 1"), "42")
        # Before its disk is another one.
        await server.call("DELETE", f"kernels/{kernel.id}")

    async def test_a_correction_comes_with_a_click_on_the_link(self) -> None:
        name = NAMES[1]
        server, _ = await self.learner(name)
        notebook = await server.read(LESSON)
        notebook.cells[-1].source += "\nthe learner's"
        await server.save(LESSON, notebook)
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(ROOT / "notebooks", folder, dirs_exist_ok=True)
            path = Path(folder, "00_quickstart.ipynb")
            lesson = nbformat.read(path, as_version=4)
            lesson.cells[0].source += "\ncorrected"
            nbformat.write(lesson, path)
            self.publish(Path(folder))
        pull = {"repo": str(self.lessons), "branch": "main", "targetpath": "lessons"}
        answer = await server.http.get(f"{server.base}git-pull/api", params=pull,
                                       headers={"X-XSRFToken": server.xsrf(f"user/{name}/")})
        self.assertIn('"phase": "finished"', answer.text)
        merged = await server.read(LESSON)
        self.assertIn("the learner's", merged.cells[-1].source)
        self.assertIn("corrected", merged.cells[0].source)


if __name__ == "__main__":
    unittest.main()
