#!/bin/sh
# Four models of timm on one and two threads, in fp32 and int8: which is quickest, why, how much memory each takes, and a
# file for a colleague.
# docs/jobs/engineer/job.sh [FOLDER]     FOLDER (default: bench-engineer) gets the runs and the file
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-bench-engineer} extras=onnxruntime,zoo
. "$here/../counted.sh"

# SIZE makes it quicker; PROTOCOL=standard measures several rounds of each, in fresh processes.
size=${SIZE:-224} protocol=${PROTOCOL:-quick}

bench run --model timm:mobilenetv3_small_100 --runtime onnxruntime --resolution "$size" --protocol "$protocol"
bench sweep --model timm:mobilenetv3_small_100 --model timm:mobilenetv4_conv_small \
    --model timm:fastvit_t8 --model timm:repvit_m0_9 --runtime onnxruntime --threads 1 --threads 2 \
    --precision fp32 --precision int8 --resolution "$size" --protocol "$protocol"
bench results ls --columns model,threads,precision,latency,peak_rss,file_size,energy,macs,n --sort latency
bench profile --model timm:fastvit_t8 --runtime onnxruntime --resolution "$size" --by-operator
bench results archive --to for-a-colleague.tar.gz
