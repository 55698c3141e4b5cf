#!/bin/sh
# Does the small encoder learn here what it learns with nidl? Five seeds of each method on both sides:
#     benches/learning/run.sh DIR_WITH_BINARY_BATCHES
# Takes an hour and a half of one core. Needs `cargo xtask setup` and the environment that
# `cargo xtask bench --reference` makes. Prints a table; target/bench/learning.jsonl keeps every run.
set -eu
cd "$(dirname "$0")/../.."
data=$(realpath "$1")
results=target/bench/learning.jsonl
mkdir -p target/bench
program=$(cargo build --quiet --release --bench learning --message-format json |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')
# Words are split at spaces below, and the folder's path may have some.
program=${program#"$PWD"/}
# Asked first: with the variable below, nproc says 1.
jobs=$(nproc)
export OMP_NUM_THREADS=1
for seed in 0 1 2 3 4; do
    for method in simclr dcl; do
        echo ".reference/bin/python benches/learning/reference.py $data $method $seed"
        echo "$program $data $method $seed"
    done
done | xargs -P "$jobs" -I{} sh -c '{}' > "$results"
.reference/bin/python benches/learning/table.py "$results"
