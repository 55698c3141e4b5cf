"""More output than anyone can take: memory, order, interrupts and stalled listeners."""

import json
import socket
import struct
import threading
import time
import unittest

from support import ASKED, LONG, Kernel

MEGABYTES = 200 if LONG else 30
DISPLAY = ('println!("EVCXR_BEGIN_CONTENT application/x-twoviews-display+json\\n'
           '{{\\"op\\":\\"{}\\",\\"display_id\\":\\"d\\",\\"data\\":{{\\"text/plain\\":\\"{}\\"}}}}\\nEVCXR_END_CONTENT",'
           ' if i == 0 { "display" } else { "update" }, i);')


class Flood(Kernel):
    """The kernel's memory grows by 100 MB at most."""

    # What rust-analyzer knows of the crate grows meanwhile, and says nothing about outputs.
    environment = {"TWOVIEWS_PREWARM": ""}

    def setUp(self) -> None:
        self.run_cell("1 + 1")
        self.highest = before = self.memory()
        self.stop = threading.Event()
        self.watch = threading.Thread(target=self.follow)
        self.watch.start()
        self.addCleanup(self.check, before)

    def follow(self) -> None:
        while not self.stop.wait(0.01):
            self.highest = max(self.highest, self.memory())

    def check(self, before: float) -> None:
        self.stop.set()
        self.watch.join()
        print(f"[memory {before:.0f} MB, at most {self.highest:.0f} MB]", end=" ", flush=True)
        self.assertLess(self.highest - before, 100)

    def test_much_text_comes_in_order(self) -> None:
        lines = MEGABYTES * 10_000  # of 100 bytes
        rest, following = b"", 0
        problems = []

        def follow(message: dict) -> None:
            nonlocal rest, following
            if message["msg_type"] == "stream":
                *whole, rest = (rest + message["content"]["text"].encode()).split(b"\n")
                for line in whole:
                    if int(line) != following:
                        problems.append((line, following))
                    following += 1

        reply, _ = self.run_cell(f'for i in 0..{lines} {{ println!("{{i:099}}"); }}', output_hook=follow)
        self.assertEqual((reply["status"], following, problems[:3]), ("ok", lines, []))

    def test_a_large_picture_arrives_whole(self) -> None:
        code = 'println!("EVCXR_BEGIN_CONTENT image/png\\n{}\\nEVCXR_END_CONTENT", "iVBO".repeat(5_000_000));'
        _, messages = self.run_cell(code)
        pictures = [m["content"]["data"]["image/png"] for m in messages if m["msg_type"] == "display_data"]
        self.assertEqual([len(picture) for picture in pictures], [20_000_000])

    def test_updates_are_few_and_the_last_one_is_shown(self) -> None:
        begin = time.monotonic()
        _, messages = self.run_cell(f"for i in 0..100_000 {{ {DISPLAY} }}")
        seconds = time.monotonic() - begin
        shown = [m["content"]["data"]["text/plain"] for m in messages
                 if m["msg_type"] in ("display_data", "update_display_data")]
        self.assertEqual((shown[0], shown[-1]), ("0", "99999"))
        self.assertLessEqual(len(shown), 3 + 10 * seconds)

    def test_an_interrupt_stops_a_flood(self) -> None:
        self.run_cell(ASKED)
        threading.Timer(3, self.manager.interrupt_kernel).start()
        seen = []
        reply, _ = self.run_cell('while !asked() { println!("{}", "x".repeat(1000)); }', output_hook=seen.append)
        self.assertEqual((reply["status"], reply["ename"]), ("error", "Interrupted"))
        self.assertGreater(len(seen), 10)

    @unittest.skipUnless(LONG, "takes over ten seconds: --long")
    def test_a_stalled_listener_is_dropped(self) -> None:
        port = json.load(open(self.manager.connection_file, encoding="utf-8"))["iopub_port"]
        listener = socket.create_connection(("127.0.0.1", port))
        # ZMTP 3.0: greeting, READY as SUB, subscription to everything; then it reads no more.
        listener.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32))
        listener.recv(64)
        ready = b"\x05READY\x0bSocket-Type" + struct.pack(">I", 3) + b"SUB"
        listener.sendall(bytes([4, len(ready)]) + ready + b"\x00\x01\x01")
        time.sleep(0.5)
        begin = time.monotonic()
        code = 'for i in 0..400_000 { println!("{i:099}"); }'
        reply, messages = self.run_cell(code)
        self.assertEqual(reply["status"], "ok")
        self.assertTrue(self.streams(messages).endswith(f"{399_999:099}\n"))
        self.assertGreater(time.monotonic() - begin, 9)
        reply, _ = self.run_cell("1 + 1", timeout=8)
        self.assertEqual(reply["status"], "ok", "nobody waits for the one that was dropped")
        listener.close()


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
