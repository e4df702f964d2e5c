"""Feed every parser of what devices and tools print with recorded text that was damaged at random.

    python scripts/fuzz_parsers.py --count 10000000

A parser may refuse (an error of ours), or read what is there; every number that it reads is finite. Anything else is
counted, printed with the seed that repeats it, and ends the program with code 1. A night is a good length.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from latency_bench.devices.checks import general_checks
from latency_bench.devices.errors import DeviceError
from latency_bench.devices.locking import Holder
from latency_bench.devices.numerals import cpu_list
from latency_bench.devices.probes.android import parse_properties, parse_readings, parse_zones
from latency_bench.devices.probes.android_condition import parse_condition
from latency_bench.devices.probes.android_cpus import parse_cores, parse_offline
from latency_bench.devices.probes.base import Probe
from latency_bench.devices.probes.container import ContainerProbe
from latency_bench.devices.probes.jetson import JetsonProbe
from latency_bench.devices.probes.jetson_tegrastats import parse_tegrastats
from latency_bench.devices.probes.linux import LinuxProbe
from latency_bench.devices.probes.nvidia_smi import smi_facts, smi_readings
from latency_bench.devices.runners.benchmark_model_failures import failure_of, start_error
from latency_bench.devices.runners.benchmark_model_flags import parse_flags
from latency_bench.devices.runners.benchmark_model_output import parse_output
from latency_bench.devices.runners.benchmark_model_profile import parse_profile
from latency_bench.devices.runners.trtexec_flags import parse_help
from latency_bench.devices.runners.trtexec_output import parse_log, parse_outputs, parse_times
from latency_bench.devices.runners.worker_checks import python_checks
from latency_bench.devices.runners.worker_round import WorkerRound
from latency_bench.devices.runtimes import worker_runtime
from latency_bench.devices.transports.adb_program import choose, states_of
from latency_bench.devices.transports.adb_wireless import announced_address
from latency_bench.devices.transports.adb_words import shell_error, transfer_error
from latency_bench.devices.transports.base import Completed
from latency_bench.devices.tuning.nvidia import LockedGpuClocks

TESTS = Path(__file__).resolve().parents[1] / "tests" / "devices"
Parser = Callable[[str], Any]

HOSTILE = (
    *("nan", "inf", "-inf", "1e400", "-1", "1_0", "0x", "1.2.3", "٣", "²", "\x00", "\ufffd", "\ud800", "\r\n", "\n\n"),
    *("9" * 25, "9" * 5000, "0-99999999999", "[" * 2000, "count=", "@bench ", "true", "null", '"', "{}", " " * 3000),
)


class Damaged:
    """Text, damaged in one to four places by a generator whose seed repeats it."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def choose(self, texts: Sequence[str]) -> str:
        text = self._random.choice(texts)
        for _ in range(self._random.randint(1, 4)):
            text = self._once(text)
        return text

    def _once(self, text: str) -> str:
        chance = self._random
        start = chance.randint(0, len(text))
        end = min(len(text), start + chance.choice((0, 1, 1, 4, 30, 300)))
        match chance.randrange(6):
            case 0:
                return text[:start] + chance.choice(HOSTILE) + text[end:]
            case 1:
                return text[:start] + text[end:]
            case 2:
                return text[:end] + text[start:end] * chance.choice((1, 2, 50)) + text[end:]
            case 3:
                return text[:start]
            case 4:
                return text[:start] + chr(chance.choice((chance.randrange(128), chance.randrange(0xD800)))) + text[end:]
        lines = text.splitlines(keepends=True)
        chance.shuffle(lines)
        return "".join(lines)


class Answering:
    """A transport on which every file and every command says the same text."""

    name = "answering"
    workdir = "/work"
    load_average_tells = True

    def __init__(self, text: str) -> None:
        self._text = text

    def run(self, argv: Sequence[str], **_: Any) -> Completed:
        return Completed(0, self._text, "")

    def read_text(self, path: str) -> str | None:
        return self._text

    def clock_offset_ns(self) -> int:
        return 0

    def glob(self, pattern: str) -> list[str]:
        return [pattern.replace("*", "0").replace("[0-9]", "1")]


