"""The kernel over the real protocol: test_kernel.py

Run by `cargo xtask test` with the environment's Python, whose kernel `rust` is the one under test.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

import jupyter_kernel_test
from jupyter_client.manager import start_new_kernel
from support import Kernel

IMAGE = "println!(\"EVCXR_BEGIN_CONTENT {0}\\n{1}\\nEVCXR_END_CONTENT\");"


class Protocol(jupyter_kernel_test.KernelTests):
    """Jupyter's own suite."""

    kernel_name = "rust"
    language_name = "rust"
    file_extension = ".rs"
    code_hello_world = 'println!("hello, world");'
    code_stderr = 'eprintln!("oops");'
    code_execute_result = [{"code": "6 * 7", "result": "42"}]
    code_display_data = [{"code": IMAGE.format("image/svg+xml", "<svg/>"), "mime": "image/svg+xml"}]
    code_generate_error = 'panic!("on purpose");'
    completion_samples = [{"text": "let v = vec![1]; v.swap_rem", "matches": {"swap_remove"}}]
    complete_code_samples = ["1 + 1", "let x = 1;", "fn f() -> u8 { 1 }"]
    incomplete_code_samples = ["fn f() {", "let x = (1,", 'print!("']
    invalid_code_samples = ["}", "(]"]
    code_inspect_sample = "Vec::<u8>::with_capacity"
    code_history_pattern = "6*7"
    code_clear_output = IMAGE.format("application/x-twoviews-display+json", '{{\\"op\\": \\"clear\\", \\"wait\\": false}}')
    supported_history_operations = ("tail", "range", "search")


