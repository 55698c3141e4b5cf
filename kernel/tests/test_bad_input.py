"""What a kernel must survive, or refuse with a clear word."""

import json
import os
import resource
import signal
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

import support
import zmq
from jupyter_client.kernelspec import get_kernel_spec
from support import LOAD, Kernel


def start(connection: object, **environment: str) -> subprocess.CompletedProcess:
    """Starts the kernel on a connection file with this content, or none, until it ends."""
    spec = get_kernel_spec("rust")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "connection.json")
        if connection is not None:
            path.write_text(connection if isinstance(connection, str) else json.dumps(connection), encoding="utf-8")
        command = [str(path) if part == "{connection_file}" else part for part in spec.argv]
        return subprocess.run(command, env={**os.environ, **spec.env, **environment}, capture_output=True,
                              text=True, timeout=20, check=False)


def with_children(process: int) -> list[int]:
    """A process and those that it has started."""
    tasks = Path(f"/proc/{process}/task").iterdir()
    found = {int(child) for task in tasks for child in (task / "children").read_text(encoding="ascii").split()}
    return [process, *(p for child in found for p in with_children(child))]


class Start(unittest.TestCase):
    """A kernel that cannot start says why."""

    def fails(self, connection: object, words: str) -> None:
        ended = start(connection)
        self.assertNotEqual(ended.returncode, 0)
        self.assertIn(words, ended.stderr)

    def test_connection_files(self) -> None:
        self.fails(None, "cannot read the connection file")
        self.fails("{", "is not a connection file")
        good = {"transport": "tcp", "ip": "127.0.0.1", "key": "k", "signature_scheme": "hmac-sha256"}
        self.fails(good, "names no iopub_port")
        self.fails({**good, "transport": "ipc"}, "transport ipc is not known")
        self.fails({**good, "signature_scheme": "hmac-md5"}, "signature_scheme hmac-md5 is not known")
        with zmq.Context() as context, context.socket(zmq.REP) as taken:
            port = taken.bind_to_random_port("tcp://127.0.0.1")
            self.fails({**good, "iopub_port": port}, f"cannot bind iopub_port to 127.0.0.1:{port}")


class Messages(Kernel):
    """A kernel that runs goes on."""

    def test_forged_and_malformed_messages_are_dropped(self) -> None:
        info = json.load(open(self.manager.connection_file, encoding="utf-8"))
        with zmq.Context() as context, context.socket(zmq.DEALER) as shell:
            shell.connect(f"tcp://127.0.0.1:{info['shell_port']}")
            header = json.dumps({"msg_id": "1", "msg_type": "execute_request", "session": "s", "username": "u",
                                 "date": "", "version": "5.3"}).encode()
            cell = json.dumps({"code": "std::process::exit(1)"}).encode()
            for parts in ([b"junk"], [b"<IDS|MSG>"], [b"<IDS|MSG>", b"00" * 32, header, b"{}", b"{}", cell],
                          [b"<IDS|MSG>", b"no hex", header, b"{}", b"{}", cell], [b"<IDS|MSG>", b"", b"{", b"", b"", b""]):
                shell.send_multipart(parts)
            self.assertFalse(shell.poll(500), "nobody answers a forged message")
        self.assertEqual(self.run_cell("1 + 1")[0]["status"], "ok")

    def test_odd_requests_are_answered_or_logged(self) -> None:
        session = self.client.session
        self.client.shell_channel.send(session.msg("no_such_request", {}))
        self.client.shell_channel.send(session.msg("execute_request", {"silent": True}))
        reply = self.client.get_shell_msg(timeout=20)["content"]
        self.assertEqual((reply["status"], reply["evalue"]), ("error", "an execute_request without code"))
        self.client.shell_channel.send(session.msg("complete_request", {"code": "1", "cursor_pos": 10**9}))
        self.assertEqual(self.client.get_shell_msg(timeout=60)["content"]["status"], "ok")

    def test_a_client_that_vanishes_harms_nobody(self) -> None:
        other = self.manager.client()
        other.start_channels()
        other.wait_for_ready(timeout=60)
        other.execute('for i in 0..200 { println!("{i}"); std::thread::sleep(std::time::Duration::from_millis(5)); }')
        time.sleep(0.2)
        other.stop_channels()
        self.assertEqual(self.run_cell("1 + 1")[0]["status"], "ok")

    def test_an_interrupt_between_cells_stops_nothing(self) -> None:
        self.run_cell("1 + 1")
        self.manager.interrupt_kernel()
        time.sleep(0.2)
        self.assertEqual(self.run_cell("1 + 1")[0]["status"], "ok")

    def test_an_output_without_an_end_does_not_hang(self) -> None:
        reply, messages = self.run_cell('println!("EVCXR_BEGIN_CONTENT text/plain\\nlost");')
        self.assertEqual(reply["status"], "ok")
        self.assertIn("lost", self.streams(messages))

    def test_without_a_user_the_input_ends(self) -> None:
        code = 'let mut line = String::new(); let n = std::io::stdin().read_line(&mut line).unwrap(); println!("{n}");'
        _, messages = self.run_cell(code, allow_stdin=False)
        self.assertEqual(self.streams(messages), "0\n")

    def test_an_interrupt_ends_a_question(self) -> None:
        threading.Timer(2, self.manager.interrupt_kernel).start()
        code = 'let mut name = String::new(); std::io::stdin().read_line(&mut name).unwrap();'
        reply, _ = self.run_cell(code, allow_stdin=True, stdin_hook=lambda message: None)
        self.assertEqual((reply["status"], reply["ename"]), ("error", "Interrupted"))


