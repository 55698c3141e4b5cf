"""Interrupts at any moment, above all around the end of a cell: what ran before is kept, and the next cell runs."""

import os
import random
import re
import shutil
import tempfile
import time
import unittest
from pathlib import Path

from support import LONG, SEED, Kernel, start

PREPARE = """
let kept = String::from("kept");
let process = std::process::id();
static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
struct Point { x: u64 }
let point = Point { x: 0 };
fn shown(x: u64) -> u64 { x }
"""
COUNTED = "COUNT.fetch_add(1, std::sync::atomic::Ordering::SeqCst);"
# Each is another text, so that it is compiled.
CELLS = [
    COUNTED + " // {n}",
    COUNTED + ' print!("no end of line {n}");',
    COUNTED + " std::thread::sleep(std::time::Duration::from_millis({n} % 50));",
    COUNTED + " let v{n} = vec![{n}; 3]; v{n}[0]",
    COUNTED + " let kept = kept; /* {n} */",
    COUNTED + " let again = kept.clone() + \"{n}\"; drop(again);",
    COUNTED + " fn shown(x: u64) -> u64 {{ x + {n} }}",
    # The variable of this type is dropped, by a cell of the kernel's own after this one.
    "struct Other{n} {{ x: u64 }}",
    "struct Changed {{ a{n}: u64 }}",
    COUNTED + " let changed = Changed {{ a{n}: 1 }};",
    COUNTED + " if {n} > 0 {{ return; }}",
    COUNTED + ' panic!("{n}");',
    COUNTED + ' Err("{n}")?;',
    ":vars",
    COUNTED + " shown({n}) // \n:why kept",
]
# What a cell of the kind above may say besides that it was interrupted.
ALLOWED = re.compile(r"^\d+$|no method|cannot find|has no field|was dropped|no variable|not found|`changed`|a\d+")


class Interrupts(Kernel):
    """The process of the cells is never ended: no cell here takes as long as that would need."""

    def reply(self, message: str, timeout: float = 30) -> dict:
        while (reply := self.client.get_shell_msg(timeout=timeout))["parent_header"]["msg_id"] != message:
            pass
        return reply["content"]

    def interrupted(self, *messages: str) -> list[dict]:
        """Interrupts, and waits for the replies to cells and then for the interrupt's: later cells come after it."""
        self.client.control_channel.send(self.client.session.msg("interrupt_request", {}))
        replies = [self.reply(message) for message in messages]
        self.client.get_control_msg(timeout=30)
        return replies

    def check(self, after: str) -> None:
        """All is as it was, and shown as it is."""
        _, messages = self.run_cell('assert_eq!((kept.as_str(), process), ("kept", std::process::id())); point.x + 40',
                                    timeout=30)
        shown = [m["content"]["data"]["text/plain"] for m in messages if m["msg_type"] == "execute_result"]
        self.assertEqual(shown, ["40"], (after, messages))

    def test_around_the_end_of_a_cell(self) -> None:
        self.assertEqual(self.run_cell(PREPARE)[0]["status"], "ok")
        draw = random.Random(SEED)
        takes = {}
        stopped = 0
        for n in range(300 if LONG else 16):
            kind = draw.randrange(len(CELLS)) if LONG else n % len(CELLS)
            code = CELLS[kind].format(n=n)
            begin = time.monotonic()
            message = self.client.execute(code)
            # The first of a kind is interrupted at any time, later ones around their end.
            moment = draw.uniform(0, 0.6) if kind not in takes else takes[kind] + draw.uniform(-0.1, 0.02)
            time.sleep(max(0, moment))
            [reply] = self.interrupted(message)
            if reply["status"] == "ok" or reply["ename"] != "Interrupted":
                takes[kind] = time.monotonic() - begin if reply["status"] == "ok" else takes.get(kind, 0.3)
            else:
                stopped += 1
                takes[kind] = takes.get(kind, 0.3) * 1.02
            after = (n, code, reply)
            if reply["status"] == "error" and reply["ename"] != "Interrupted":
                self.assertRegex(reply["evalue"], ALLOWED, after)
            self.assertNotIn("lost", reply.get("evalue", ""), after)
            if draw.random() < 0.5 or not LONG:
                self.check(after)
            else:
                # The next cell comes at once, and is not meant.
                time.sleep(draw.uniform(0, 0.02))
        self.check("all")
        print(f"[{stopped} were stopped]", end=" ", flush=True)

    def test_a_queue_behind_an_interrupted_cell(self) -> None:
        """Run All: what is queued is aborted, and nothing stays asked to stop."""
        self.assertEqual(self.run_cell(PREPARE)[0]["status"], "ok")
        draw = random.Random(SEED + 1)
        for n in range(60 if LONG else 3):
            messages = [self.client.execute(f"std::thread::sleep(std::time::Duration::from_millis(20)); // {n} {i}")
                        for i in range(4)]
            time.sleep(draw.uniform(0, 1.2))
            states = [reply["status"] for reply in self.interrupted(*messages)]
            self.assertRegex(" ".join(states), r"^(ok ?)*(error ?)?(aborted ?)*$")
            self.check((n, states))

    def test_on_the_shell_channel(self) -> None:
        """Some clients send it there, behind the cell that it is meant for."""
        begun = []

        def interrupt(message: dict) -> None:
            if message["msg_type"] == "stream":
                begun.append(self.client.session.msg("interrupt_request", {}))
                self.client.shell_channel.send(begun[-1])

        wait = 'println!("begun"); let file = std::env::var("TWOVIEWS_INTERRUPT_FILE")?;\n' \
               'while !std::path::Path::new(&file).exists() { std::thread::sleep(std::time::Duration::from_millis(5)); }'
        message = self.client.execute(wait)
        while not begun:
            interrupt(self.client.get_iopub_msg(timeout=60))
        answers = [self.client.get_shell_msg(timeout=30) for _ in range(2)]
        self.assertEqual([it["msg_type"] for it in answers], ["interrupt_reply", "execute_reply"])
        self.assertEqual(answers[0]["parent_header"]["msg_id"], begun[0]["header"]["msg_id"])
        self.assertEqual((answers[1]["parent_header"]["msg_id"], answers[1]["content"]["ename"]), (message, "Interrupted"))


