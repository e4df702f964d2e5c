#!/usr/bin/env bash
# What to run first where a GPU can be had for ten minutes, on a machine that has nothing but Python, PyTorch with CUDA,
# NumPy and pyarrow, and no network.
#
#   scripts/gpu_session.sh prepare FOLDER      at home, with a network: wheels of what such a machine lacks, and exports
#   scripts/gpu_session.sh run FOLDER TO       there: everything, what is worth most first; results and logs go to TO
#
# Each step is done once: the same command goes on with what is missing, if FOLDER is still there. Each has a time limit,
# and all together BUDGET_S; after each, what there is so far is packed into TO/results.tgz, beside TO/steps.tsv (a line a
# step) and TO/session.log, so that being cut off loses one step at most.
#
# PYTHON        the Python that has PyTorch (default: python3; of `prepare`: .venv/bin/python)
# BUDGET_S      seconds in all (default: 540)
# PYTHON_THERE  version of the other machine's Python, for `prepare` (default: 3.12)
# RUNTIME       torch-cuda; `torch` tries the script on a machine without a GPU
# TESTS         what pytest is to run (default: the tests that want a GPU)
# FIRST, THEN   ids of models: those whose export, graph, ratio and fp32 come first, and the others
set -uo pipefail
cd "$(dirname "$0")/.."
usage() { sed -n '5,6s/^#   //p' "$0" >&2; exit 2; }
[ $# -ge 2 ] || usage
runtime=${RUNTIME:-torch-cuda} budget_s=${BUDGET_S:-540}
# Those files alone: others import what is not there.
tests=${TESTS:--m gpu $(grep -rl --include='test_*.py' 'mark\.gpu' tests)}
first=${FIRST-b1-seg l1-seg}
then=${THEN-b0-cls-r224 b1-cls-r224 l1-cls-r224 b0-seg b2-seg b3-seg l2-seg segformer-b1 sr-w1.0-ffhq sam-l0}
probes='[linux]' streams=()
[ "$runtime" != torch-cuda ] || { probes='[linux, nvidia]' streams=(--streams 2); }
folder=$(mkdir -p "$2" && cd "$2" && pwd) || exit 2
export BENCH_CACHE="$folder/cache" BENCH_STORE="$folder/results" BENCH_DEVICES="$folder/devices.yaml"
export CUDA_DEVICE_ORDER=PCI_BUS_ID

prepare() {
    local python=${PYTHON:-.venv/bin/python} there=${PYTHON_THERE:-3.12}
    # What is large is there.
    "$python" - >"$folder/wanted.txt" <<'WANTED'
import re
import tomllib
from pathlib import Path

LARGE = {"numpy", "pyarrow"}
wanted = tomllib.loads(Path("pyproject.toml").read_text())["project"]["dependencies"]
print("\n".join(one for one in wanted if re.split(r"[^\w-]", one)[0] not in LARGE))
print("nvidia-ml-py\ncuda-bindings<13\npytest\npytest-timeout\nhypothesis")
WANTED
    "$python" -m pip download -q -r "$folder/wanted.txt" -d "$folder/wheels" --only-binary :all: \
        --python-version "$there" --implementation cp --platform manylinux_2_28_x86_64 \
        --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 --platform manylinux_2_12_x86_64 \
        --platform manylinux2010_x86_64 --platform manylinux1_x86_64 || exit 1
    # Somebody wants NumPy, and the one that is there is the one that PyTorch goes with.
    rm -f "$folder/wanted.txt" "$folder"/wheels/numpy-*
    for model in $first; do export_of "$python" "$model" || exit 1; done
    du -sh "$folder"
}

# A file that another release of PyTorch exported may not load; it is then exported again, there.
export_of() {
    "$1" -m latency_bench export --model "$2" --format pt2 --precision fp16 >/dev/null 2>>"$folder/export.log"
}

run() {
    local to
    to=$(mkdir -p "$1" && cd "$1" && pwd) || exit 2
    python=${PYTHON:-python3} began_s=$SECONDS failed=0 left=0 steps="$to/steps.tsv" packed="$to/results.tgz"
    exec > >(tee -a "$to/session.log") 2>&1
    mkdir -p "$folder/done" "$folder/logs" "$folder/site"
    for wheel in "$folder"/wheels/*.whl; do
        [ ! -e "$wheel" ] || "$python" -m zipfile -e "$wheel" "$folder/site" || exit 2
    done
    export PYTHONPATH="$PWD:$folder/site"
    # nvidia-ml-py may be missing: the probe then asks nvidia-smi.
    printf 'devices:\n  gpu: {runtime: %s, probes: %s}\n' "$runtime" "$probes" >"$BENCH_DEVICES"
    "$python" -c "
import sys, torch, numpy, pyarrow, scipy, ruptures, pydantic, click, rich, yaml, psutil, filelock, latency_bench
assert '$runtime' != 'torch-cuda' or torch.cuda.is_available(), 'PyTorch finds no GPU'
print('Python', sys.version.split()[0], 'torch', torch.__version__, 'numpy', numpy.__version__)
print(torch.cuda.get_device_name() if torch.cuda.is_available() else 'no GPU')
" || { echo "these imports have to work first; set PYTHON, or carry what is missing (prepare)"; exit 2; }

    # While the tests use the GPU and measure nothing, the processor exports.
    local exports=()
    for model in $first; do
        export_of "$python" "$model" &
        exports+=($!)
    done
    step probe 60 bench devices probe gpu
    # shellcheck disable=SC2086  # several words
    step tests 180 "$python" -m pytest -q -W ignore -p no:cacheprovider $tests
    # By number: a bare `wait` would wait for the log, too.
    [ ${#exports[@]} = 0 ] || wait "${exports[@]}"
    for model in $first; do
        measure "$model-fp16" 60 --model "$model" --precision fp16 "${streams[@]}"
    done
    for model in $first; do
        [ "$runtime" != torch-cuda ] || measure "$model-graph" 60 --model "$model" --precision fp16 --runtime-option cuda_graph=true
    done
    for model in $first; do
        step "pair-$model" 120 bench pair "$model-softmax" "$model" --device gpu --precision fp16 --max-minutes 1 --quiet
    done
    for model in $first; do
        measure "$model-fp32" 60 --model "$model" --precision fp32
    done
    for model in $then; do
        measure "$model-fp16" 60 --model "$model" --precision fp16 "${streams[@]}"
    done
    for model in $first; do
        step "profile-$model" 60 bench profile --device gpu --model "$model" --precision fp16
        [ "$runtime" != torch-cuda ] || {
            measure "$model-pageable" 60 --model "$model" --precision fp16 --runtime-option pinned=false
            measure "$model-spin" 60 --model "$model" --precision fp16 --runtime-option spin=true
        }
    done
    echo "== $(ls "$folder/done" | wc -l) steps done, $failed failed, $left without time, in $((SECONDS - began_s)) s"
    [ "$failed" = 0 ] && [ "$left" = 0 ]
}

measure() {
    local name=$1 limit_s=$2
    shift 2
    step "$name" "$limit_s" bench run --device gpu --protocol quick --quiet "$@"
}

# step NAME LIMIT_S COMMAND...: once, its output in a log; what failed is said and does not stop the others.
step() {
    local name=$1 limit_s=$2 began=$SECONDS rest_s=$((budget_s - (SECONDS - began_s))) code
    shift 2
    [ ! -e "$folder/done/$name" ] || { echo "== $name: done before"; return; }
    [ "$rest_s" -ge 10 ] || { left=$((left + 1)); echo "== $name: no time left"; printf '%s\tno time left\t0\n' "$name" >>"$steps"; return; }
    [ "$1" != bench ] || { shift; set -- "$python" -m latency_bench "$@"; }
    echo "== $name"
    timeout -k 10 "$((limit_s < rest_s ? limit_s : rest_s))" "$@" >"$folder/logs/$name.log" 2>&1
    code=$?
    if [ "$code" = 0 ]; then
        touch "$folder/done/$name"
    else
        failed=$((failed + 1))
        echo "   failed ($code):"
        tail -n 4 "$folder/logs/$name.log"
    fi
    printf '%s\t%s\t%s\n' "$name" "$code" "$((SECONDS - began))" >>"$steps"
    # Replaced as a whole: whoever fetches it in between has the last one.
    tar -czf "$packed.partial" -C "$folder" --ignore-failed-read logs $([ ! -d "$BENCH_STORE" ] || echo results) &&
        mv "$packed.partial" "$packed"
}

case $1 in
prepare) prepare ;;
run) [ $# = 3 ] || usage; run "$3" ;;
*) usage ;;
esac
