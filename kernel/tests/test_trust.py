"""Cells of one's own: no variable lost, no wrong value, every error with its cause and line."""

import re
import tempfile
import unittest
from pathlib import Path

from support import ROOT, Kernel, start


def plain(lines: list[str]) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(lines))


class Own(Kernel):
    """Helpers; each test uses names of its own."""

    def ok(self, code: str, shown: str | None = None, **options) -> str:
        """The cell runs; returns what it wrote to stderr."""
        reply, messages = self.run_cell(code, **options)
        self.assertEqual(reply["status"], "ok", (code, plain(reply.get("traceback", []))))
        if shown is not None:
            values = [m["content"]["data"]["text/plain"] for m in messages
                      if m["msg_type"] == "execute_result"]
            self.assertEqual(values or [self.streams(messages)], [shown], code)
        return self.streams(messages, "stderr")

    def error(self, code: str, ename: str, *words: str) -> str:
        """The cell fails with these words in its traceback."""
        reply, _ = self.run_cell(code)
        self.assertEqual((reply["status"], reply.get("ename")), ("error", ename), (code, reply))
        text = plain(reply["traceback"])
        for word in words:
            self.assertIn(word, text, code)
        for own in ("evcxr_", "__twoviews", "src/lib.rs"):
            self.assertNotIn(own, text.replace("`evcxr_display(&self)`", ""), code)
        return text

    def count(self) -> int:
        """The number of the next cell."""
        return self.run_cell("();")[0]["execution_count"] + 1


class Identity(Own):
    """What variables are, and when they are it no longer."""

    def test_variables_outlive_crates_and_levels(self) -> None:
        self.ok("struct Net0 { w: f32 }\n#[derive(Debug)] enum Mode0 { Fast(u8), Slow }\n"
                "let net0 = Net0 { w: 1.5 }; let mode0 = Mode0::Fast(3);")
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "src").mkdir()
            Path(folder, "Cargo.toml").write_text('[package]\nname = "tiny0"\nversion = "1.0.0"\nedition = "2024"\n')
            Path(folder, "src/lib.rs").write_text("pub struct One(pub u8);")
            self.ok(f':dep tiny0 = {{ path = "{folder}" }}\nlet one0 = tiny0::One(7);')
            self.ok("net0.w", "1.5")
            self.ok("mode0", "Fast(3)")
            for level in ("3", "0", "2"):
                self.assertEqual(self.ok(f":opt {level}"), "")
                self.ok("(net0.w, one0.0)", "(1.5, 7)")
            # The crate is another one now: what is made of it goes, by name, and nothing else.
            self.ok("struct Hold0 { one: tiny0::One }\nlet hold0 = Hold0 { one: tiny0::One(1) };")
            Path(folder, "src/lib.rs").write_text("pub struct One(pub u64);")
            told = self.ok("net0.w", "1.5")
            self.assertIn("`hold0`, `one0`", told)
            self.assertIn("`tiny0`", told)
            # Without its folder nothing would compile.
            self.run_cell(":clear")

    def test_a_changed_type_drops_its_variables(self) -> None:
        changes = [
            ("struct A1 { x: f32, n: u32 }", "struct A1 { x: f64, n: u32 }", "A1", "A1 { x: 0.5, n: 3 }"),
            ("struct B1(u8); struct A2 { b: B1 }", "struct B1(u16);", "A2", "A2 { b: B1(1) }"),
            ("const N1: usize = 2; struct A3([f32; N1]);", "const N1: usize = 3;", "A3", "A3([0.0; N1])"),
            ("trait T1 { fn f(&self) -> u8; } struct S1; impl T1 for S1 { fn f(&self) -> u8 { 1 } }",
             "trait T1 { fn g(&self) -> u8; fn f(&self) -> u8; }", "Box<dyn T1>", "Box::new(S1)"),
            ("type L1 = f32; struct A4 { x: L1 }", "type L1 = f64;", "Vec<A4>", "vec![A4 { x: 1.0 }]"),
            ("trait O1 { type O; } struct F1; impl O1 for F1 { type O = u8; } struct A5 { x: <F1 as O1>::O }",
             "impl O1 for F1 { type O = u64; }", "A5", "A5 { x: 1 }"),
        ]
        for number, (before, after, kind, value) in enumerate(changes):
            name = f"v1{number}"
            self.ok(f"{before}\nlet {name}: {kind} = {value};")
            self.assertEqual(self.ok(before), "", "nothing has changed")
            self.ok(f"{{ let _same = &{name}; }}")
            told = self.ok(after)
            self.assertIn(f"dropped: `{name}`", told, after)
            gone = self.error(f"{{ let _gone = &{name}; }}", "CompileError", f"`{name}`", "was dropped in cell")
            self.assertIn("has changed", gone)

    def test_a_value_of_the_old_type_is_not_read_in_the_cell_that_changes_it(self) -> None:
        self.ok("struct C2 { lr: f32 }\nlet c2 = C2 { lr: 0.5 };")
        for use in ("c2.lr", 'println!("{}", c2.lr);', "let d2 = c2;"):
            self.error(f"struct C2 {{ lr: f64 }}\n{use}", "TypeChanged", "`c2`", "2 | ")
        self.ok("c2.lr", "0.5")
        self.ok("struct C2 { lr: f64 }\nlet c2 = C2 { lr: 0.25 };\nc2.lr", "0.25")
        self.ok("#[derive(Debug, Clone)]\n/// More to say.\nstruct C2 {\n    lr: f64, // the rate\n}")
        self.ok("c2.lr", "0.25")

    def test_why_tells_what_became_of_a_variable(self) -> None:
        first = self.count()
        self.ok("let w3 = String::from(\"a\");")
        self.ok("\nlet other3 = w3;")
        _, messages = self.run_cell(":why w3")
        text = messages[-2]["content"]["data"]["text/plain"]
        self.assertIn(f"bound in cell {first}, line 1: String", text)
        self.assertIn(f"moved in cell {first + 1}, line 2", text)
        self.error("w3", "CompileError", f"`w3` was moved in cell {first + 1}, line 2")
        self.error("let never3 = 1; panic!()", "Panic")
        self.error("never3", "CompileError", "`never3` was not bound in cell")
        self.error(":why nothing3", "Error", "no cell has bound `nothing3`")