class Cells(Kernel):
    """What no suite covers."""

    environment = {"TWOVIEWS_INTERRUPT_GRACE": "1"}

    def fails(self, code: str, ename: str, words: str) -> list[dict]:
        reply, messages = self.run_cell(code)
        self.assertEqual((reply["status"], reply["ename"]), ("error", ename), reply)
        self.assertIn(words, reply["evalue"])
        errors = [m for m in messages if m["msg_type"] == "error"]
        self.assertEqual(len(errors), 1)
        self.assertEqual(errors[0]["content"]["traceback"], reply["traceback"])
        return messages

    def test_errors_are_errors(self) -> None:
        self.run_cell("let kept = 17;")
        messages = self.fails('print!("b"); panic!("oh no");', "Panic", "oh no")
        self.assertEqual(self.streams(messages, "stdout"), "b")
        self.fails('let n: i32 = "a".parse()?;', "Error", "invalid digit")
        self.fails("missing(1)", "CompileError", "missing")
        reply, messages = self.run_cell("kept")
        self.assertEqual(reply["status"], "ok")
        self.assertEqual(messages[-2]["content"]["data"]["text/plain"], "17")
        messages = self.fails('print!("last words"); std::process::exit(3);', "ProcessEnded", "3")
        self.assertEqual(self.streams(messages, "stdout"), "last words")
        self.fails("kept", "CompileError", "kept")
        self.fails("std::process::abort();", "ProcessEnded", "SIGABRT")
        self.assertEqual(self.run_cell("1 + 1")[0]["status"], "ok")

    def test_queued_cells_are_aborted(self) -> None:
        first = self.client.execute('panic!("stop");')
        second = self.client.execute("1 + 1")
        replies = {}
        while len(replies) < 2:
            reply = self.client.get_shell_msg(timeout=60)
            replies[reply["parent_header"]["msg_id"]] = reply["content"]["status"]
        self.assertEqual((replies[first], replies[second]), ("error", "aborted"))

    def test_partial_lines_are_live_and_complete(self) -> None:
        code = 'for i in 0..3 { print!("\\r{i}"); std::thread::sleep(std::time::Duration::from_millis(300)); }'
        _, messages = self.run_cell(code)
        texts = [m["content"]["text"] for m in messages if m["msg_type"] == "stream"]
        self.assertGreaterEqual(len(texts), 2, texts)
        self.assertEqual("".join(texts), "\r0\r1\r2")
        _, messages = self.run_cell('print!("P"); "v"')
        kinds = [m["msg_type"] for m in messages if m["msg_type"] in ("stream", "execute_result")]
        self.assertEqual(kinds, ["stream", "execute_result"])

    def test_rich_outputs_come_in_order(self) -> None:
        code = "\n".join([IMAGE.format("text/html", "<b>1</b>"), 'println!("between");', IMAGE.format("text/html", "<b>2</b>")])
        _, messages = self.run_cell(code)
        shown = [m["content"].get("data", {}).get("text/html") or m["content"].get("text")
                 for m in messages if m["msg_type"] in ("display_data", "stream")]
        self.assertEqual(shown, ["<b>1</b>", "between\n", "<b>2</b>"])

    def test_forms_are_one_output_with_their_metadata(self) -> None:
        forms = [("text/plain", "a dot"), ("image/svg+xml", "<svg/>"), ("image/png", "iVBO"),
                 ("application/x-twoviews-metadata+json", '{{\\"alt\\":\\"a dot\\"}}')]
        code = "\n".join(IMAGE.format(*form) for form in forms)
        expected = ({"text/plain": "a dot", "image/svg+xml": "<svg/>", "image/png": "iVBO"}, {"alt": "a dot"})
        _, messages = self.run_cell(code + "\n" + code + "\n" + IMAGE.format("text/html", "<b>1</b>"))
        shown = [(m["content"]["data"], m["content"]["metadata"]) for m in messages
                 if m["msg_type"] == "display_data" and not m["content"]["transient"]]
        self.assertEqual(shown, [expected, expected, ({"text/html": "<b>1</b>"}, {})])
        show = f"struct Dot; impl Dot {{ fn evcxr_display(&self) {{ {code} }} }}\nDot"
        _, messages = self.run_cell(show)
        values = [(m["content"]["data"], m["content"]["metadata"]) for m in messages if m["msg_type"] == "execute_result"]
        self.assertEqual(values, [expected])

    def test_silent_cells_do_not_count(self) -> None:
        before = self.run_cell("1")[0]["execution_count"]
        _, messages = self.run_cell('println!("unseen");', silent=True)
        self.assertEqual([m["msg_type"] for m in messages if m["msg_type"] != "status"], [])
        self.assertEqual(self.run_cell("1")[0]["execution_count"], before + 1)

    def test_input_is_asked_for(self) -> None:
        asked = []

        def answer(message: dict) -> None:
            asked.append(message["content"]["prompt"])
            self.client.input("Ada")

        code = 'println!("EVCXR_INPUT_REQUEST:name? "); let mut l = String::new(); std::io::stdin().read_line(&mut l).unwrap(); print!("hello {}", l.trim());'
        _, messages = self.run_cell(code, allow_stdin=True, stdin_hook=answer)
        self.assertEqual((asked, self.streams(messages, "stdout")), (["name? "], "hello Ada"))

    def test_plain_input_is_asked_for_too(self) -> None:
        asked = []

        def answer(message: dict) -> None:
            asked.append(message["content"]["prompt"])
            self.client.input(f"line {len(asked)}")

        code = ('print!("name? ");\nlet lines: Vec<String> = std::io::stdin().lines().take(2).map(|l| l.unwrap()).collect();\n'
                'print!("{lines:?}");')
        _, messages = self.run_cell(code, allow_stdin=True, stdin_hook=answer)
        self.assertEqual((asked, self.streams(messages, "stdout")), (["", ""], 'name? ["line 1", "line 2"]'))

    def test_code_that_does_not_listen_is_ended(self) -> None:
        def interrupt(message: dict) -> None:
            if message["msg_type"] == "stream":
                self.manager.interrupt_kernel()

        code = 'println!("deaf"); loop { std::thread::sleep(std::time::Duration::from_secs(1)); }'
        reply, _ = self.run_cell(code, output_hook=interrupt)
        self.assertEqual((reply["status"], reply["ename"]), ("error", "Interrupted"))
        self.assertIn("all variables are lost", reply["evalue"])
        self.assertEqual(self.run_cell("1 + 1")[0]["status"], "ok")

    def test_the_user_sees_what_is_compiled(self) -> None:
        # The crate's folder will be gone, and nothing compiles with it: neither do other tests' cells, if this one fails.
        self.addCleanup(self.run_cell, ":clear")
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "src").mkdir()
            Path(folder, "Cargo.toml").write_text('[package]\nname = "tiny"\nversion = "1.0.0"\nedition = "2024"\n')
            Path(folder, "src/lib.rs").write_text("pub fn number() -> u8 { 1 }")
            dep = f":dep tiny = {{ path = {json.dumps(folder)} }}"
            _, messages = self.run_cell(dep)
            shown = [(m["msg_type"], m["content"]["data"]["text/plain"]) for m in messages
                     if m["msg_type"] in ("display_data", "update_display_data")]
            self.assertRegex(shown[0][1], "compiling tiny")
            self.assertEqual(shown[-1][0], "update_display_data")
            self.assertRegex(shown[-1][1], r"compiled tiny in \d")
            for _ in range(3):
                _, messages = self.run_cell("println!(\"{}\", tiny::number());")
                self.assertEqual(self.streams(messages, "stdout"), "1\n")
                self.assertNotIn("display_data", [m["msg_type"] for m in messages])
            # The crate changes: the next cell has the new one, and says so.
            Path(folder, "src/lib.rs").write_text("pub fn number() -> u8 { 2 }")
            _, messages = self.run_cell("println!(\"{}\", tiny::number());")
            self.assertEqual(self.streams(messages, "stdout"), "2\n")
            self.assertIn("display_data", [m["msg_type"] for m in messages])
            # What was compiled is lost: it is compiled again.
            self.run_cell("println!(\"{}\", tiny::number());")
            _, messages = self.run_cell('println!("{}", std::env::var("EVCXR_TMPDIR").unwrap());')
            for path in Path(self.streams(messages).strip()).glob("target/*/debug/deps/libtiny-*"):
                path.unlink()
            _, messages = self.run_cell("println!(\"{}\", tiny::number());")
            self.assertEqual(self.streams(messages, "stdout"), "2\n")
        # The folder is gone: without this nothing compiles.
        self.run_cell(":clear")
        self.assertEqual(self.streams(self.run_cell('print!("p");')[1], "stdout"), "p")
        self.fails('panic!("hooked");', "Panic", "hooked")

    def test_commands_and_times(self) -> None:
        self.run_cell("let bytes = vec![0u8; 1000];")
        _, messages = self.run_cell(":vars")
        text = next(m["content"]["data"]["text/plain"] for m in messages if m["msg_type"] == "display_data")
        row = next(line.split() for line in text.splitlines() if line.startswith("bytes "))
        self.assertEqual(row, ["bytes", "Vec<u8>", "1024"])
        _, messages = self.run_cell(":help")
        text = next(m["content"]["data"]["text/plain"] for m in messages if m["msg_type"] == "display_data")
        self.assertTrue(":vars" in text and ":dep" in text and ":timing" in text)
        self.run_cell(":timing")
        # Other tests use the same kernel.
        self.addCleanup(self.run_cell, ":timing")
        # The clock may begin a little after the cell.
        reply = self.client.execute_interactive("std::thread::sleep(std::time::Duration::from_millis(350));",
                                                output_hook=messages.append, timeout=120)
        self.assertIn("ran in 0.3", self.streams(messages, "stdout"))
        times = reply["metadata"]["twoviews"]
        self.assertGreater(times["run_seconds"], 0.3)
        self.assertGreater(times["compile_seconds"], 0.01)

    def test_a_kernel_ends_with_the_process_that_started_it(self) -> None:
        program = ("from support import start; import os, sys\n"
                   "manager, client = start({})\n"
                   "print(manager.provisioner.process.pid, flush=True)\n"
                   "os._exit(1)")
        result = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, timeout=120,
                                cwd=Path(__file__).parent, check=False)
        kernel = Path("/proc", result.stdout.strip())
        deadline = time.monotonic() + 30
        while kernel.exists() and time.monotonic() < deadline:
            time.sleep(0.2)
        self.assertFalse(kernel.exists(), "it runs still")

    def test_two_kernels_do_not_interfere(self) -> None:
        manager, client = start_new_kernel(kernel_name="rust", startup_timeout=60)
        try:
            results = {}

            def count(name: str, client, code: str) -> None:
                messages: list[dict] = []
                client.execute_interactive(code, timeout=120, output_hook=messages.append)
                results[name] = self.streams(messages, "stdout")

            for round_ in range(3):
                threads = [threading.Thread(target=count, args=(name, c, f'print!("{name} {round_}");'))
                           for name, c in (("a", self.client), ("b", client))]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                self.assertEqual(results, {"a": f"a {round_}", "b": f"b {round_}"})
        finally:
            client.stop_channels()
            manager.shutdown_kernel()


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
