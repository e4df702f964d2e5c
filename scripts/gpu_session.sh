#!/usr/bin/env bash
# What to run first where a GPU can be had for ten minutes, on a machine without a net that has Python, PyTorch with CUDA,
# numpy and pandas, and nothing else. Resumable: a step that is done leaves a mark and is not repeated.
#
#   scripts/gpu_session.sh prepare [FOLDER]      where packages can be fetched: wheels of what is missing there
#   scripts/gpu_session.sh run [FOLDER] [OUT]    on the machine with the GPU: steps by worth, OUT packed after each
#
# FOLDER: gpu-session by default; carry it with the repository. OUT: FOLDER/out; never more than four files.
# PYTHON: the one with PyTorch (default: .venv/bin/python, else python3). DEADLINE_S: for all steps together (540).
# PREPARE_PYTHON_VERSION: of the machine with the GPU (3.12). HAVE: packages that it has, which are not carried.
# RUNTIME: torch-cuda; `torch` tries the script itself out on a processor. MODELS: the models of the last steps.
set -uo pipefail
cd "$(dirname "$0")/.."
mode=${1:-}
folder=$(mkdir -p "${2:-gpu-session}" && cd "${2:-gpu-session}" && pwd) || exit 2
python=${PYTHON:-$([ -x .venv/bin/python ] && echo .venv/bin/python || echo python3)}

# What bench and its tests for a GPU import, beyond what is there.
packages="click filelock packaging psutil pyarrow pydantic pydantic-core annotated-types typing-inspection
    typing-extensions pyyaml rich markdown-it-py mdurl pygments ruptures scipy cuda-bindings cuda-pathfinder nvidia-ml-py
    pytest pytest-timeout pluggy iniconfig hypothesis sortedcontainers attrs"

prepare() {
    local version=${PREPARE_PYTHON_VERSION:-3.12} platform wanted=() name
    rm -rf "$folder/wheels"
    for name in $packages; do
        case " ${HAVE:-} " in *" $name "*) ;; *) wanted+=("$name") ;; esac
    done
    local platforms=()
    for platform in 2_34 2_31 2_28 2_27 2_24 2_17 2_12 2_5; do platforms+=(--platform "manylinux_${platform}_x86_64"); done
    platforms+=(--platform manylinux2014_x86_64)
    "$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
        --python-version "$version" --implementation cp "${platforms[@]}" \
        -c constraints.txt -d "$folder/wheels" "${wanted[@]}" || exit 1
    echo "$(ls "$folder/wheels" | wc -l) wheels, $(du -sm "$folder/wheels" | cut -f1) MiB, in $folder/wheels"
    find "$folder/wheels" -size +8M -printf '%s %f\n' | awk '{printf "  %.0f MiB: %s (leave it out with HAVE, if it is there)\n", $1 / 1048576, $2}'
}

# step SECONDS NAME COMMAND...: once, its output in logs/NAME.log; a failure is said and does not stop the others.
step() {
    local limit_s=$1 name=$2 left_s=$((DEADLINE_AT - SECONDS)) code=0
    shift 2
    [ -e "$folder/marks/$name" ] && { say "$name: done before"; return 0; }
    [ "$left_s" -lt 15 ] && { say "$name: not begun, no time left"; return 1; }
    [ "$limit_s" -gt "$left_s" ] && limit_s=$left_s
    local began=$SECONDS
    timeout --kill-after=10 "$limit_s" "$@" >"$folder/logs/$name.log" 2>&1 || code=$?
    if [ "$code" -eq 0 ]; then
        touch "$folder/marks/$name"
        say "$name: done, $((SECONDS - began)) s"
    else
        say "$name: failed ($code), $((SECONDS - began)) s: $(tail -n 1 "$folder/logs/$name.log" | cut -c1-200)"
        failed=1
    fi
    pack
    return "$code"
}

say() { echo "$1" | tee -a "$folder/summary.txt"; }

pack() {
    tar -C "$folder" -czf "$out/.new" results 2>/dev/null && mv -f "$out/.new" "$out/results.tar.gz"
    tar -C "$folder" -czf "$out/.new" logs && mv -f "$out/.new" "$out/logs.tar.gz"
    cp "$folder/summary.txt" "$out/summary.txt"
}

