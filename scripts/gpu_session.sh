#!/usr/bin/env bash
# What to run first where a GPU can be used for half an hour: the tests that need one, then a few models in half
# precision. Resumable: a step that is done leaves a mark and is not repeated.
#
#   scripts/gpu_session.sh [FOLDER]       results and marks; default: gpu-session
#
# Needs a Python with PyTorch for CUDA; PYTHON names it (default: .venv/bin/python, else python3).
set -uo pipefail
cd "$(dirname "$0")/.."
folder=$(mkdir -p "${1:-gpu-session}" && cd "${1:-gpu-session}" && pwd) || exit 2
python=${PYTHON:-$([ -x .venv/bin/python ] && echo .venv/bin/python || echo python3)}
export BENCH_STORE="$folder/results" BENCH_CACHE="${BENCH_CACHE:-$folder/cache}" CUDA_DEVICE_ORDER=PCI_BUS_ID
export BENCH_DEVICES="$folder/devices.yaml" PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
models=${MODELS:-b0-cls-r224 b1-cls-r224 l1-cls-r224 b0-seg b1-seg b2-seg b3-seg l1-seg l2-seg segformer-b1 sr-w1.0-ffhq sam-l0}
failed=0

# nvidia-ml-py may be missing there: the probe then asks nvidia-smi.
printf 'devices:\n  gpu: {runtime: torch-cuda, probes: [linux, nvidia]}\n' >"$BENCH_DEVICES"

# step NAME COMMAND...: once, its output in NAME.log; a failure is said and does not stop the others.
step() {
    local name=$1
    shift
    [ -e "$folder/$name.done" ] && { echo "== $name: done before"; return; }
    echo "== $name"
    if "$@" >"$folder/$name.log" 2>&1; then
        touch "$folder/$name.done"
    else
        echo "   failed ($?): $folder/$name.log"
        tail -n 3 "$folder/$name.log"
        failed=1
    fi
}

bench() { "$python" -m latency_bench "$@"; }

"$python" -c 'import torch; assert torch.cuda.is_available(), "PyTorch finds no GPU"; print(torch.cuda.get_device_name())' ||
    { echo "PyTorch with CUDA is needed: set PYTHON"; exit 2; }
step probe bench devices probe gpu
step tests "$python" -m pytest -q -p no:cacheprovider -m gpu tests
for model in $models; do
    step "run-$model-fp16" bench run --device gpu --model "$model" --precision fp16 --streams 2 --protocol quick --quiet
done
for model in b1-seg l1-seg; do
    step "run-$model-graph" bench run --device gpu --model "$model" --precision fp16 --runtime-option cuda_graph=true \
        --streams 2 --protocol quick --quiet
    step "profile-$model" bench profile --device gpu --model "$model" --precision fp16 --chart "$folder/$model.svg"
    step "run-$model-fp32" bench run --device gpu --model "$model" --precision fp32 --protocol quick --quiet
    step "run-$model-pageable" bench run --device gpu --model "$model" --precision fp16 \
        --runtime-option pinned=false --protocol quick --quiet
    step "run-$model-spin" bench run --device gpu --model "$model" --precision fp16 --runtime-option spin=true \
        --protocol quick --quiet
done
bench results ls
exit "$failed"
