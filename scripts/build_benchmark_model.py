"""TFLite's benchmark_model for this machine, from Debian's packages alone, in one or two minutes.

    python scripts/build_benchmark_model.py FOLDER

Debian ships TensorFlow Lite 2.14.1 (suite sid) as a library, without its tools and without XNNPACK. The tool and the
XNNPACK delegate are compiled here from Debian's own source archive, and linked to that library and to Debian's XNNPACK.
The result, FOLDER/benchmark_model, is a real tool for the tests and for a Linux board that is measured on itself. It
loads its libraries from FOLDER/root, so it stays where it was built; for a phone, get the build for android_arm64.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from debian_build import BuildError, libraries_of, link_flags, main
from debian_packages import DebianSuite

SUITE = "sid"
SOURCE, VERSION = "tensorflow", "2.14.1+dfsg-3.1"
SOURCE_SHA256 = "9dfff0627def4e999f66a80d0fb57fd0651d12d525dcd67d6c24f1e9bca72b93"
PACKAGES = (
    "libtensorflow-lite-dev",
    "libxnnpack-dev",
    "libabsl-dev",
    "libeigen3-dev",
    "libfp16-dev",
    "libgemmlowp-dev",
    "libpthreadpool-dev",
    "libruy-dev",
)
_LITE = "tensorflow/lite"
SOURCES = (
    "tensorflow/tsl/util/stats_calculator.cc",
    *(
        f"{_LITE}/{name}.cc"
        for name in (
            "core/acceleration/configuration/c/xnnpack_plugin",
            "delegates/xnnpack/quantization_util",
            "delegates/xnnpack/xnnpack_delegate",
            "kernels/internal/utils/sparsity_format_converter",
            "profiling/memory_info",
            "profiling/memory_usage_monitor",
            "profiling/profile_buffer",
            "profiling/profile_summarizer",
            "profiling/profile_summary_formatter",
            "profiling/time",
            "tools/benchmark/benchmark_main",
            "tools/benchmark/benchmark_model",
            "tools/benchmark/benchmark_tflite_model",
            "tools/benchmark/benchmark_utils",
            "tools/benchmark/profiling_listener",
            "tools/benchmark/register_custom_op",
            "tools/command_line_flags",
            "tools/delegates/default_execution_provider",
            "tools/delegates/delegate_provider",
            "tools/delegates/xnnpack_delegate_provider",
            "tools/evaluation/utils",
            "tools/model_loader",
            "tools/tool_params",
            "tools/utils",
        )
    ),
)


def build(folder: Path) -> Path:
    """The tool in `folder`, built if it is not there. Raises BuildError, CannotFetchError."""
    folder = folder.absolute()
    if (folder / "benchmark_model").exists():
        return folder / "benchmark_model"
    for program in ("g++", "tar", "xz"):
        if shutil.which(program) is None:
            raise BuildError(f"needs {program}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        work = Path(temporary)
        suite = DebianSuite(SUITE, work / "apt")
        suite.unpack(PACKAGES, work / "done/root")
        _unpack_sources(suite.source_archive(SOURCE, VERSION), work)
        _link(_compile(work), work, folder)
        # Renamed last: a folder of this name is whole.
        (work / "done").rename(folder)
    return folder / "benchmark_model"


def _unpack_sources(archive: Path, work: Path) -> None:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != SOURCE_SHA256:
        raise BuildError(f"{archive.name} has the SHA-256 {digest}, not the known one")
    source = work / "source"
    (source / "third_party").mkdir(parents=True)
    patterns = [
        f"*/{folder}/*.{kind}" for folder in (_LITE, "tensorflow/tsl", "tensorflow/core/util") for kind in ("h", "cc")
    ]
    command = ["tar", "-xJf", str(archive), "-C", str(source), "--strip-components=1", "--wildcards", *patterns]
    subprocess.run(command, check=True)
    # TensorFlow's own name for a package of Debian.
    (source / "third_party/eigen3").symlink_to(work / "done/root/usr/include/eigen3")


def _compile(work: Path) -> list[Path]:
    include = work / "done/root/usr/include"
    flags = ["-std=c++17", "-O1", "-w", f"-I{work / 'source'}"]
    flags += [word for path in (include, include / "eigen3", include / "gemmlowp") for word in ("-isystem", str(path))]

    def compile_one(name: str) -> Path:
        target = work / f"{name.replace('/', '_')}.o"
        command = ["g++", *flags, "-c", str(work / "source" / name), "-o", str(target)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            errors = [line for line in done.stderr.splitlines() if "error" in line] or ["g++ printed no error"]
            raise BuildError(f"{name} does not compile: {errors[0][:300]}")
        return target

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(compile_one, SOURCES))


def _link(objects: list[Path], work: Path, folder: Path) -> None:
    libraries = libraries_of(work / "done/root")
    final = folder / libraries.relative_to(work / "done")
    abseil = sorted(f"-l{path.stem[3:]}" for path in libraries.glob("libabsl_*.so") if "test" not in path.stem)
    command = ["g++", *map(str, objects), "-o", str(work / "done/benchmark_model"), *link_flags(libraries, final)]
    command += ["-ltensorflow-lite", "-lXNNPACK", "-Wl,--as-needed", "-lpthreadpool", *abseil, "-pthread"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BuildError(f"the tool does not link: {done.stderr.strip()[-300:]}")


if __name__ == "__main__":
    sys.exit(main(build, "benchmark_model", __doc__))