class Early(Own):
    """Cells that are sent while the kernel gets ready."""

    environment = {}

    def test_cells_sent_at_once_keep_their_variables(self) -> None:
        manager, client = start({})
        try:
            cells = ["struct Net { w: f32 } let net = Net { w: 1.5 };", "#[derive(Debug)] struct P(u8);\nlet p = P(1);",
                     "println!(\"{} {p:?}\", net.w);"]
            ids = [client.execute(cell) for cell in cells]
            seen = []
            replies = {}
            while len(replies) < len(ids):
                reply = client.get_shell_msg(timeout=120)
                replies[reply["parent_header"]["msg_id"]] = reply["content"]["status"]
            while True:
                message = client.get_iopub_msg(timeout=30)
                if message["msg_type"] == "stream":
                    seen.append(message["content"]["text"])
                if message["parent_header"].get("msg_id") == ids[-1] and \
                        message["content"].get("execution_state") == "idle":
                    break
            self.assertEqual([replies[i] for i in ids], ["ok"] * 3)
            self.assertEqual("".join(seen), "1.5 P(1)\n")
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


class Lines(Own):
    """Every failure has the right cell, line and column."""

    def test_panics_name_line_and_column(self) -> None:
        for code, line, column in [
            ('let a = Some(1).expect("file"); let b = None::<u8>.expect("file");', 1, 52),
            ("let v = vec![1];\nlet i = 7;\nv[i]", 3, 2),
            ("let d = std::hint::black_box(0);\n1 / d", 2, 1),
            ("let ä = vec![\"ö\"];\n\n  let n = ä.len(); let m = ä[n];", 3, 29),
            ("for i in 0..3 {\n    if i == 2 {\n        panic!(\"at {i}\");\n    }\n}", 3, 9),
            ("{\n  let r: Result<u8, String> = Err(\"x\".into());\n  r.unwrap();\n}", 3, 5),
            ("assert_eq!(1 + 1,\n  3);", 1, 1),
        ]:
            text = self.error(code, "Panic", f"line {line}:\n{line} | {code.splitlines()[line - 1]}")
            caret = text.split(f"{line} | {code.splitlines()[line - 1]}\n")[1].splitlines()[0]
            self.assertEqual(caret.index("^"), column - 1 + len(f"{line} | "), text)

    def test_functions_of_other_cells_are_named(self) -> None:
        first = self.count()
        self.ok('fn same4() { panic!("p") }\nfn loss4(x: usize) -> f32 {\n    let v = vec![1.0f32];\n    v[x]\n}')
        self.ok("fn train4(n: usize) -> f32 {\n    let mut sum = 0.0;\n    for i in 0..n { sum += loss4(i); }\n    sum\n}")
        self.error("let _z = 1;\ntrain4(3)", "Panic", f"in `loss4`, cell {first}, line 4:\n4 |     v[x]",
                   f"called in `train4`, cell {first + 1}, line 3", f"called in cell {first + 2}, line 2")
        self.ok("struct N4; impl N4 { fn go(&self) { panic!(\"m\") } }\nlet f4: Box<dyn Fn(usize) -> f32> = Box::new(|n| train4(n));")
        self.error("N4.go()", "Panic", "N4", "line 1:\n1 | struct N4")
        self.ok("let _later = 1;")
        # The closure was compiled with an earlier cell.
        self.error("f4(2)", "Panic", f"in `loss4`, cell {first}, line 4:\n4 |     v[x]")

    def test_a_failed_question_mark_names_its_line(self) -> None:
        self.error('let a: i32 = "1".parse()?;\nlet b: i32 = "2".parse()?; let c: i32 = "x".parse()?;',
                   "Error", "invalid digit", "line 2:\n2 | let b", "\n  | " + " " * 40 + "^")
        self.error('["1", "y"].iter().map(|s| s.parse::<u8>()).collect::<Result<Vec<_>, _>>()?', "Error", "line 1:")
        self.ok('fn inner5() -> Result<u8, std::num::ParseIntError> { "z".parse() }')
        self.error("\n\ninner5()?;", "Error", "line 3:\n3 | inner5()?;")

    def test_threads_name_their_cells(self) -> None:
        number = self.count()
        told = self.ok('std::thread::spawn(||\n  panic!("in thread")).join().is_err()', "true")
        self.assertIn(f"cell {number}, line 2", told)

    def test_panics_that_end_the_process_show_their_message(self) -> None:
        for code, message in [
            ('struct D6; impl Drop for D6 { fn drop(&mut self) { panic!("in drop") } }\nlet d6 = D6; panic!("first")', "in drop"),
            ('extern "C" fn c6() { panic!("in C") }\nc6();', "in C"),
        ]:
            self.error(code, "ProcessEnded", message, "line 1", "All variables are lost")
            self.ok("1 + 1", "2")


