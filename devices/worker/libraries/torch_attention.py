"""Which kernel PyTorch's fused attention operator (scaled_dot_product_attention) may use."""

from typing import Any

AUTO = "auto"
KERNELS = ("flash", "efficient", "math")


def force_kernel(torch: Any, kernel: str) -> None:
    """Leave PyTorch one kernel to choose from, for the whole process; `auto` leaves all. An operator that this kernel
    cannot compute (a processor has no `efficient` one) then fails in the first request instead of taking another."""
    if kernel == AUTO:
        return
    switches = torch.backends.cuda  # for the processor's kernels too, in spite of the name
    switches.enable_flash_sdp(kernel == "flash")
    switches.enable_mem_efficient_sdp(kernel == "efficient")
    switches.enable_math_sdp(kernel == "math")
    if hasattr(switches, "enable_cudnn_sdp"):  # since PyTorch 2.5
        switches.enable_cudnn_sdp(False)
