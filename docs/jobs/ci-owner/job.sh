#!/bin/sh
# What a CI job does: the released model is kept as the baseline, and a change is held against it.
# docs/jobs/ci-owner/job.sh [FOLDER]     FOLDER (default: bench-ci) gets the baseline, the answer for CI, and the runs
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-bench-ci} extras=onnxruntime
. "$here/../counted.sh"

# SIZE and MINUTES make it quicker.
size=${SIZE:-224} minutes=${MINUTES:-5}

# Stands for the build of the main branch, whose model.onnx your own script writes.
bench export --model b0-cls-r224 --resolution "$size" --format onnx --to model.onnx
bench baseline keep main model.onnx --threads 1 --to baselines

# Stands for the build of a change: here it changes nothing, so that the answer is not `worse`.
cp model.onnx candidate.onnx
bench gate --against main --baselines baselines --candidate candidate.onnx \
    --max-minutes "$minutes" --junit gate.xml --markdown gate.md
