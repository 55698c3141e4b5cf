"""Completion, inspection and whether a cell is finished, over the real protocol."""

import json
import random
import re
import time
import unittest

from support import LOAD, LONG, ROOT, Kernel

CELLS = [
    """struct Net { input_size: usize, w: f32 }
impl Net { fn forward(&self, x: f32) -> f32 { self.w * x } fn fit(&mut self) {} }
trait Shape { fn area(&self) -> f32; }
impl Shape for Net { fn area(&self) -> f32 { self.w } }
#[derive(Clone, Debug, PartialEq)] enum Kind { Float, Double(f64) }
#[derive(Clone, Debug)] struct Cfg { lr: f32, epochs: u32 }
fn normalise(x: f32) -> f32 { x }""",
    "let net = Net { input_size: 3, w: 1.5 }; let größe = 3; let names = vec![String::new()];\n"
    "let cfg = Cfg { lr: 0.1, epochs: 3 }; let kind = Kind::Float; let pair = (1u8, 2u16);",
]
HIDDEN = re.compile("__twoviews|evcxr_|EvcxrUserCodeError|run_user_code|TwoviewsShow|twoviews_flush|twoviews_warm|tvimpl")
# What a client may put into a cell: a name, a macro's name, a tuple's field, a command.
WHOLE = re.compile(r"(r#)?\w+!?|:\w+")


class Asking(Kernel):
    """A kernel that is asked about marked code: the cursor is where the bar ¦ stands."""

    def ask(self, code: str, cursor: int) -> dict:
        self.client.complete(code, cursor)
        return self.client.get_shell_msg(timeout=60)["content"]

    def complete(self, marked: str) -> tuple[str, list[str]]:
        """The word that would be replaced, and by what."""
        cursor, code = marked.index("¦"), marked.replace("¦", "")
        reply = self.ask(code, cursor)
        self.check(code, cursor, reply)
        return code[reply["cursor_start"]:reply["cursor_end"]], reply["matches"]

    def check(self, code: str, cursor: int, reply: dict) -> None:
        """What holds for every answer."""
        self.assertEqual(reply["status"], "ok", code)
        start, end, matches = reply["cursor_start"], reply["cursor_end"], reply["matches"]
        where = (code, cursor, reply)
        self.assertTrue(0 <= start <= min(cursor, len(code)) <= end <= len(code), where)
        typed = code[start:cursor]
        self.assertRegex(code[start:end], r"^(\w*|r#\w+|:\S*)$", where)
        self.assertEqual(len(matches), len(set(matches)), where)
        for match in matches:
            self.assertTrue(match.startswith(typed) and WHOLE.fullmatch(match), (match, where))
            self.assertFalse(HIDDEN.search(match), (match, where))
        described = reply["metadata"]["_jupyter_types_experimental"]
        self.assertEqual([(d["text"], d["start"], d["end"]) for d in described], [(m, start, end) for m in matches])

    def inspect(self, marked: str) -> str:
        cursor, code = marked.index("¦"), marked.replace("¦", "")
        self.client.inspect(code, cursor)
        reply = self.client.get_shell_msg(timeout=60)["content"]
        self.assertEqual(reply["status"], "ok", marked)
        self.assertEqual(reply["found"], bool(reply["data"]), marked)
        return reply["data"].get("text/plain", "")

    def state(self, code: str) -> str:
        self.client.is_complete(code)
        return self.client.get_shell_msg(timeout=60)["content"]["status"]


