"""Cells of all kinds whose answers were once wrong."""

import json
import re
import tempfile
import unittest
from pathlib import Path

from support import LOAD, Kernel


class OwnCells(Kernel):
    def run_all(self, *cells: str) -> tuple[str, list[dict], int]:
        """The last cell's traceback and messages, and the number of the first."""
        first = None
        for cell in cells:
            reply, messages = self.run_cell(cell)
            first = first or reply["execution_count"]
        trace = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(reply.get("traceback", [])))
        return trace, messages, first

    def test_a_closure_of_an_earlier_cell_has_its_line_after_another_panic(self) -> None:
        trace, _, first = self.run_all(
            "let v = vec![1]; v[std::hint::black_box(5)]",
            "let f: Box<dyn Fn(usize) -> u8> = Box::new(|n| {\n    [1, 2][n]\n});",
            "1 +\nf(7)")
        self.assertIn(f"cell {first + 1}, line 2:", trace)
        self.assertIn(f"called in cell {first + 2}, line 2:", trace)

    def test_a_return_with_a_value_of_nothing_ends_the_cell(self) -> None:
        for value in ["Ok(())", "()"]:
            trace, messages, _ = self.run_all(f"let kept = 1; return {value};", "kept + 1")
            self.assertEqual(trace, "")
            shown = [m["content"]["data"]["text/plain"] for m in messages
                     if m["msg_type"] == "execute_result"]
            self.assertEqual(shown, ["2"])

    def test_a_variable_is_there_however_a_cell_names_it(self) -> None:
        self.run_cell("macro_rules! double { ($it:ident) => { $it.len() * 2 } }\n"
                      "let words = vec![\"a\", \"b\"]; let mut count = 1usize; let label = String::from(\"l\");")
        with tempfile.TemporaryDirectory() as folder:
            # Only the compiler sees what this cell names.
            file = Path(folder, "included.rs")
            file.write_text("{ count += words.len(); count }", encoding="utf-8")
            for cell, expected in [("println!(\"{label}{count}\");", "l1"), ("double!(words)", "4"),
                                   (f"include!({json.dumps(str(file))})", "3"), ("1 + 1", "2"), ("count", "3"),
                                   (f"include!({json.dumps(str(file))})", "5"),
                                   ("words[std::hint::black_box(9)]", ""), ("label.len() + count", "6"),
                                   ("\"x\".parse::<u8>()?;", ""), ("drop(label); count = words.len();", ""),
                                   ("(words, count)", '(["a", "b"], 2)')]:
                with self.subTest(cell):
                    _, messages, _ = self.run_all(cell)
                    shown = [m["content"]["data"]["text/plain"] for m in messages
                             if m["msg_type"] == "execute_result"]
                    self.assertEqual("".join([self.streams(messages), *shown]).strip(), expected)
        trace, _, _ = self.run_all("label")
        self.assertIn("`label`", trace)

    def test_variables_that_a_failed_cell_took_along_are_named(self) -> None:
        _, messages, _ = self.run_all(
            "let taken = vec![1]; let again = 1; let stays = 2;",
            "let again = 3; let other = taken; let bad = other[std::hint::black_box(9)];")
        self.assertIn("lost: `again`, `taken`", self.streams(messages, "stderr"))

    def test_a_block_for_a_standard_type_leaves_other_variables_alone(self) -> None:
        block = "impl std::ops::Mul<Wave> for f64 {{ type Output = {0}; fn mul(self, w: Wave) -> {0} {{ {1} }} }}"
        _, messages, _ = self.run_all(
            "struct Wave { x: f64 }\nlet plain = 1.0; let counted = std::rc::Rc::new(2);\n"
            + block.format("Wave", "w"),
            block.format("f64", "self * w.x"), "plain * Wave { x: 2.0 } + *counted as f64")
        shown = [m["content"]["data"]["text/plain"] for m in messages
                 if m["msg_type"] == "execute_result"]
        self.assertEqual(shown, ["4.0"])

    def test_help_says_what_is_missing_after_the_first_word(self) -> None:
        for cell, corrected in [('println("hi");', 'println!("hi");'), ("vec(1)", "vec!(1)"),
                                ('let a = 1;\n  format("{a}")', 'format!("{a}")')]:
            with self.subTest(cell):
                trace, _, _ = self.run_all(cell)
                self.assertIn("use `!` to invoke the macro", trace)
                self.assertIn(corrected, trace)

    def test_the_value_of_a_block_is_the_result(self) -> None:
        show = r'println!("EVCXR_BEGIN_CONTENT text/html\n<b></b>\nEVCXR_END_CONTENT");'
        self.run_cell(f"struct Taken; impl Taken {{ fn evcxr_display(self) {{ {show} }} }}")
        html, five = {"text/html": "<b></b>"}, {"text/plain": "5"}
        for cell, displays, results in [
                ("match 1 { _ => 5 }", [], [five]), ("if 1 > 0 { 5 } else { 6 }", [], [five]),
                ("unsafe { std::mem::zeroed::<u8>() + 5 }", [], [five]), ("{ 5 }", [], [five]), ("loop { break 5; }", [], [five]),
                # What was shown on the way there is not the value.
                (f"if 1 > 0 {{ {show} 5 }} else {{ 6 }}", [html], [five]), (f"match 1 {{ _ => {{ {show} }} }}", [html], []),
                (f"for _ in 0..2 {{ {show} }}", [html, html], []), ("match 1 { _ => {} }", [], []),
                (f"{{ {show} {show} Taken }}", [html, html], [html]), ("Taken", [], [html]),
                ("match 1 { _ => 5 };", [], [])]:
            with self.subTest(cell):
                reply, messages = self.run_cell(cell)
                self.assertEqual(reply["status"], "ok", reply)
                shown = {kind: [m["content"]["data"] for m in messages if m["msg_type"] == kind]
                         for kind in ("display_data", "execute_result")}
                self.assertEqual(shown, {"display_data": displays, "execute_result": results})

    def test_tensors_and_images_show_what_they_hold(self) -> None:
        self.run_cell(LOAD)
        self.run_cell("let t = Tensor::from_slice(&[1.5f32, -2.0, 0.25]);"
                      "let images = Shapes10 { num_images: 10, ..Default::default() }.generate()?;")
        for cell, text in [("t", "[ 1.5000, -2.0000,  0.2500]\nTensor[[3], Float]"),
                           ("t.view([3, 1]).sum(Kind::Float)", "[-0.2500]\nTensor[[], Float]"),
                           ("t.to_kind(Kind::Float8e4m3fn)", "Tensor[[3], Float8e4m3fn]"),
                           ("(t.size(), 1)", "([3], 1)")]:
            with self.subTest(cell):
                _, messages, _ = self.run_all(cell)
                shown = [m["content"]["data"] for m in messages if m["msg_type"] == "execute_result"]
                self.assertEqual(shown, [{"text/plain": text}])
        _, messages, _ = self.run_all("images.image(3)")
        shown = [m["content"]["data"] for m in messages if m["msg_type"] == "execute_result"]
        self.assertEqual([sorted(forms) for forms in shown], [["image/png", "text/plain"]])

    def test_brief_progress_is_shown_only_where_it_takes_longer(self) -> None:
        self.run_cell(LOAD)
        for seconds, lines in ((0.0, []), (1.2, ["encode"])):
            with self.subTest(seconds):
                _, messages, _ = self.run_all(
                    'let bar = twoviews::notebook::Progress::brief("encode", 2, "images");\nbar.inc(1);\n'
                    f"std::thread::sleep(std::time::Duration::from_secs_f64({seconds}));\nbar.inc(1);\nbar.finish();")
                shown = [m["content"]["data"]["text/plain"] for m in messages if m["msg_type"] == "display_data"]
                self.assertEqual([line.split()[0] for line in shown], lines)

    def test_backtraces_tell_nothing_of_the_kernel(self) -> None:
        _, messages, _ = self.run_all('println!("{}", std::backtrace::Backtrace::capture());')
        self.assertEqual(self.streams(messages), "disabled backtrace\n")


if __name__ == "__main__":
    unittest.main()