class Begin(unittest.TestCase):
    """While the kernel gets ready, nothing of its own is stopped."""

    def test_the_first_cell(self) -> None:
        draw = random.Random(SEED)
        for n in range(30 if LONG else 2):
            manager, client = start({"TWOVIEWS_PREWARM": ""})
            try:
                message = client.execute('println!("never?");')
                time.sleep(draw.uniform(0, 1.5))
                client.control_channel.send(client.session.msg("interrupt_request", {}))
                reply = client.get_shell_msg(timeout=60)
                client.get_control_msg(timeout=30)
                self.assertEqual(reply["parent_header"]["msg_id"], message)
                self.assertIn(reply["content"]["status"], ("ok", "error"))
                self.assertEqual(reply["content"].get("ename", "Interrupted"), "Interrupted")
                # The kernel's own code is there: it shows values, and knows where a panic comes from.
                shown = []
                reply = client.execute_interactive("let mut kept = vec![1];\nkept.push(2);\nkept", timeout=60,
                                                   output_hook=shown.append)
                self.assertEqual(reply["content"]["status"], "ok", (n, reply))
                self.assertIn("[1, 2]", [m["content"]["data"]["text/plain"] for m in shown
                                         if m["msg_type"] == "execute_result"], n)
                reply = client.execute_interactive('\npanic!("here");', timeout=60, output_hook=lambda message: None)
                self.assertEqual(reply["content"]["evalue"], "here", n)
                self.assertIn("line 2", "\n".join(reply["content"]["traceback"]), n)
            finally:
                client.stop_channels()
                manager.shutdown_kernel()

    def test_while_rust_analyzer_asks_the_compiler(self) -> None:
        """It goes on without the answer, and so without the standard library, and has to ask again."""
        folder = self.enterContext(tempfile.TemporaryDirectory())
        slow, asked = Path(folder, "slow"), Path(folder, "asked")
        rustc = Path(folder, "rustc")
        rustc.write_text(f'#!/bin/sh\nif [ "$*" = "--print sysroot" ] && [ -e "{slow}" ]; then : > "{asked}"; sleep 60; fi\n'
                         f'exec "{shutil.which("rustc")}" "$@"\n', encoding="utf-8")
        rustc.chmod(0o755)
        manager, client = start({"TWOVIEWS_PREWARM": "", "PATH": os.pathsep.join([folder, os.environ["PATH"]])})
        try:
            # What the kernel itself asks at its start is answered.
            client.complete("1")
            client.get_shell_msg(timeout=60)
            slow.touch()
            client.execute("let never = vec![1];")
            while not asked.exists():
                time.sleep(0.01)
            slow.unlink()
            client.control_channel.send(client.session.msg("interrupt_request", {}))
            self.assertEqual(client.get_shell_msg(timeout=60)["content"]["ename"], "Interrupted")
            client.get_control_msg(timeout=30)
            client.complete("String::new().is_emp")
            self.assertIn("is_empty", client.get_shell_msg(timeout=60)["content"]["matches"])
            reply = client.execute_interactive("let kept = vec![1]; kept", timeout=60, output_hook=lambda message: None)
            self.assertEqual(reply["content"]["status"], "ok", reply)
        finally:
            client.stop_channels()
            manager.shutdown_kernel()


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
