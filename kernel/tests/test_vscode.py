"""The messages of VS Code's Jupyter extension, in its order, as its sources (microsoft/vscode-jupyter) send them.

It speaks to the kernel without a server. At the start it asks for the kernel's information on two channels, twice a second,
before the kernel listens and until something has come on iopub, too. Code of its own runs with `store_history` false and is
not silent; a cell never stops what is queued behind it. For each completion that is looked at it asks what the text would
mean, from the beginning of the cell to the cursor's column, whatever its line.
"""

import time
import unittest
from queue import Empty

from jupyter_client.manager import KernelManager

CELL_ID = "vscode-notebook-cell:/home/user/a%20b.ipynb#W0sZmlsZQ%3D%3D"


class VSCode(unittest.TestCase):
    def setUp(self) -> None:
        self.manager = KernelManager(kernel_name="rust")
        self.manager.start_kernel()
        self.addCleanup(self.manager.shutdown_kernel, now=True)
        self.client = self.manager.client()
        self.client.start_channels()
        self.addCleanup(self.client.stop_channels)

    def send(self, kind: str, content: dict, channel: str = "shell", metadata: dict | None = None) -> str:
        message = self.client.session.msg(kind, content, metadata=metadata)
        getattr(self.client, f"{channel}_channel").send(message)
        return message["header"]["msg_id"]

    def reply(self, message: str, channel: str = "shell", timeout: float = 60) -> dict:
        """The content of the reply to a message; replies to others are passed over."""
        while True:
            reply = getattr(self.client, f"{channel}_channel").get_msg(timeout=timeout)
            if reply["parent_header"]["msg_id"] == message:
                return reply["content"]

    def outputs(self, message: str) -> list[dict]:
        """All that comes on iopub for a request, up to its end."""
        found = []
        while True:
            output = self.client.get_iopub_msg(timeout=60)
            if output["parent_header"].get("msg_id") == message:
                found.append(output)
                if output["content"].get("execution_state") == "idle":
                    return found

    def begin(self) -> None:
        """What the extension does until it takes a kernel for ready."""
        asked, answered, heard = [], set(), False
        end = time.monotonic() + 60
        while not (answered and heard):
            self.assertLess(time.monotonic(), end, "the kernel does not begin")
            asked += [("control", self.send("kernel_info_request", {}, "control")),
                      ("shell", self.send("kernel_info_request", {}))]
            time.sleep(0.5)
            for channel in ("control", "shell", "iopub"):
                try:
                    while True:
                        got = getattr(self.client, f"{channel}_channel").get_msg(timeout=0)
                        heard |= channel == "iopub"
                        if channel != "iopub":
                            answered.add((channel, got["parent_header"]["msg_id"]))
                            self.info = got["content"]
                except Empty:
                    pass
        # Each of them is answered, also those that were sent before the kernel was there.
        while answered != set(asked):
            channel = next(channel for channel, message in asked if (channel, message) not in answered)
            answered.add((channel, getattr(self.client, f"{channel}_channel").get_msg(timeout=20)["parent_header"]["msg_id"]))

    def execute(self, code: str, own: bool = False) -> str:
        """Sends a cell, or code of the extension's own."""
        content = {"code": code, "silent": False, "store_history": not own, "user_expressions": {}, "allow_stdin": True,
                   "stop_on_error": False}
        return self.send("execute_request", content, metadata={} if own else {"cellId": CELL_ID})

    def test_a_session(self) -> None:
        self.begin()
        self.assertEqual(self.info["language_info"]["file_extension"], ".rs")
        # Its own code, before any cell: no cell is counted.
        message = self.execute('println!("own");', own=True)
        self.assertEqual(self.reply(message)["status"], "ok")
        self.assertIn("own\n", [m["content"].get("text") for m in self.outputs(message)])
        for count in (1, 2):
            message = self.execute(f"let x{count} = vec![{count}u8];\nx{count}.len()")
            reply = self.reply(message)
            self.assertEqual((reply["status"], reply["execution_count"]), ("ok", count))
            kinds = [m["msg_type"] for m in self.outputs(message)]
            self.assertEqual((kinds[:2], kinds[-2:]), (["status", "execute_input"], ["execute_result", "status"]))
        # Run All: the extension itself decides what a failed cell stops.
        failing, following = self.execute("no_such_name"), self.execute("x1.len() + 1")
        self.assertEqual([self.reply(failing)["status"], self.reply(following)["status"]], ["error", "ok"])
        self.assertEqual(self.reply(self.send("comm_info_request", {"target_name": "jupyter.widget"})),
                         {"status": "ok", "comms": {}})
        self.assertEqual(self.reply(self.send("is_complete_request", {"code": "fn f() {"}))["status"], "incomplete")
        self.complete()
        self.inspect()
        self.interrupt()
        self.restart()

    def complete(self) -> None:
        """The whole cell and a cursor in it, also where there is nothing."""
        for code, at, expected in (("", 0, None), ("\n\n", 1, None), ("x1.le\nlet y = 1;", 5, "len"), ("x1.len()", 0, None)):
            reply = self.reply(self.send("complete_request", {"code": code, "cursor_pos": at}))
            self.assertEqual(reply["status"], "ok", (code, reply))
            self.assertTrue(0 <= reply["cursor_start"] <= reply["cursor_end"] <= len(code), (code, reply))
            if expected:
                self.assertIn(expected, reply["matches"])

    def inspect(self) -> None:
        """Text up to the column of the cursor, and the completion after it: mostly no Rust at all."""
        cell = "let first = 1;\nlet second = x1.le"
        asked = [(cell[:17] + "len", 20), ("", 0), ("x1", 0), ("x1.len", 0), (cell, 0), ("x1.len", 6), ("{ ( [", 5), ("é¦日", 2)]
        for code, at in asked:
            for level in (0, 1):
                begin = time.monotonic()
                reply = self.reply(self.send("inspect_request", {"code": code, "cursor_pos": at, "detail_level": level}))
                self.assertEqual(reply["status"], "ok", (code, reply))
                self.assertEqual(reply["found"], bool(reply["data"]), (code, reply))
                # The extension gives up a kernel that once takes longer.
                self.assertLess(time.monotonic() - begin, 5, code)
        # At 0 stands a word as much as anywhere else.
        reply = self.reply(self.send("inspect_request", {"code": "x1", "cursor_pos": 0, "detail_level": 0}))
        self.assertIn("Vec<u8>", reply["data"]["text/plain"])

    def interrupt(self) -> None:
        """On the control channel; former versions sent it on the shell channel."""
        wait = 'let file = std::env::var("TWOVIEWS_INTERRUPT_FILE")?; println!("begun");\n' \
               'while !std::path::Path::new(&file).exists() { std::thread::sleep(std::time::Duration::from_millis(5)); }'
        for channel in ("control", "shell"):
            message = self.execute(wait)
            while self.client.get_iopub_msg(timeout=60)["content"].get("text") != "begun\n":
                pass
            asked = self.send("interrupt_request", {}, channel)
            self.assertEqual(self.reply(asked, channel)["status"], "ok")
            self.assertEqual(self.reply(message)["ename"], "Interrupted")
        self.assertEqual(self.reply(self.execute("x1.len()"))["status"], "ok", "variables are kept")

    def restart(self) -> None:
        asked = self.send("shutdown_request", {"restart": True}, "control")
        self.assertEqual(self.reply(asked, "control"), {"status": "ok", "restart": True})
        self.assertEqual(self.manager.provisioner.process.wait(20), 0)
        self.client.stop_channels()
        self.manager.restart_kernel(now=True)
        self.client = self.manager.client()
        self.client.start_channels()
        self.begin()
        reply = self.reply(self.execute("let x1 = 2; x1 + 40"))
        self.assertEqual((reply["status"], reply["execution_count"]), ("ok", 1))


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