class Machine(unittest.TestCase):
    """A machine that lacks something: a cell says what, and the kernel goes on."""

    def start(self, environment: dict[str, str], **options) -> None:
        self.manager, self.client = support.start(environment, **options)
        self.addCleanup(self.manager.shutdown_kernel, now=True)
        self.addCleanup(self.client.stop_channels)

    def run_cell(self, code: str) -> dict:
        self.client.execute(code)
        return self.client.get_shell_msg(timeout=300)["content"]

    def test_no_build_folder(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "file").write_text("", encoding="utf-8")
            self.start({"EVCXR_TMPDIR": f"{folder}/file/0"})
            reply = self.run_cell("1 + 1")
            self.assertEqual((reply["status"], reply["ename"]), ("error", "KernelError"))
            self.assertIn("cannot make", reply["evalue"])

    def test_no_toolchain(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            empty = {"PATH": folder, "HOME": folder, "CARGO_HOME": folder}
            self.start({"EVCXR_TMPDIR": f"{folder}/0", "TWOVIEWS_PREWARM": "", **empty})
            for _ in range(2):
                reply = self.run_cell("1 + 1")
                self.assertEqual((reply["status"], reply["ename"]), ("error", "KernelError"))
                self.assertIn("https://rustup.rs", reply["evalue"])

    def test_no_libtorch(self) -> None:
        self.start({"LD_LIBRARY_PATH": "/nowhere", "TWOVIEWS_PREWARM": ""})
        self.assertEqual(self.run_cell("let kept = 42;")["status"], "ok")
        reply = self.run_cell(LOAD + "println!(\"{:?}\", Tensor::from_slice(&[1i64]).size());")
        self.assertEqual(reply["status"], "error", reply)
        self.assertIn("libtorch", reply["evalue"])
        self.assertEqual(self.run_cell("assert_eq!(kept, 42);")["status"], "ok")

    def test_a_full_disk(self) -> None:
        """Files that cannot grow stand for a disk without room; then there is room again."""
        limit = (100_000, resource.RLIM_INFINITY)
        with tempfile.TemporaryDirectory() as folder:
            def shrink() -> None:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, limit)

            self.start({"EVCXR_TMPDIR": f"{folder}/0", "TWOVIEWS_PREWARM": ""}, preexec_fn=shrink)
            for _ in range(2):
                reply = self.run_cell("let kept = 6 * 7;")
                self.assertEqual(reply["status"], "error")
                self.assertIn("File too large", reply["evalue"])
            unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            for process in with_children(self.manager.provisioner.process.pid):
                resource.prlimit(process, resource.RLIMIT_FSIZE, unlimited)
            self.assertEqual(self.run_cell("let kept = 6 * 7;")["status"], "ok")
            self.assertEqual(self.run_cell("assert_eq!(kept, 42);")["status"], "ok")


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
