#!/bin/sh
# What lesson 00 reaches on Shapes10, on seeds that nothing was tuned on, and whether the right view cures the
# shortcut: benches/learning/shapes10/report.sh
# Takes half an hour of one core. Needs `cargo xtask setup`. Prints a table; target/bench/shapes10.jsonl keeps every run.
set -eu
cd "$(dirname "$0")/../../.."
results=target/bench/shapes10.jsonl
mkdir -p target/bench
program=$(cargo build --quiet --release --bench shapes10 --message-format json |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')
: > "$results"
for seed in 301 302 303 304 305; do
    for method in simclr dcl; do
        "$program" method=$method seed=$seed >> "$results"
    done
    # As many steps with the probe's labels.
    "$program" method=supervised seed=$seed epochs=7 >> "$results"
done
for seed in 301 302 303; do
    "$program" palette=vivid seed=$seed >> "$results"
    "$program" palette=vivid gray=1 seed=$seed >> "$results"
done
python3 benches/learning/shapes10/table.py "$results"