class Causes(Own):
    """Errors say what is wrong and what to do."""

    def test_a_missing_import_is_named(self) -> None:
        for code, name, use in [("max(1, 2)", "max", "use std::cmp::max;"),
                                ("Instant::now()", "Instant", "use std::time::Instant;"),
                                ("HashMap::<u8, u8>::new()", "HashMap", "use std::collections::HashMap;")]:
            self.error(code, "CompileError", f"`{name}`", f"1 | {code}", use)

    def test_users_own_displays_win(self) -> None:
        self.ok("trait Show7 { fn evcxr_display(&self); }\n"
                'impl Show7 for Vec<f32> { fn evcxr_display(&self) { println!("mine {}", self.len()); } }')
        self.ok("vec![1.0f32, 2.0]", "mine 2\n")
        self.ok("vec![1u8]", "[1]")
        html = 'EVCXR_BEGIN_CONTENT text/plain\\nown\\nEVCXR_END_CONTENT'
        self.ok(f'#[derive(Debug)] struct H7; impl H7 {{ fn evcxr_display(&self) {{ println!("{html}"); }} }}\nH7', "own")
        self.ok(f'struct M7(String); impl M7 {{ fn evcxr_display(self) {{ print!("{html}"); }} }}\nM7(String::new())', "own")
        self.error("struct Plain7;\nPlain7", "CompileError", "`Plain7` cannot be shown", "2 | Plain7", "derive(Debug)")

    def test_errors_come_alone_and_warnings_after_them(self) -> None:
        self.ok("fn loss8(x: f32, w: f32) -> f32 { x * x }")
        text = self.error("let a8 = |x: i32| x + 1;", "CompileError", "`a8` is a closure", "Box<dyn Fn")
        self.assertNotIn("unused", text)
        text = self.error('fn g8() -> u8 { let unused8 = 1; 2 }\nlet bad8: u8 = "x";', "CompileError",
                          "mismatched types", "warning", "unused8")
        self.assertLess(text.index("mismatched"), text.index("warning"))
        self.assertNotIn("`w`", text)

    def test_references_closures_and_futures_say_why_they_cannot_stay(self) -> None:
        self.error('let owner9 = String::from("x");\nlet r9 = owner9.as_str();', "CompileError", "2 | let r9", "must own")
        # evcxr's own check of such a cell fails for a variable that borrows, and says nothing of the closure.
        self.ok('let text9 = "x";')
        self.error("let f9 = |x: i32| x + 1;\nf9(1)", "CompileError", "`f9` is a closure", "1 | let f9")
        self.ok("let n9 = 1;")
        self.assertNotIn("move", self.error("let g9 = |x: i32| x + n9;\ng9(1)", "CompileError", "`g9` is a closure"))
        self.error("let all9 = Vec::new();", "CompileError", "all9")
        self.error("let = = 3;", "CompileError", "1 | let = = 3;")
        self.error("return 5;", "CompileError", "returns nothing", "1 | return 5;")
        self.error("let x9: u8 = \"a\";", "CompileError", "mismatched types", "1 | let x9")
        self.error("use std::nowhere9::Thing;", "CompileError", "nowhere9", "1 | use std::nowhere9::Thing;", "          ^^^^^^^^")

    def test_earlier_functions_that_no_longer_fit_are_set_aside(self) -> None:
        first = self.count()
        self.ok("fn loss10(x: f32) -> f32 { x }\nfn train10() -> f32 { loss10(2.0) }\n"
                "struct N10; impl N10 { fn go(&self) -> f32 { loss10(1.0) } fn stay(&self) -> u8 { 4 } }")
        told = self.ok("fn loss10(x: f32, w: f32) -> f32 { x * w }")
        self.assertIn(f"`train10` (cell {first})", told)
        self.assertIn(f"`go` (cell {first})", told)
        self.error("train10()", "CompileError", f"run cell {first} again")
        self.error("N10.go()", "CompileError", f"run cell {first} again")
        self.ok("N10.stay()", "4")
        self.ok("fn train10() -> f32 { loss10(2.0, 3.0) }\ntrain10()", "6.0")
        self.error("fn loss10(x: u8) -> f32 { missing10(x) }", "CompileError", "missing10")
        self.ok("train10()", "6.0")

    def test_a_definition_that_did_not_compile_is_told_of_where_the_older_one_is_used(self) -> None:
        first = self.count()
        self.ok("fn share14(n: f64) -> f64 { n / 2.0 }")
        failed = self.count()
        self.error("fn share14(n: f64) -> f64 { n / 4 }", "CompileError", "f64")
        told = self.ok("share14(8.0)", "4.0")
        self.assertIn(f"`share14` is still that of cell {first}, because cell {failed} did not compile", told)
        unread = self.count()
        self.error("fn share14(n: f64) -> f64 { n / 4.0", "CompileError")
        self.assertIn(f"because cell {unread} did not compile", self.ok("share14(8.0)", "4.0"))
        self.assertNotIn("did not compile", self.ok("1 + 1", "2"))
        self.ok("fn share14(n: f64) -> f64 { n / 4.0 }\nshare14(8.0)", "2.0")
        self.assertNotIn("did not compile", self.ok("share14(8.0)", "2.0"))
        # The same definition in a cell that fails elsewhere, and other things of its name.
        self.error('fn share14(n: f64) -> f64 { n / 4.0 }\nlet z14: u8 = "";', "CompileError")
        self.assertNotIn("did not compile", self.ok("share14(8.0)", "2.0"))
        self.error("fn share14(n: f64) -> f64 { missing }", "CompileError")
        for code in ("let s14: f64 = [1.0].iter().map(|share14| share14 * 2.0).sum();",
                     'println!("{{share14}}");', "fn k14(share14: u8) -> u8 { share14 }"):
            self.assertNotIn("did not compile", self.ok(code), code)
        self.error("fn share14(n: f64, m: f64) -> f64 { missing }", "CompileError")
        reply, messages = self.run_cell("share14(1.0, 2.0)")
        self.assertIn("`share14` is still that of cell", self.streams(messages, "stderr"), reply)

    def test_a_name_that_only_a_failed_cell_defines(self) -> None:
        for definition, use in (
            ("fn never15() -> u8 { 300 + missing }", "never15()"),
            ("macro_rules! cube15 { ($x:expr) => { $x * }; }\nlet y15: u8 = cube15!(2);", "cube15!(2)"),
            ("struct Pair15(u8, Nope15);", "let Pair15(a15, b15) = (1, 2);"),
            ('mod m15 { pub fn a() -> u8 { "" } }', "use m15::a;"),
        ):
            cell = self.count()
            self.error(definition, "CompileError")
            told = self.error(use, "CompileError", f"cell {cell} defines `", "but did not compile")
            self.assertNotIn(":dep", told, use)
            _, messages = self.run_cell(use)
            self.assertNotIn("did not compile", self.streams(messages, "stderr"), "said once, in the error")
        self.ok("struct S15 { w: f64 }\nlet s15 = S15 { w: 1.0 };")
        cell = self.count()
        self.error("impl S15 { fn area15(&self) -> f64 { self.w * 2 } }", "CompileError")
        self.error("s15.area15()", "CompileError", f"cell {cell} defines `area15`, but did not compile")

    def test_functions_do_not_see_variables(self) -> None:
        self.ok("let n16 = 3; let hist16 = vec![0.5];")
        self.error("fn g16() -> i32 { n16 + 1 }", "CompileError", "`n16` is a variable of the notebook", "argument")
        self.error("fn push16() { hist16.push(1.0); }", "CompileError", "`hist16` is a variable of the notebook")

    def test_imports_are_proposed_in_words(self) -> None:
        self.ok("use std::time::Duration;")
        told = self.error("let m17: HashMap<u8, u8> = HashMap::new();", "CompileError",
                          "consider importing this struct: `use std::collections::HashMap;`")
        self.assertNotIn("core::", told)
        self.error("mod k17 { pub fn f() -> Result<(), Error> { Ok(()) } }", "CompileError",
                   "in the module: `use std::error::Error;` or `use std::fmt::Error;` or `use std::io::Error;`")
        self.assertNotIn(":dep", self.error("let o17 = io::stdout();", "CompileError", "`use std::io;`"))


