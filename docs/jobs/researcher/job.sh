#!/bin/sh
# An own UNet beside EfficientViT-B1 and SegFormer-B1 on two runtimes: a table for LaTeX, and a figure with its own mIoU.
# docs/jobs/researcher/job.sh [FOLDER]     FOLDER (default: bench-researcher) gets the runs, the table and the figure
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-bench-researcher} extras=litert,onnxruntime,reports
. "$here/../counted.sh"

# SIZE and PROTOCOL make it quicker, or as careful as a paper wants it (PROTOCOL=standard).
size=${SIZE:-1024x2048} protocol=${PROTOCOL:-quick}
# Your network, and what you say of it: its name, its arguments, its input, its mIoU.
cp "$here/unet.py" .
sed "s/1024, 2048/${size%x*}, ${size#*x}/" "$here/specs.yaml" >specs.yaml

bench run --specs specs.yaml --model my-unet --resolution "$size" --protocol "$protocol"
bench sweep --specs specs.yaml --model my-unet --model b1-seg --model segformer-b1 \
    --runtime litert --runtime onnxruntime --resolution "$size" --protocol "$protocol"
bench table --rows model --columns runtime,accuracy,latency,params,macs,n --resolution "$size"
bench table --rows model --columns runtime,accuracy,latency,params,macs,n --resolution "$size" --to table.tex
bench plot latency --runtime onnxruntime --resolution "$size" --to figure.pdf
if [ "$size" != 1024x2048 ]; then
    echo "figure.pdf has my-unet alone: the published mIoU of the others is of 1024x2048, and these runs are of $size" >&2
fi