# Wheels of packages that are missing.
INSTALL=$(
    cat <<'PROGRAM'
import importlib.metadata, pathlib, sys, zipfile

wheels, site = map(pathlib.Path, sys.argv[1:])
found = sorted(wheels.glob("*.whl"))
if not found:
    sys.exit(f"no wheels in {wheels}: scripts/gpu_session.sh prepare brings them")
for wheel in found:
    name, version = wheel.name.split("-")[:2]
    try:
        there = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        there = None
    # Two halves of one thing have to be of one release.
    if there is None or name in ("pydantic", "pydantic_core"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    print(name, version if there is None else f"{there} is there")
PROGRAM
)

bench() { "$python" -m latency_bench "$@"; }

measure() {
    local name=$1 seconds=$2
    shift 2
    step "$seconds" "$name" "$python" -m latency_bench run --device gpu --protocol quick --quiet "$@"
}

run() {
    out=$(mkdir -p "${3:-$folder/out}" && cd "${3:-$folder/out}" && pwd) || exit 2
    runtime=${RUNTIME:-torch-cuda}
    DEADLINE_AT=$((SECONDS + ${DEADLINE_S:-540})) failed=0
    mkdir -p "$folder"/{logs,marks,results,site}
    touch "$folder/summary.txt"
    export BENCH_STORE="$folder/results" BENCH_CACHE="${BENCH_CACHE:-$folder/cache}" BENCH_DEVICES="$folder/devices.yaml"
    export PYTHONPATH="$PWD:$folder/site${PYTHONPATH:+:$PYTHONPATH}" PYTHONDONTWRITEBYTECODE=1
    local probes=nvidia half=(--precision fp16) libraries=real model
    # A trial on a processor has no GPU to probe, and of the libraries only cuda-python goes with a stand-in driver.
    [ "$runtime" = torch ] && { probes=container half=(--precision fp32) libraries=cuda-python; }
    local models=${MODELS-b0-seg b2-seg b3-seg l2-seg b1-cls-r224 l1-cls-r224 segformer-b1 sam-l0}
    local first=${FIRST-b1-seg l1-seg} sizes=${SIZES:-}

    step 60 install "$python" -c "$INSTALL" "$folder/wheels" "$folder/site" || {
        cat "$folder/logs/install.log"
        exit 2
    }
    step 60 imports "$python" -c "import torch, latency_bench.harness.cli.main, click, pydantic, pyarrow, scipy, rich
assert '$runtime' == 'torch' or torch.cuda.is_available(), 'PyTorch finds no GPU'
print(torch.__version__, torch.version.cuda, torch.cuda.is_available() and torch.cuda.get_device_name())" || {
        cat "$folder/logs/imports.log"
        exit 2
    }
    printf 'devices:\n  gpu: {runtime: %s, probes: [linux, %s]}\n' "$runtime" "$probes" >"$BENCH_DEVICES"
    step 30 probe "$python" -m latency_bench devices probe gpu
    step 90 contract "$python" -m pytest -q -p no:cacheprovider -m gpu -k "$libraries" tests/devices/worker/test_worker_memory.py
    # Before anything is measured, so that a step's time is that of measuring.
    for model in $first; do
        step 60 "export-$model" "$python" -m latency_bench export --model "$model" --format pt2 "${half[@]}" $sizes
    done
    for model in $first; do measure "run-$model-half" 60 --model "$model" "${half[@]}" --streams "${STREAMS:-2}" $sizes; done
    for model in $first; do
        [ "$runtime" = torch ] || measure "run-$model-graph" 60 --model "$model" "${half[@]}" --runtime-option cuda_graph=true $sizes
    done
    for model in ${PAIRS-b1-seg}; do
        step 90 "pair-$model" "$python" -m latency_bench pair "$model-softmax" "$model" --device gpu --within 3% \
            --max-minutes 1 --quiet "${half[@]}" $sizes
    done
    for model in $first; do measure "run-$model-fp32" 60 --model "$model" --precision fp32 $sizes; done
    [ "$runtime" = torch ] || step 120 tests "$python" -m pytest -q -p no:cacheprovider -m gpu tests/devices tests/harness
    for model in $models; do measure "run-$model-half" 45 --model "$model" "${half[@]}" $sizes; done
    for model in $first; do
        step 45 "profile-$model" "$python" -m latency_bench profile --device gpu --model "$model" "${half[@]}" $sizes
        [ "$runtime" = torch ] && continue
        measure "run-$model-pageable" 45 --model "$model" "${half[@]}" --runtime-option pinned=false
        measure "run-$model-spin" 45 --model "$model" "${half[@]}" --runtime-option spin=true
    done
    bench results ls
    pack
    exit "$failed"
}

case $mode in
prepare) prepare ;;
run) run "$@" ;;
*)
    sed -n '2,14s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