class Ends(Own):
    def test_return_ends_the_cell_and_keeps_what_was_bound(self) -> None:
        self.ok("let mut list11 = vec![1];")
        told = self.ok("let kept11 = 5;\nlist11.push(2);\nif kept11 > 0 { return; }\nlet later11 = 3;")
        self.assertIn("later11", told)
        self.assertNotIn("kept11", told)
        self.ok("(kept11, list11.len())", "(5, 2)")
        self.error("later11", "CompileError", "`later11` was not bound")
        self.ok("for i in 0..3 { if i == 1 { return Ok(()); } }\nlet all11 = 1;")
        self.ok("let moved11 = String::new(); drop(moved11); if true { return; }")
        self.ok("if false { return; }\nlet whole11 = 2;")
        self.ok("whole11", "2")
        self.error('return Err("no".to_string());', "Error", "no", "line 1")
        self.ok("let f11: Box<dyn Fn(i32) -> i32> = Box::new(|x| { return x + 1; });\nf11(1)", "2")

    def test_statics_live_on(self) -> None:
        self.ok("use std::sync::{Mutex, OnceLock, atomic::{AtomicU32, Ordering}};\n"
                "static N12: AtomicU32 = AtomicU32::new(0);\nstatic ONCE12: OnceLock<String> = OnceLock::new();\n"
                "thread_local! { static T12: std::cell::Cell<u32> = std::cell::Cell::new(5); }\n"
                "fn calls12() -> u32 { static C: Mutex<u32> = Mutex::new(0); let mut c = C.lock().unwrap(); *c += 1; *c }\n"
                'static mut RAW12: u8 = 1;')
        self.ok('N12.fetch_add(2, Ordering::SeqCst); ONCE12.set("once".into()).unwrap(); T12.with(|t| t.set(9)); calls12();'
                "unsafe { RAW12 += 1; }")
        self.ok("N12.fetch_add(1, Ordering::SeqCst);")
        self.ok("unsafe { RAW12 += 1; }\n(N12.load(Ordering::SeqCst), ONCE12.get(), T12.with(|t| t.get()), calls12(), unsafe { RAW12 })",
                '(3, Some("once"), 9, 2, 3)')
        self.ok("static N12: AtomicU32 = AtomicU32::new(100);\nN12.load(Ordering::SeqCst)", "100")

    def test_functions_of_the_same_symbol_are_replaced(self) -> None:
        self.ok('#[unsafe(no_mangle)] #[inline(never)] pub extern "C" fn sym13() -> u8 { 1 }\nsym13()', "1")
        self.ok('#[unsafe(no_mangle)] #[inline(never)] pub extern "C" fn sym13() -> u8 { 2 }\nsym13()', "2")


