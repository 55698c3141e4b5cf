"""What the kernel knows about types: test_types.py

rust-analyzer reads only what a cell can meet of the crates; here cells meet it.
"""

import json
import os
import unittest

from support import LOAD, Kernel

#: Variables whose types nothing but rust-analyzer knows.
TYPED = """
let config = SimCLRConfig::default();
let tensor = Tensor::from_slice(&[1.0f32, 2.0]);
let size = tensor.size();
let kind = tensor.kind();
let matrix = twoviews::ndarray::Array2::<f32>::eye(2);
let product = matrix.dot(&matrix.t());
let sums = product.rows().into_iter().map(|row| row.sum()).collect::<Vec<_>>();
let colour = twoviews::plotters::style::RED;
let counts = std::collections::HashMap::from([(1, 2.5)]);
let keys = counts.keys().copied().collect::<Vec<_>>();
let joined = std::thread::spawn(|| 3).join().unwrap();
let elapsed = std::time::Instant::now().elapsed();
let mean = tensor.mean(twoviews::tch::Kind::Float).double_value(&[]);
"""


class Types(Kernel):
    def test_all_that_a_cell_meets_is_known(self) -> None:
        for code in (LOAD, TYPED):
            reply, _ = self.run_cell(code)
            self.assertEqual(reply["status"], "ok", reply)
        reply, messages = self.run_cell('println!("{size:?} {kind:?} {sums:?} {keys:?} {joined} {mean}");')
        self.assertEqual(reply["status"], "ok", reply)
        self.assertEqual(self.streams(messages, "stdout"), "[2] Float [1.0, 1.0] [1] 3 1.5\n")

    def test_cells_see_the_readers_cargo(self) -> None:
        for name in ("CARGO_HOME", "PATH"):
            _, messages = self.run_cell(f'println!("{{:?}}", std::env::var("{name}").ok());')
            expected = os.environ.get(name)
            shown = "None" if expected is None else f"Some({json.dumps(expected)})"
            self.assertEqual(self.streams(messages, "stdout"), shown + "\n")


if __name__ == "__main__":
    unittest.main()
