"""The same text as cells and as a plain Rust program: both print the same.

Seed and number of cells: TWOVIEWS_SEED and TWOVIEWS_CELLS.
"""

import os
import random
import subprocess
import tempfile
import unittest
from pathlib import Path

from support import LONG, SEED, Kernel

CELLS = int(os.environ.get("TWOVIEWS_CELLS", "300" if LONG else "30"))


class Generator:
    """Statements and items that a program may have in this order, too."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.names: dict[str, list[str]] = {"i64": [], "String": [], "Vec<i64>": [], "struct": []}
        self.functions: list[str] = []
        self.structs: list[str] = []
        self.number = 0

    def name(self, prefix: str) -> str:
        self.number += 1
        return f"{prefix}_{self.number}"

    def integer(self, depth: int = 2) -> str:
        choices = [lambda: f"({self.random.randint(-99, 99)}_i64)"]
        if self.names["i64"]:
            choices.append(lambda: self.random.choice(self.names["i64"]))
        if depth:
            choices.append(lambda: "({} {} {})".format(self.integer(depth - 1), self.random.choice("+-^&|"),
                                                       f"({self.integer(depth - 1)} % 1000)"))
            choices.append(lambda: f"({self.integer(depth - 1)}).rem_euclid(97)")
            if self.functions:
                choices.append(lambda: f"{self.random.choice(self.functions)}({self.integer(depth - 1)})")
            if self.names["Vec<i64>"]:
                choices.append(lambda: f"{self.random.choice(self.names['Vec<i64>'])}.iter().sum::<i64>()")
            if self.names["String"]:
                choices.append(lambda: f"({self.random.choice(self.names['String'])}.len() as i64)")
            if self.names["struct"]:
                choices.append(lambda: f"{self.random.choice(self.names['struct'])}.value()")
        return self.random.choice(choices)()

    def cell(self) -> str:
        kind = self.random.choice(["int", "int", "string", "vec", "fn", "struct", "make", "print", "loop", "change", "shadow",
                                   "macro", "match"])
        if kind == "int":
            name = self.name("i")
            text = f"let {name}: i64 = {self.integer()} % 100_000;"
            self.names["i64"].append(name)
        elif kind == "string":
            name = self.name("s")
            text = f'let {name} = format!("ä{{}}", {self.integer()});'
            self.names["String"].append(name)
        elif kind == "vec":
            name = self.name("v")
            text = f"let mut {name}: Vec<i64> = (0..{self.random.randint(1, 9)}).map(|x| x * {self.random.randint(1, 9)}).collect();"
            self.names["Vec<i64>"].append(name)
        elif kind == "fn":
            name = self.name("f")
            text = f"fn {name}(x: i64) -> i64 {{\n    // a comment\n    let y = x % {self.random.randint(2, 50)};\n    y * 3 + 1\n}}"
            self.functions.append(name)
        elif kind == "struct":
            name = self.name("S")
            text = (f"#[derive(Debug, Clone, PartialEq)]\nstruct {name} {{ a: i64, b: f32 }}\n"
                    f"impl {name} {{ fn value(&self) -> i64 {{ self.a + self.b as i64 }} }}")
            self.structs.append(name)
        elif kind == "make" and self.structs:
            name = self.name("x")
            text = f"let {name} = {self.random.choice(self.structs)} {{ a: {self.integer()}, b: 1.5 }};"
            self.names["struct"].append(name)
        elif kind == "loop":
            text = f'for i in 0..3 {{ if i == 1 {{ continue; }} print!("{{}} ", i + {self.integer()}); }}\nprintln!();'
        elif kind == "change" and self.names["Vec<i64>"]:
            name = self.random.choice(self.names["Vec<i64>"])
            text = f'{name}.push({self.integer()} % 1000);\n{name}.reverse();\nprintln!("{{:?}}", {name});'
        elif kind == "shadow" and self.names["i64"]:
            name = self.random.choice(self.names["i64"])
            text = f"let {name} = {name} % 1000 + 1; println!(\"{{{name}}}\");"
        elif kind == "macro":
            name = self.name("m")
            text = f"macro_rules! {name} {{ ($x:expr) => {{ $x * 2 }} }}\nprintln!(\"{{}}\", {name}!({self.integer(0)} % 1000));"
        elif kind == "match":
            text = (f"match {self.integer()} % 3 {{\n    0 => println!(\"none\"),\n    n if n > 0 => println!(\"more {{n}}\"),\n"
                    f"    n => println!(\"less {{n}}\"),\n}}")
        else:
            text = f'println!("{{}}", {self.integer()});'
        return text


class Programs(Kernel):
    def test_cells_print_what_a_program_prints(self) -> None:
        generator = Generator(SEED)
        cells = [generator.cell() for _ in range(CELLS)]
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "main.rs")
            source.write_text("#![allow(warnings)]\nfn main() {\n" + "\n".join(cells) + "\n}\n", encoding="utf-8")
            subprocess.run(["rustc", "--edition", "2024", "-o", f"{folder}/main", source], check=True)
            program = subprocess.run([f"{folder}/main"], stdout=subprocess.PIPE, text=True, check=True).stdout
        printed = []
        for number, cell in enumerate(cells, 1):
            reply, messages = self.run_cell(cell)
            self.assertEqual(reply["status"], "ok", (SEED, number, cell, reply.get("traceback")))
            self.assertEqual(self.streams(messages, "stderr"), "", (SEED, number, cell))
            printed.append(self.streams(messages))
        self.assertEqual("".join(printed), program, f"seed {SEED}")


if __name__ == "__main__":
    unittest.main()
