#!/usr/bin/env bash
# Both methods at batch 32, 128 and 256 for 100 epochs on one GPU, then nidl's on the same one.
#
#   benches/gpu.sh DIR_WITH_CIFAR10 [OUT]
#
# Needs an NVIDIA GPU and the full PyTorch, which `cargo xtask setup` brings where it sees one, and
# .reference, which `cargo xtask bench --reference` makes. Writes one JSON line a run to OUT/results.jsonl
# (accuracy, seconds, images a second) and the GPU's use, second by second, to OUT/*.gpu.csv.
# As a whole it has not been run yet; RESULTS.md has a part of it, measured with these programs.
set -euo pipefail
cd "$(dirname "$0")/.."
data=$(realpath "${1:?usage: benches/gpu.sh DIR_WITH_CIFAR10 [OUT]}")
out=${2:-target/gpu}
epochs=${EPOCHS:-100}
workers=${WORKERS:-$(nproc)}
mkdir -p "$out"
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv | tee "$out/gpu.txt"
cargo build --release --example train

# run NAME COMMAND...: the command's last line, with its name, and what the GPU did meanwhile
run() {
    local name=$1
    shift
    nvidia-smi --query-gpu=utilization.gpu,memory.used --format=csv,noheader --loop=1 \
        > "$out/$name.gpu.csv" &
    local watcher=$!
    local line
    line=$("$@" | tail -n 1)
    kill "$watcher"
    printf '{"run": "%s", "result": %s}\n' "$name" "$line" | tee -a "$out/results.jsonl"
}

for method in simclr dcl; do
    for batch in 32 128 256; do
        for precision in f32 bf16; do
            flags=()
            [ "$precision" = bf16 ] && flags=(--bf16)
            run "twoviews-$method-$batch-$precision" \
                target/release/examples/train --method "$method" --batch-size "$batch" \
                --epochs "$epochs" --workers "$workers" --data "$data" \
                --out "$out/$method-$batch-$precision" --json "${flags[@]}"
        done
        run "nidl-$method-$batch" .reference/bin/python benches/reference/train.py "$method" "$batch" \
            --epochs "$epochs" --workers "$workers" --data "$data"
    done
done
