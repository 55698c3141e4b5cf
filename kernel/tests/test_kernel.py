"""The kernel over the real protocol: test_kernel.py

Run by `cargo xtask test` with the environment's Python, whose kernel `rust` is the one under test.
"""

import os
import threading
import time
import unittest

import jupyter_kernel_test
from jupyter_client.manager import start_new_kernel

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


class Cells(unittest.TestCase):
    """What no suite covers."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.manager, cls.client = start_new_kernel(kernel_name="rust", startup_timeout=60)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.client.stop_channels()
        cls.manager.shutdown_kernel()

    def run_cell(self, code: str, **options) -> tuple[dict, list[dict]]:
        messages: list[dict] = []
        reply = self.client.execute_interactive(code, timeout=120, output_hook=messages.append, **options)
        return reply["content"], messages

    def streams(self, messages: list[dict], name: str) -> str:
        return "".join(m["content"]["text"] for m in messages
                       if m["msg_type"] == "stream" and m["content"]["name"] == name)

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

    def test_interrupts_keep_variables(self) -> None:
        self.run_cell("let mut steps = vec![1u64];")
        self.run_cell('fn asked() -> bool { std::env::var_os("TWOVIEWS_INTERRUPT_FILE").is_some_and(|f| std::path::Path::new(&f).exists()) }')
        for number in range(50 if os.environ.get("TWOVIEWS_LONG") else 5):
            timer = threading.Timer(0.05 + 0.31 * number % 1.5, self.manager.interrupt_kernel)
            timer.start()
            begin = time.monotonic()
            reply, _ = self.run_cell("while !asked() { std::thread::sleep(std::time::Duration::from_millis(5)); }")
            self.assertEqual((reply["status"], reply["ename"]), ("error", "Interrupted"))
            self.assertLess(time.monotonic() - begin, 20)
            timer.join()
            reply, _ = self.run_cell("assert_eq!(steps.len(), 1);")
            self.assertEqual(reply["status"], "ok", reply)

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