def _probe(probe: Probe) -> Parser:
    def parse(text: str) -> Any:
        return [probe.read(Answering(text)), probe.fingerprint(Answering(text))]  # type: ignore[arg-type]

    return parse


def _worker(text: str) -> Any:
    heard = WorkerRound()
    for line in text.splitlines(keepends=True):
        heard.line(line)
    return [heard.columns("warmup"), heard.columns("sampling")] if heard.is_done else None


def _times(text: str) -> Any:
    times, _, log = text.partition("\n---\n")
    return parse_times(times, parse_log(log))


def _smi(text: str) -> Any:
    device: Any = Answering(text)
    return [smi_facts(device), smi_readings(device), LockedGpuClocks().available(device)]


def _doctor(text: str) -> Any:
    device: Any = Answering(text)
    return [*general_checks(device), *python_checks(device, ("python3",), worker_runtime("onnxruntime"))]


def _adb(text: str) -> Any:
    """What adb says of phones and of what it was to do. An answer is an error to be raised, or a name."""
    said = [transfer_error("phone", text, "adb push failed"), shell_error("phone", text, "cannot make a folder")]
    return [said, announced_address(text, "49281FDJH0"), choose(states_of(text), None)]


def _tool_failed(text: str) -> Any:
    return [failure_of(Completed(1, text, text), "GPU"), start_error("/data/tool", 1, text)]


def targets() -> dict[str, tuple[list[str], Parser]]:
    """Recorded texts and the parser of each, by name."""
    runners = TESTS / "runners" / "data"
    phones = [path.read_text(encoding="utf-8") for path in sorted((TESTS / "android_texts").iterdir())]
    tool = [path.read_text(encoding="utf-8", errors="replace") for path in sorted(runners.iterdir()) if path.is_file()]
    trtexec = {path.name: path.read_text() for path in sorted((runners / "trtexec").iterdir())}
    times = [
        f"{trtexec[f'times_{version}.json']}\n---\n{trtexec[f'measure_{version}.log']}" for version in ("8.2", "10.3")
    ]
    kernel = [
        "16000000\n",
        "MemTotal:  16000000 kB\nMemAvailable:  8000000 kB\n",
        "cpu  100 0 50 1000 7 3 2 40 0 0\ncpu0 1 2 3\n",
        "0.52 0.58 0.59 1/467 12345\n",
        "processor\t: 0\nmodel name\t: Intel(R) Xeon(R)\ncore id\t\t: 0\nflags\t\t: fpu avx2\n\nprocessor\t: 1\n",
        "# R36 (release), REVISION: 4.3, GCID: 1\nNV Power Mode: MAXN\n0\nPOWER_MODEL: ID=0 NAME=MAXN\n",
    ]
    tegrastats = [
        "RAM 534/3964MB (lfb 98x4MB) CPU [16%@204,off,0%@204] EMC_FREQ 0%@204 GR3D_FREQ 0%@76 PLL@34C PMIC@100C "
        "POM_5V_IN 1022/1022 POM_5V_GPU 0/0",
        "RAM 2448/62840MB CPU [0%@2201,0%@2201] GR3D_FREQ 97%@[1300,1295] soc2@37.843C cv0@-256C "
        "VDD_GPU_SOC 4940mW/4940mW VIN_SYS_5V0 4442mW/4442mW",
    ]
    smi = [
        "1410, 1593, 41, 71.50, 97, 0x0000000000000004\n",
        "NVIDIA A100, GPU-1, 550.54.15, 81920, 1410, 400.0, 4, 16\n",
    ]
    doctor = [
        '@python [[3, 11, 7], "2.4.6", ["onnxruntime"]]\n',
        "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sda1 263174212 41237460 208503624 17% /\n",
        "nvidia   tty7   2026-11-28 07:12 (:0)\nlab      pts/0  2026-11-28 09:30 (10.0.0.7)\n",
    ]
    wireless = [
        "List of discovered mdns services\nadb-49281FDJH0-vWgJpq\t_adb-tls-connect._tcp\t192.168.1.30:37123\n",
        "List of devices attached\nadb-49281FDJH0-vWgJpq._adb-tls-connect._tcp\tdevice\n192.168.1.9:5555\toffline\n",
    ]
    groups = [
        "12:memory:/docker/4f\n4:cpu,cpuacct:/docker/4f\n0::/user.slice/run.scope\n",
        "400000000\n",
        "30000 100000\n",
        "nr_periods 60\nnr_throttled 45\nthrottled_usec 3150000\ninactive_file 52428800\n",
    ]
    return {
        "worker": ([(runners / "worker_round.txt").read_text()], _worker),
        "trtexec times": (times, _times),
        "trtexec log": (list(trtexec.values()), parse_log),
        "trtexec help": (list(trtexec.values()), lambda text: parse_help("trtexec", text)),
        "trtexec outputs": (['[{"name": "out", "dimensions": "1x2", "values": [0.5, nan]}]'], parse_outputs),
        "benchmark_model": (tool + phones, parse_output),
        "benchmark_model profile": (tool + phones, parse_profile),
        "benchmark_model flags": (tool, parse_flags),
        "tegrastats": (tegrastats, parse_tegrastats),
        "nvidia-smi": (smi, _smi),
        "linux": (kernel, _probe(LinuxProbe())),
        "jetson": (kernel, _probe(JetsonProbe())),
        "container": (groups, _probe(ContainerProbe())),
        "phone readings": (phones, parse_readings),
        "phone properties": (phones, parse_properties),
        "phone zones": (phones, parse_zones),
        "phone condition": (phones, parse_condition),
        "phone cores": (phones, parse_cores),
        "phone offline cores": (phones, parse_offline),
        "cpu list": (["0-3,6\n"], cpu_list),
        "doctor": (kernel + doctor, _doctor),
        "adb": (phones + wireless, _adb),
        "benchmark_model failures": (tool + phones, _tool_failed),
        "lock holder": ([Holder.here("bench run").line()], Holder.parse),
    }