class Items(Own):
    def test_impl_blocks_are_replaced(self) -> None:
        self.ok("struct N14 { w: f32 }\nimpl N14 { fn f(&self) -> f32 { self.w } fn g(&self) -> u8 { 1 } }\n"
                "impl std::fmt::Display for N14 { fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { write!(f, \"one\") } }\n"
                "let n14 = N14 { w: 2.0 };")
        self.ok("impl N14 { fn f(&self) -> f32 { self.w * 10.0 } }")
        self.ok("(n14.f(), n14.g())", "(20.0, 1)")
        for text in ("two", "three"):
            path = "core::fmt" if text == "three" else "std::fmt"
            self.ok(f"impl {path}::Display for N14 {{ fn fmt(&self, f: &mut {path}::Formatter<'_>) -> {path}::Result {{ write!(f, \"{text}\") }} }}")
            self.ok('format!("{n14}")', f'"{text}"')
        self.assertEqual(self.ok("struct N14 { w: f32 }"), "")
        self.ok("n14.f()", "20.0")
        self.ok("trait A14 { fn a(&self) -> u8; }\nimpl<T: Clone> A14 for Vec<T> { fn a(&self) -> u8 { 1 } }")
        self.ok("impl<U: Clone> A14 for Vec<U> { fn a(&self) -> u8 { 2 } }\nvec![0].a()", "2")

    def test_the_order_of_items_does_not_matter(self) -> None:
        for number in range(6):
            self.ok(f"fn use15_{number}() -> i32 {{ sq15_{number}!(3) + b15_{number}() }}\n"
                    f"macro_rules! sq15_{number} {{ ($x:expr) => {{ $x * $x + one15_{number}!() }} }}\n"
                    f"macro_rules! one15_{number} {{ () => {{ 1 }} }}\nfn b15_{number}() -> i32 {{ 2 }}")
            self.ok(f"use15_{number}() + sq15_{number}!(1)", "14")

    def test_commands_stand_wherever_a_statement_may_begin(self) -> None:
        self.ok("// comment\n   :opt 2\n/* block\n comment */\n:opt 2\nlet flag16 = true;\n:opt 2")
        self.ok("!flag16", "false")
        self.ok("/// documented\nfn doc16() -> u8 { 3 }\ndoc16()", "3")
        self.ok("::std::mem::size_of::<u8>()", "1")
        self.ok("let x16\n    : i32 = 4;\nx16", "4")
        self.error(":nothing16", "Error", ":nothing16")

    def test_files_are_included_from_the_notebooks_folder(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "data \"1\".txt").write_text("hello")
            Path(folder, "b.txt").write_text("bytes")
            manager, client = start({}, cwd=folder)
            try:
                for code in ['assert_eq!(include_str!("data \\"1\\".txt"), "hello");',
                             'const B: &[u8] = include_bytes!(r"b.txt"); assert_eq!(B, b"bytes");']:
                    reply = client.execute_interactive(code, timeout=120, output_hook=lambda m: None)
                    self.assertEqual(reply["content"]["status"], "ok", reply["content"])
            finally:
                client.stop_channels()
                manager.shutdown_kernel(now=True)

    def test_tasks_are_awaited_across_cells(self) -> None:
        lock = (ROOT / "Cargo.lock").read_text()
        version = re.search(r'name = "tokio"\nversion = "([^"]+)"', lock).group(1)
        self.ok(f':dep tokio = {{ version = "{version}", features = ["rt", "rt-multi-thread", "time"] }}\n'
                "let h17 = tokio::spawn(async { tokio::time::sleep(std::time::Duration::from_millis(20)).await; Ok::<u8, String>(4) });\n"
                "async {}.await;", timeout=300)
        self.ok("h17.await??", "4")


if __name__ == "__main__":
    unittest.main()
