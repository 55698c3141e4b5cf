// node in_node.mjs COMPUTE_JS PROGRAM CASES EMBEDDINGS WIDTH
//
// What the program computes in WebAssembly: for each case of pictures the SHA-256 of its bytes, for each case of
// losses, of the coupling or of the circle its numbers, for each row of views both.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { runInThisContext } from "node:vm";

const [script, program, cases, embeddings, width] = process.argv.slice(2);
runInThisContext(readFileSync(script, "utf8"));
const compute = await twoviews.Compute.open(readFileSync(program));
const { pictures, rows, losses, couplings, circles } = JSON.parse(readFileSync(cases, "utf8"));
const begin = performance.now();
const hash = (bytes) => createHash("sha256").update(bytes).digest("hex");
const hashes = pictures.map((values) => hash(compute.call("two_views", ...values).bytes()));
const milliseconds = (performance.now() - begin) / pictures.length;
const ofRows = rows.map((values) => {
  const { bytes, numbers } = { bytes: compute.call("strengths", ...values).bytes(), numbers: [...compute.numbers()] };
  return { hash: hash(bytes), numbers };
});
compute.give(readFileSync(embeddings));
compute.call("load_embeddings", Number(width));
const times = {};
const timed = (name, work) => {
  const begin = process.cpuUsage();
  const found = work();
  const { user, system } = process.cpuUsage(begin);
  times[name] = Math.max(times[name] ?? 0, (user + system) / 1000);
  return found;
};
const numbers = losses.map(([n, temperature]) => {
  timed("batch size", () => compute.call("resize_batch", n));
  const found = timed("temperature", () => {
    compute.call("batch_picture", temperature);
    return [...compute.call("batch_numbers", temperature).numbers()];
  });
  return found;
});
compute.call("load_coupling", Number(width));
const ofCouplings = couplings.map(([n, temperature]) => {
  compute.call("deal_coupling", n);
  return timed("coupling", () => [...compute.call("coupling_numbers", temperature).numbers()]);
});
const onCircle = circles.map((values) => [...compute.call("circle", ...values).numbers()]);
let refused = "";
try { compute.call("resize_batch", 1); } catch (error) { refused = error.message; }
console.log(JSON.stringify({ hashes, ofRows, numbers, ofCouplings, onCircle, refused, milliseconds, times }));