class Completion(Asking):
    """Cells of a user's own, without any crate."""

    environment = {"TWOVIEWS_PREWARM": ""}

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        for cell in CELLS:
            reply = cls.client.execute_interactive(cell, timeout=600, output_hook=lambda message: None)
            assert reply["content"]["status"] == "ok", reply["content"]

    def test_words_become_whole_words(self) -> None:
        for marked, word, expected in (
            ("net.in¦", "in", "input_size"), ("net.for¦", "for", "forward"), ("net.for¦m(1.0)", "form", "forward"),
            ("let a = net.in¦put_size + 1;", "input_size", "input_size"), ("nor¦", "nor", "normalise"),
            ("let a = ne¦\nlet b = 1;", "ne", "net"), ("let ü = größe; größ¦", "größ", "größe"),
            ("let ü = \"ä🦀\"; net.fo¦", "fo", "forward"), ("let early = 3; ear¦", "ear", "early"),
            ("fn g() { let early = 3; ear¦ }", "ear", "early"), ("fn g(n: &Net) { n.fo¦", "fo", "forward"),
            ("fn g(n: &Net) -> f32 {\n    h(n.fo¦;\n    1.0\n}", "fo", "forward"),
            ("struct Other;\nne¦", "ne", "net"), ("fn g() {}\nne¦", "ne", "net"), ("for i in 0..3 {}\nne¦", "ne", "net"),
            ("} net.fo¦", "fo", "forward"), ("(net.fo¦]", "fo", "forward"), ("if net.w > 1.0 && net.in¦", "in", "input_size"),
            ("let f = |n: &Net| n.fo¦", "fo", "forward"), ("names[0]; net\n    .fo¦", "fo", "forward"),
            ("pair.¦", "", "0"), ("pair.0¦", "0", "0"), ("Kind::D¦", "D", "Double"), ("kind == Kind::F¦", "F", "Float"),
            ("match kind { Kind::¦", "", "Float"), ("match kind { Kind::Double(v) => v¦, _ => 0.0 };", "v", "v"),
            ("Cfg { l¦", "l", "lr"), ("Cfg { lr: 0.1, ¦ }", "", "epochs"), ("let Cfg { e¦ } = cfg;", "e", "epochs"),
            ("let x: Ne¦", "Ne", "Net"), ("struct Pair { a: Ne¦ }", "Ne", "Net"), ("impl Sha¦ for Cfg {}", "Sha", "Shape"),
            ("impl Shape for Cfg { fn ¦", "", "area"), ("impl Shape for Cfg { fn ar¦ }", "ar", "area"),
            ("use Kind::{Fl¦", "Fl", "Float"), ("crate::norm¦", "norm", "normalise"), ("retu¦", "retu", "return"),
            ("if net.w > 1.0 { 1 } el¦", "el", "else"), ("// a comment\n\nne¦", "ne", "net"), ("::st¦", "st", "std"),
            ("<Net as Shape>::ar¦", "ar", "area"), ("use std::{fmt, collections::HashM¦};", "HashM", "HashMap"),
        ):
            with self.subTest(marked):
                found, matches = self.complete(marked)
                self.assertEqual(found, word)
                self.assertIn(expected, matches)

    def test_arguments_of_macros_are_code(self) -> None:
        for marked in ('println!("{}", net.fo¦', 'println!("{}", net.fo¦);', "vec![net.fo¦", 'format!("{x}", x = net.fo¦',
                       "assert_eq!(net.fo¦", 'std::println!("{}", net.fo¦)', "vec![(1, net.fo¦(1.0)); 3]",
                       'println!("{}", names.iter().map(|_| net.fo¦).count());', "thread_local! { static A: u8 = Net::fo¦ }",
                       'let text = format!(\n    "{}",\n    net.fo¦\n);', "dbg!(net.fo¦)", "matches!(net.fo¦, 1.0)"):
            with self.subTest(marked):
                self.assertEqual(self.complete(marked), ("fo", ["forward"]))
        for marked in ('format!("{ne¦}")', 'println!("{{ {ne¦", 1)', 'println!(r"{ne¦:?}")'):
            with self.subTest(marked):
                self.assertEqual(self.complete(marked), ("ne", ["net"]))

    def test_nothing_is_offered_where_no_name_stands(self) -> None:
        for marked in ("// net.¦", "/* net.¦ */", "\"net.¦", "\"{ne¦}\"", "'a¦'", "1.5¦", "format!(\"{net.¦}\")",
                       "/// ne¦", "let net = 3; // ne¦\nnet", "#¦", ":dep net¦ = \"1\"", "r#\"net.¦\"#", "12¦"):
            with self.subTest(marked):
                self.assertEqual(self.complete(marked)[1], [])

    def test_members_come_first(self) -> None:
        matches = self.complete("net.¦")[1]
        self.assertEqual(matches[:5], ["input_size", "w", "fit", "forward", "area"])
        matches = self.complete("Kind::¦")[1]
        self.assertEqual(matches[:2], ["Double", "Float"])
        matches = self.complete("¦")[1]
        own = ["cfg", "größe", "kind", "names", "net", "pair", "Cfg", "Kind", "Net", "normalise", "Shape"]
        self.assertEqual(matches[:len(own)], own)
        place = matches.index
        self.assertTrue(place("Net") < place("println!") < place("Vec") < place("let") < place("while"))
        self.assertGreater(matches.index("let"), len(matches) - 40)

    def test_commands(self) -> None:
        self.assertEqual(self.complete(":de¦"), (":de", [":dep"]))
        self.assertIn(":vars", self.complete(":¦")[1])
        self.assertEqual(self.complete("  :va¦r"), (":var", [":vars"]))
        self.assertEqual(self.complete(":type ne¦"), ("ne", ["net"]))
        self.assertEqual(self.complete(":vars\nnet.fo¦"), ("fo", ["forward"]))

    def test_nothing_is_changed(self) -> None:
        for marked in (":restart\nne¦", ":clear\nne¦", ":timing\nne¦", ":dep missing = \"99\"\nne¦", ":opt 3\nne¦",
                       ":env TWOVIEWS_COMPLETED=1\nne¦", ":quit\nne¦", "!touch completed\nne¦", "let net = 5; ne¦",
                       "struct Net { other: u8 }\nne¦", "fn normalise() {} ne¦"):
            with self.subTest(marked):
                self.complete(marked)
                self.inspect(marked)
        code = 'println!("{} {} {:?}", net.input_size, normalise(2.0), std::env::var("TWOVIEWS_COMPLETED").ok());'
        reply, messages = self.run_cell(code)
        self.assertEqual((reply["status"], self.streams(messages)), ("ok", "3 2 None\n"))

    def test_any_position_of_any_text(self) -> None:
        texts = [
            "let ü = vec![net.w, 1.0]; fn g<'a>(x: &'a str) -> String { format!(\"{x:?} é\", ) }\nü.iter().map(|v| { v.s",
            ":dep x = \"1\"\n#[derive(Debug)]\nenum E { A, B(u8) }\nmatch E::B(1) { E::A => 'a', E::B(n) if n > 1 => 'b',",
            "} ) ] \" { ' r#\" /* // 🦀 . :: ..= => -> @ $ ~ \\",
            "impl Shape for Kind { fn area(&self) -> f32 { if let Kind::Double(d) = self { *d as f32 } else { 0. } } }",
        ]
        chosen = random.Random(7)
        for text in texts:
            for _ in range(len(text) if LONG else 12):
                end = chosen.randrange(len(text) + 1)
                cursor = chosen.choice([end, chosen.randrange(end + 1)])
                code = text[:end] if chosen.random() < 0.5 else text
                self.complete(f"{code[:cursor]}¦{code[cursor:]}")
                self.inspect(f"{code[:cursor]}¦{code[cursor:]}")
        for code, cursor in (("net.", 0), ("net.", 10**9), ("", 0), ("", 5), ("(" * 5000, 5000), ("!" * 20_000, 20_000)):
            self.assertEqual(self.ask(code, cursor)["status"], "ok")
            self.client.inspect(code, cursor)
            self.assertEqual(self.client.get_shell_msg(timeout=60)["content"]["status"], "ok")
        self.assertEqual(self.run_cell("assert_eq!(net.input_size, 3);")[0]["status"], "ok")

    def test_inspection(self) -> None:
        for marked, words in (
            ("net.for¦ward(1.0)", "fn forward(&self, x: f32) -> f32"), ("net.forward(¦", "fn forward"), ("net.w¦", "w: f32"),
            ("ne¦t", "net: Net"), ("println!(\"{}\", net.for¦ward(1.0))", "fn forward"), ("let y¦ = net.forward(1.0);", "y: f32"),
            ("fn g(n: &Net) -> f32 { n.for¦ward(1.0) }\nlet x = 1;", "fn forward"), ("fn g(n¦: &Net) {}", "n: &Net"),
            ("normalise(¦)", "fn normalise(x: f32) -> f32"), ("Kind::Dou¦ble(1.0)", "Double(f64)"), ("Cfg { l¦r: 1.0 }", "lr: f32"),
            (":dep x\nne¦t", "net: Net"), ("struct A { a: Ne¦t }", "struct Net"), ("größe¦", "größe: i32"), ("¦net", "net: Net"),
            ("names.iter().map(|_| net.for¦ward(1.0))", "fn forward"), ("// ne¦t", ""), ("\"ne¦t\"", ""), ("¦", ""), (":de¦p x", ""),
        ):
            with self.subTest(marked):
                text = self.inspect(marked)
                self.assertIn(words, text)
                self.assertEqual(bool(text), bool(words))
                self.assertNotIn("ctx", text)

    def test_whether_a_cell_is_finished(self) -> None:
        for code in ("}", "let = = 3;", "let x = ;", ":vars\n)"):
            self.assertEqual(self.state(code), "invalid", code)
        for code in ("if x", "fn f()", "struct S", "#[derive(Debug)]", "match x", "let x = 1", "net.", "1 +"):
            self.assertEqual(self.state(code), "incomplete", code)
        for code in ("net.w", "let x = 1;", "if x {}", ":dep x = \"1\"", "struct S;", ""):
            self.assertEqual(self.state(code), "complete", code)
        self.client.is_complete("fn f() {\n    g(\n")
        self.assertEqual(self.client.get_shell_msg(timeout=60)["content"]["indent"], " " * 8)