def numbers(value: Any) -> Iterator[float]:
    """All that a parser made of a text, but for values of output tensors, which are arrays."""
    if isinstance(value, (int, float)):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from numbers(item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from numbers(item)
    elif is_dataclass(value):
        for one in fields(value):
            yield from numbers(getattr(value, one.name))
    elif isinstance(value, BaseModel):
        yield from numbers(value.model_dump())


def not_finite(value: Any) -> Iterator[float]:
    """Numbers in a result that are none, or more than a float can hold, which would end in an exception later."""
    yield from (number for number in numbers(value) if not -1e30 < number < 1e30)


def fuzz(name: str, seeds: Sequence[str], parser: Parser, count: int, first_seed: int = 0) -> Iterator[str]:
    """What went wrong, one line each: the parser, the seed, and what happened."""
    for seed in range(first_seed, first_seed + count):
        text = Damaged(seed).choose(seeds)
        try:
            wrong = list(not_finite(parser(text)))
        except DeviceError:
            continue
        except Exception as error:
            yield f"{name}, seed {seed}: {type(error).__name__}: {str(error)[:200]}"
        else:
            if wrong:
                yield f"{name}, seed {seed}: the number {wrong[0]}"


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("--count", type=int, default=1_000_000, help="damaged texts, those of all parsers together")
    options.add_argument("--only", action="append", choices=targets(), metavar="PARSER", help="one of these alone")
    options.add_argument("--first-seed", type=int, default=0, help="number of the first one, to repeat or to go on")
    asked = options.parse_args()
    parsers = {name: target for name, target in targets().items() if not asked.only or name in asked.only}
    each = math.ceil(asked.count / len(parsers))
    faults = 0
    for name, (seeds, parser) in parsers.items():
        began_s = time.monotonic()
        here = 0
        for fault in fuzz(name, seeds, parser, each, asked.first_seed):
            here += 1
            if here <= 3:
                print(fault)
        faults += here
        print(f"{name}: {each} texts, {here} faults, {time.monotonic() - began_s:.0f} s", flush=True)
    print(f"{each * len(parsers)} texts, {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
