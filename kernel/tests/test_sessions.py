"""Long sessions of random cells, against a model of which variables live and what they hold.

Seed and number of cells: TWOVIEWS_SEED and TWOVIEWS_CELLS. A failure names the seed and ends with the
cells that led to it.
"""

import os
import random
import re
import unittest
from dataclasses import dataclass, field

from support import LONG, SEED, Kernel

CELLS = int(os.environ.get("TWOVIEWS_CELLS", "1000" if LONG else "24"))

# Nothing of these may appear in what a user sees.
INTERNAL = re.compile(r"__twoviews|evcxr_|twoviews:\d|EVCXR_|TWOVIEWS-|run_user_code|src/lib\.rs")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Cell:
    code: str
    # What is shown, if anything is.
    shows: str | None = None
    # Each must appear in the error, if there is one.
    error: tuple[str, ...] = ()
    # Names that the lines on stderr must tell of.
    told: set[str] = field(default_factory=set)
    # The process ends.
    ends: bool = False


@dataclass
class Variable:
    value: int
    kind: str  # "i64", "String", "Vec" or the name of a struct
    boxed: tuple[int, int] | None = None  # of a closure: cell and line of its panic


class Model:
    """Writes cells and knows what they do."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.variables: dict[str, Variable] = {}
        self.gone: set[str] = set()
        self.structs: dict[str, tuple[str, str]] = {}  # name: its field and the field's type
        self.methods: dict[str, int] = {}  # struct: what its method adds
        self.traits: dict[str, int] = {}  # struct: what the trait's method multiplies by
        self.functions: dict[str, int] = {}  # name: what it adds
        self.panics: dict[str, tuple[int, int]] = {}  # function: cell and line of its panic
        self.static: int | None = None
        self.macro: int | None = None
        self.number = 0  # of names
        self.count = 0  # of cells

    def name(self, start: str) -> str:
        self.number += 1
        return f"{start}{self.number}"

    def some(self, *kinds: str) -> str | None:
        names = [name for name, it in self.variables.items() if not kinds or it.kind in kinds]
        return self.random.choice(names) if names else None

    def bind(self, name: str, value: int, kind: str) -> None:
        self.variables[name] = Variable(value, kind)
        self.gone.discard(name)

    def lose(self, *names: str) -> None:
        for name in names:
            if self.variables.pop(name, None):
                self.gone.add(name)

    def shown(self, name: str) -> str:
        it = self.variables[name]
        if it.kind == "String":
            return f'"s{it.value}"'
        if it.kind == "Vec":
            return f"[{it.value}, {it.value + 1}]"
        if it.kind == "i64":
            return str(it.value)
        field, kind = self.structs[it.kind]
        return f"{it.kind} {{ {field}: {it.value}{'.0' if kind == 'f64' else ''} }}"

    def literal(self, value: int, kind: str) -> str:
        if kind == "i64":
            return f"{value}_i64"
        if kind == "String":
            return f'String::from("s{value}")'
        if kind == "Vec":
            return f"vec![{value}_i64, {value} + 1]"
        field, of = self.structs[kind]
        return f"{kind} {{ {field}: {value}{'.0' if of == 'f64' else ''} }}"

    def kind(self) -> str:
        return self.random.choice(["i64", "String", "Vec", *self.structs])

    def next(self) -> Cell:
        self.count += 1
        ways = [self.let, self.let, self.let, self.show, self.show, self.show, self.shadow, self.move,
                self.struct, self.struct, self.redefine, self.redefine_same, self.method, self.trait,
                self.call, self.function, self.panic, self.panic_in_function, self.question_mark,
                self.early_return, self.compile_error, self.use_gone, self.counter, self.use_macro,
                self.block, self.closure, self.call_closure, self.call_closure, self.thread,
                self.command, self.items_after_use, self.mutate, self.mutate, self.why]
        if self.random.random() < 0.01:
            return self.exit()
        while (cell := self.random.choice(ways)()) is None:
            pass
        return cell

    def let(self) -> Cell:
        name, kind, value = self.name("v"), self.kind(), self.random.randrange(100)
        code = f"let {self.random.choice(['', 'mut '])}{name} = {self.literal(value, kind)};"
        self.bind(name, value, kind)
        if self.random.random() < 0.5:
            return Cell(code)
        return Cell(f"{code} {name}" if kind == "i64" else f"{code}\n&{name}", self.shown(name))

    def show(self) -> Cell | None:
        name = self.some()
        if not name or self.variables[name].boxed:
            return None
        form = self.random.choice(["&{0}", "/* é */ &{0} // show", "\n\t&{0}\r\n", "{{ &{0} }}"])
        return Cell(form.format(name), self.shown(name))

    def shadow(self) -> Cell | None:
        name = self.some("i64", "String", "Vec")
        if not name:
            return None
        value, kind = self.random.randrange(100), self.kind()
        self.bind(name, value, kind)
        return Cell(f"let {name} = {self.literal(value, kind)};\n&{name}", self.shown(name))

    def move(self) -> Cell | None:
        name = self.some("String", "Vec", *self.structs)
        if not name:
            return None
        it, new = self.variables[name], self.name("m")
        self.lose(name)
        self.bind(new, it.value, it.kind)
        return Cell(f"let {new} = {name}; &{new}", self.shown(new))

    def mutate(self) -> Cell | None:
        name = self.some("i64", *self.structs)
        if not name:
            return None
        it, amount = self.variables[name], self.random.randrange(9)
        self.bind(name, it.value + amount, it.kind)
        place = name if it.kind == "i64" else f"{name}.{self.structs[it.kind][0]}"
        amount = f"{amount}{'.0' if it.kind != 'i64' and self.structs[it.kind][1] == 'f64' else ''}"
        return Cell(f"let mut {name} = {name}; {place} += {amount};\n&{name}", self.shown(name))

    def definition(self, name: str, noise: bool = False) -> str:
        field, kind = self.structs[name]
        if noise:
            return (f"/// Doc, ünchanged.\n#[derive(Debug)]\npub struct {name} {{\n"
                    f"    // one\n    {field}: {kind},\n}}")
        return f"#[derive(Debug)] struct {name} {{ {field}: {kind} }}"

    def struct(self) -> Cell:
        name = self.name("S")
        self.structs[name] = self.random.choice(["a", "b"]), self.random.choice(["i64", "f64", "i32"])
        value, variable = self.random.randrange(100), self.name("v")
        code = f"let {variable} = {self.literal(value, name)};\n{self.definition(name)}"
        self.bind(variable, value, name)
        return Cell(code)

    def redefine(self) -> Cell | None:
        if not self.structs:
            return None
        name = self.random.choice(list(self.structs))
        field, kind = self.structs[name]
        # The method reads the field as a number.
        self.structs[name] = field, {"i64": "f64", "f64": "i32", "i32": "i64"}[kind]
        told = {it for it, held in self.variables.items() if held.kind == name}
        self.lose(*told)
        return Cell(self.definition(name), told=told)

    def redefine_same(self) -> Cell | None:
        if not self.structs:
            return None
        return Cell(self.definition(self.random.choice(list(self.structs)), noise=True))

    def method(self) -> Cell | None:
        if not self.structs:
            return None
        name = self.random.choice(list(self.structs))
        self.methods[name] = amount = self.random.randrange(1000)
        field, _ = self.structs[name]
        return Cell(f"impl {name} {{\n    fn add(&self) -> i64 {{ self.{field} as i64 + {amount} }}\n}}")

    def trait(self) -> Cell | None:
        if not self.structs:
            return None
        name = self.random.choice(list(self.structs))
        head = "" if self.traits else "trait Scale { fn scale(&self) -> i64; }\n"
        self.traits[name] = factor = self.random.randrange(1, 50)
        field, _ = self.structs[name]
        return Cell(f"{head}impl Scale for {name} {{ fn scale(&self) -> i64 "
                    f"{{ self.{field} as i64 * {factor} }} }}")

    def call(self) -> Cell | None:
        name = self.some(*self.structs) if self.structs else None
        if not name:
            return None
        it = self.variables[name]
        terms = {f"{name}.add()": it.value + self.methods[it.kind]} if it.kind in self.methods else {}
        if it.kind in self.traits:
            terms[f"{name}.scale()"] = it.value * self.traits[it.kind]
        return Cell(" + ".join(terms), str(sum(terms.values()))) if terms else None

    def function(self) -> Cell:
        if self.functions and self.random.random() < 0.6:
            name = self.random.choice(list(self.functions))
            if self.random.random() < 0.5:
                value = self.random.randrange(100)
                return Cell(f"{name}({value})", str(value + self.functions[name]))
        else:
            name = self.name("f")
        self.functions[name] = amount = self.random.randrange(1000)
        self.panics[name] = self.count, 3
        return Cell(f"fn {name}(x: i64) -> i64 {{\n    // ö\n    assert!(x >= 0, \"x is {{x}}\");\n"
                    f"    x + {amount}\n}}")

    def place(self, cell: int, line: int) -> str:
        return f"cell {cell}, line {line}:"

    def panic(self) -> Cell:
        name, kept = self.name("v"), self.some("i64", "String", "Vec")
        told = set()
        code = f"let {name} = 1;\n"
        if kept and self.random.random() < 0.5:
            code += f"let {kept} = 0; "
            told = {kept}
            self.lose(kept)
        code += f"let é = \"ü\"; let _x = [1, 2][std::hint::black_box({name}) + 6];"
        return Cell(code, error=("index out of bounds", self.place(self.count, 2)), told=told)

    def panic_in_function(self) -> Cell | None:
        if not self.functions:
            return None
        name = self.random.choice(list(self.functions))
        return Cell(f"1 +\n{name}(-7)",
                    error=("x is -7", self.place(*self.panics[name]), self.place(self.count, 2)))

    def question_mark(self) -> Cell:
        return Cell("let ok = 1; let 値 = \"7\".parse::<i64>()?;\nlet no = \"ñ\".parse::<i64>()?; no",
                    error=("invalid digit", self.place(self.count, 2)))

    def early_return(self) -> Cell:
        one, two = self.name("v"), self.name("v")
        self.bind(one, 3, "i64")
        end = self.random.choice(["return;", "return Ok(());", "return ();", "return"])
        return Cell(f"let {one} = 3_i64;\nif std::hint::black_box(true) {{ {end} }}\nlet {two} = 4;",
                    told={two})

    def compile_error(self) -> Cell:
        code, *error = self.random.choice([
            ("let a = 1;\nlet b: u8 = \"x\";", "mismatched types", ":2:13"),
            ("fn broken() -> u8 { \"x\" }", "mismatched types", ":1:21"),
            ("let s = String::new(); let t = s;\nlet é = 1; drop(s);", "use of moved value", ":2:17"),
            ("let x = 1;\nlet y = x +;", "expected expression", ":2:12"),
            ("nothing_of_this_name", "cannot find value", ":1:1"),
            ("5.no_method()", "no method named", ":1:3"),
        ])
        return Cell(code, error=tuple(error))

    def use_gone(self) -> Cell | None:
        gone = [name for name in self.gone if name not in self.variables]
        if not gone:
            return None
        name = self.random.choice(sorted(gone))
        return Cell(f"&{name}", error=(f"cannot find value `{name}`", f"`{name}` was "))

    def why(self) -> Cell | None:
        names = sorted(self.gone | set(self.variables))
        return Cell(f":why {self.random.choice(names)}", "") if names else None

    def counter(self) -> Cell:
        head = ""
        if self.static is None:
            head = "use std::sync::atomic::{AtomicI64, Ordering};\nstatic COUNTER: AtomicI64 = AtomicI64::new(0);\n"
            self.static = 0
        self.static += 1
        return Cell(f"{head}COUNTER.fetch_add(1, Ordering::SeqCst) + 1", str(self.static))

    def use_macro(self) -> Cell:
        value = self.random.randrange(100)
        if self.macro is None or self.random.random() < 0.4:
            self.macro = self.random.randrange(1000)
            definition = f"macro_rules! more {{ ($x:expr) => {{ $x + {self.macro} }} }}"
            lines = [definition, f"more!({value}_i64)"]
            if self.random.random() < 0.5:
                lines = [f"let m = more!({value}_i64);", definition, "m"]
                self.bind("m", value + self.macro, "i64")
            return Cell("\n".join(lines), str(value + self.macro))
        return Cell(f"more!({value}_i64)", str(value + self.macro))

    def block(self) -> Cell:
        value = self.random.randrange(100)
        code, shows = self.random.choice([
            ("'a: loop { for i in 0.. { if i == N { break 'a i; } } }", str(value)),
            ("let Some(x) = Some(N) else { panic!() }; x", str(value)),
            ("if let Some(x) = Some(N) && x < 200 { x } else { 0 }", str(value)),
            ("match N { 0..=200 => \"low\", _ => \"high\" }", '"low"'),
            ("(0..N).map(|x| x * 2).filter(|x| x % 4 == 0).count()", str((value + 1) // 2)),
            ("{ let r#type = N; r#type }", str(value)),
            ("r#\"a\"b {}\"#.len() + N", str(6 + value)),
            ("!false as i32 + N", str(value + 1)),
            ("/* :vars\n:clear */ std::rc::Rc::new(std::cell::RefCell::new(N)).borrow().clone()",
             str(value)),
        ])
        if "let Some(x)" in code and "else { panic" in code:
            self.bind("x", value, "i64")
            code = code.replace("N", f"{value}_i64")
        return Cell(code.replace("N", str(value)), shows)

    def closure(self) -> Cell:
        name, value = self.name("c"), self.random.randrange(100)
        self.variables[name] = Variable(value, "closure", (self.count, 2))
        return Cell(f"let {name}: Box<dyn Fn(i64) -> i64> = Box::new(|x| {{\n"
                    f"    if x < 0 {{ panic!(\"below: {{x}}\") }}\n    x + {value}\n}});")

    def call_closure(self) -> Cell | None:
        name = self.some("closure")
        if not name:
            return None
        it = self.variables[name]
        if self.random.random() < 0.5:
            return Cell(f"{name}(1)", str(it.value + 1))
        return Cell(f"\n{name}(-1)", error=("below: -1", self.place(*it.boxed), self.place(self.count, 2)))

    def thread(self) -> Cell:
        return Cell("std::thread::spawn(|| {\n    let none: Option<u8> = None;\n"
                    "    none.unwrap()\n}).join().is_err()", "true",
                    told={f"cell {self.count}, line 3"})

    def command(self) -> Cell:
        return Cell(self.random.choice([":opt 0", ":opt 1", ":vars", ":help", "  :vars\n:version"]), "")

    def items_after_use(self) -> Cell:
        name, value = self.name("late_"), self.random.randrange(1000)
        return Cell(f"let _ = {name}(); fn {name}() -> i64 {{ {value} }} const {name.upper()}: i64 = 1;\n"
                    f"{name}() + {name.upper()}", str(value + 1))

    def exit(self) -> Cell:
        self.lose(*list(self.variables))
        self.static = 0 if self.static is not None else None
        return Cell("std::process::exit(3)", error=("exit status: 3",), ends=True)


class Sessions(Kernel):
    def test_random_cells(self) -> None:
        model, done = Model(SEED), []
        for _ in range(CELLS):
            cell = model.next()
            done.append(cell.code)
            log = f"seed {SEED}\n" + "\n-----\n".join(done[-12:])
            reply, messages = self.run_cell(cell.code, timeout=120)
            model.count = reply["execution_count"]
            out, err = self.streams(messages), COLOUR.sub("", self.streams(messages, "stderr"))
            results = [m["content"]["data"]["text/plain"] for m in messages
                       if m["msg_type"] in ("execute_result", "display_data")]
            trace = COLOUR.sub("", "\n".join(reply.get("traceback", [])))
            said = "\n".join([log, f"-> {reply['status']} {results}", out, err, trace])
            self.assertIsNone(INTERNAL.search("\n".join([out, err, trace, *results])), said)
            self.assertEqual(reply["status"], "error" if cell.error else "ok", said)
            for part in cell.error:
                self.assertIn(part, trace + reply["evalue"] + " ", said)
            self.assertEqual(reply.get("ename") == "ProcessEnded", cell.ends, said)
            if cell.shows is None:
                self.assertEqual(results, [], said)
            elif cell.shows:
                self.assertEqual(results, [cell.shows], said)
            for name in cell.told:
                self.assertIn(name, err, said)
            if not cell.told:
                self.assertNotRegex(err, "dropped|lost|not bound|set aside", said)
        # What lives in the model lives in the kernel, and nothing else is lost.
        for name, it in model.variables.items():
            shown = f"{name}(1)" if it.boxed else f"&{name}"
            reply, messages = self.run_cell(shown, timeout=120)
            self.assertEqual(reply["status"], "ok", f"seed {SEED}: {name}: {reply}")
            results = [m["content"]["data"]["text/plain"] for m in messages
                       if m["msg_type"] == "execute_result"]
            self.assertEqual(results, [str(it.value + 1) if it.boxed else model.shown(name)],
                             f"seed {SEED}: {name}")


if __name__ == "__main__":
    unittest.main()