class WithTheCrate(Asking):
    """Cells that use this project's own crate, and those of the lessons."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cells = [LOAD, "let config: SimCLRConfig = SimCLRConfig::default();",
                 "use twoviews::tch; let zeros: Tensor = Tensor::zeros([2, 3], (tch::Kind::Float, tch::Device::Cpu));"]
        for cell in cells:
            reply = cls.client.execute_interactive(cell, timeout=600, output_hook=lambda message: None)
            assert reply["content"]["status"] == "ok", reply["content"]

    def test_members_of_the_crate(self) -> None:
        for marked, expected in (
            ("config.temp¦", "temperature"), ('println!("{}", config.temp¦', "temperature"), ("zeros.siz¦", "size"),
            ("SimCLRConfig { temp¦", "temperature"), ("let c = SimCL¦", "SimCLRConfig"), ("use twoviews::pre¦", "prelude"),
            ("tch::Kind::Flo¦", "Float"), ("assert_eq!(zeros.siz¦(), [2, 3]);", "size"), ("let t = zeros.matm¦", "matmul"),
            # What is expected of a value once ended the kernel's thread.
            ("let text: String = con¦", "config"), ("let c: SimCLRConfig = con¦", "config"), ("normalise(&zer¦)", "zeros"),
        ):
            with self.subTest(marked):
                self.assertIn(expected, self.complete(marked)[1])
        self.assertEqual(self.run_cell("assert_eq!(zeros.size(), [2, 3]);")[0]["status"], "ok")

    def test_memory_at_rest(self) -> None:
        """Of its own the kernel holds 140 to 190 MB then; with the bodies of functions, and with trees among what stays,
        it was 280 and more."""
        deadline = time.monotonic() + 30
        while (own := self.own_memory()) > 230 and time.monotonic() < deadline:
            time.sleep(0.5)
        self.assertLess(own, 230)
        self.assertEqual(self.run_cell("let small = 1u8;")[0]["status"], "ok")

    def own_memory(self) -> float:
        """Megabytes that the kernel's process shares with no other."""
        with open(f"/proc/{self.manager.provisioner.process.pid}/smaps_rollup", encoding="ascii") as file:
            kilobytes = [line.split()[1] for line in file if line.startswith("Anonymous:")]
        return int(kilobytes[0]) * 1024 / 1e6

    def test_lessons(self) -> None:
        chosen = random.Random(3)
        cells = []
        for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
            for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
                if cell["cell_type"] == "code":
                    cells.append("".join(cell["source"]))
        for cell in cells:
            self.assertEqual(self.state(cell), "complete", cell)
        for cell in cells if LONG else chosen.sample(cells, 8):
            names = [match.end() for match in re.finditer(r"\w+", cell)]
            for cursor in chosen.sample(names, min(len(names), 3)):
                code = chosen.choice([cell, cell[:cursor]])
                self.complete(f"{code[:cursor]}¦{code[cursor:]}")
                self.inspect(f"{code[:cursor]}¦{code[cursor:]}")


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
