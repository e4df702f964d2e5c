"""The Jetson probe on recorded lines and files: clocks, temperatures, rails, and which of them were summed."""

from __future__ import annotations

import fnmatch
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from latency_bench.devices.errors import DeviceError
from latency_bench.devices.probes import jetson
from latency_bench.devices.probes.jetson import JetsonProbe
from latency_bench.devices.probes.jetson_rails import read_rails, with_total
from latency_bench.devices.probes.jetson_tegrastats import parse_tegrastats
from latency_bench.devices.transports.base import Completed, Transport

NANO = (
    "RAM 534/3964MB (lfb 98x4MB) SWAP 5/1982MB (cached 1MB) IRAM 0/252kB(lfb 252kB) CPU [16%@204,9%@204,off,0%@204] "
    "EMC_FREQ 0%@204 GR3D_FREQ 0%@76 APE 25 PLL@34C CPU@36.5C PMIC@100C GPU@36C AO@39.5C thermal@36.25C "
    "POM_5V_IN 1022/1022 POM_5V_GPU 0/0 POM_5V_CPU 204/204"
)
ORIN = (
    "11-22-2026 10:00:00 RAM 2448/62840MB (lfb 2x4MB) SWAP 0/31420MB (cached 0MB) CPU [0%@2201,0%@2201] "
    "GR3D_FREQ 97%@[1300,1295] cpu@42C soc2@37.843C tj@42C cv0@-256C VDD_GPU_SOC 4940mW/4940mW "
    "VDD_CPU_CV 988mW/988mW VIN_SYS_5V0 4442mW/4442mW"
)


class Recorded(Transport):
    """Files and commands by name; what is not there is not there."""

    name = "recorded"
    workdir = "/work"

    def __init__(self, files: dict[str, str], commands: dict[str, str]) -> None:
        self.files, self.commands = files, commands
        self.ran: list[list[str]] = []

    def run(self, argv: Sequence[str], *, on_stdout: Any = None, **limits: Any) -> Completed:
        self.ran.append(list(argv))
        words = list(argv)[2:] if argv[0] == "sudo" else list(argv)
        text = self.commands.get(" ".join(words), self.commands.get(words[0]))
        if text is None:
            raise DeviceError(f"cannot start {words[0]!r}")
        for line in text.splitlines(keepends=True) if on_stdout else ():
            on_stdout(line)
        return Completed(0, "" if on_stdout else text, "")

    def push(self, local: Path, name: str) -> str:
        raise NotImplementedError

    def pull(self, remote: str, local: Path, most_bytes: int = 0) -> None:
        raise NotImplementedError

    def read_text(self, path: str) -> str | None:
        return self.files.get(path)

    def glob(self, pattern: str) -> list[str]:
        return sorted(path for path in self.files if fnmatch.fnmatch(path, pattern))

    def close(self) -> None:
        pass


def _values(line: str) -> dict[tuple[str, str], float]:
    return {(one.source, one.quantity): one.value for one in parse_tegrastats(line)}


def test_a_line_of_a_nano():
    values = _values(NANO)
    assert values["cpu0", "frequency"] == 204
    assert ("cpu2", "frequency") not in values, "a core that is off has no clock"
    assert values["cpu3", "load"] == 0
    assert (values["gpu0", "load"], values["gpu0", "frequency"]) == (0, 76)
    assert values["GPU", "temperature"] == 36
    assert ("PMIC", "temperature") not in values, "it has no sensor and always says 100"
    assert values["POM_5V_IN", "power"] == pytest.approx(1.022)
    assert values["POM_5V_IN", "power_total"] == pytest.approx(1.022), "the input is the whole"
    assert values["system", "memory_available"] == (3964 - 534) << 20


def test_a_line_of_an_orin():
    values = _values(ORIN)
    assert (values["gpu0", "load"], values["gpu0", "frequency"]) == (97, 1300)
    assert ("cv0", "temperature") not in values, "a part that is switched off says -256"
    total = {source: value for (source, quantity), value in values.items() if quantity == "power_total"}
    assert total == {"VDD_CPU_CV+VDD_GPU_SOC+VIN_SYS_5V0": pytest.approx(10.37)}


@pytest.mark.parametrize("line", ["", "tegrastats: command needs root", "RAM x/yMB CPU [] GR3D_FREQ", "\x00\xff"])
def test_a_line_that_is_none_gives_nothing(line):
    assert parse_tegrastats(line) == []


def test_a_load_without_a_clock():
    assert ("gpu0", "frequency") not in _values("GR3D_FREQ 5% cpu@40C")
    assert _values("GR3D_FREQ 5% cpu@40C")["gpu0", "load"] == 5


def test_without_rails_there_is_no_power():
    assert with_total({}) == []


def test_rails_by_sysfs_of_both_generations():
    hwmon = "/sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3"
    orin = {
        f"{hwmon}/in1_label": "VDD_GPU_SOC\n", f"{hwmon}/in1_input": "19760\n", f"{hwmon}/curr1_input": "250\n",
        f"{hwmon}/in2_label": "NC\n", f"{hwmon}/in2_input": "1\n", f"{hwmon}/curr2_input": "1\n",
        f"{hwmon}/in7_label": "sum of shunt voltages\n", f"{hwmon}/in7_input": "5\n",
    }  # fmt: skip
    assert read_rails(Recorded(orin, {})) == {"VDD_GPU_SOC": pytest.approx(4.94)}
    iio = "/sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0"
    nano = {f"{iio}/rail_name_0": "POM_5V_IN\n", f"{iio}/in_power0_input": "1022\n"}
    assert read_rails(Recorded(nano, {})) == {"POM_5V_IN": pytest.approx(1.022)}


def test_the_memorys_rail_of_an_orin_is_not_added_to_the_one_that_it_hangs_on():
    files = {}
    for monitor, names in (("1-0040", ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0")), ("1-0041", ("VDDQ_VDD2_1V8AO",))):
        folder = f"/sys/bus/i2c/drivers/ina3221/{monitor}/hwmon/hwmon3"
        for number, name in enumerate(names, 1):
            files[f"{folder}/in{number}_label"] = f"{name}\n"
            files[f"{folder}/in{number}_input"] = "5000\n"
            files[f"{folder}/curr{number}_input"] = "200\n"
    probe = JetsonProbe()
    board = Recorded(files, {"id": "0\n"})
    (whole,) = [one for one in probe.read(board) if one.quantity == "power_total"]
    assert (whole.source, whole.value) == ("VDD_CPU_CV+VDD_GPU_SOC+VIN_SYS_5V0", pytest.approx(3.0))
    facts = probe.fingerprint(board)["power"]
    assert facts["summed"] == whole.source.split("+")
    assert facts["board"] == "AGX Orin"
    assert "VDDQ_VDD2_1V8AO" in facts["rails"]
    probe.close()


@pytest.mark.parametrize(
    ("rails", "status", "says"),
    [
        (["VDD_IN"], "ok", "VDD_IN"),
        (["POM_5V_IN", "POM_5V_GPU", "POM_5V_CPU"], "ok", "Nano"),
        (["VDD_A", "VDD_B"], "warning", "this board is not known"),
        ([], "warning", "none can be read"),
    ],
)
def test_doctor_says_which_rails_are_summed(rails, status, says):
    iio = "/sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0"
    files = {f"{iio}/rail_name_{number}": name for number, name in enumerate(rails)}
    files |= {f"{iio}/in_power{number}_input": "10" for number in range(len(rails))}
    probe = JetsonProbe()
    (check,) = [one for one in probe.checks(Recorded(files, {"id": "0\n"}), {}) if one.name == "power rails"]
    assert check.status == status
    assert says in check.found
    probe.close()


def test_the_clock_of_a_thor_by_sysfs():
    folder = "/sys/class/devfreq/gpu-gpc-0"
    files = {
        folder: "",
        f"{folder}/min_freq": "315000000",
        f"{folder}/max_freq": "1575000000",
        f"{folder}/cur_freq": "1575000000",
    }
    assert JetsonProbe().fingerprint(Recorded(files, {"id": "0\n"})) == {"clocks": "free", "clocks_locked": "no"}
    assert [(one.source, one.value) for one in JetsonProbe().read(Recorded(files, {}))] == [("gpu0", 1575.0)]


def test_a_fingerprint_and_what_is_not_there_is_absent():
    board = Recorded(
        {
            "/proc/device-tree/model": "NVIDIA Jetson AGX Orin Developer Kit\0",
            "/etc/nv_tegra_release": "# R36 (release), REVISION: 4.0, GCID: 37537400, BOARD: generic\n",
        },
        {
            "nvpmodel -q": "NVPM WARN: fan mode is not set!\nNV Power Mode: MODE_30W\n2\n",
            "id": "1000\n",
            "jetson_clocks --show": "GPU MinFreq=1300500000 MaxFreq=1300500000 CurrentFreq=1300500000\n",
            "dpkg-query": "installed nvidia-jetpack 6.1+b123\nnot-installed tensorrt 1\nnoise\n",
        },
    )
    probe = JetsonProbe()
    facts = probe.fingerprint(board)
    assert facts == {
        "model": "NVIDIA Jetson AGX Orin Developer Kit",
        "l4t": "36.4.0",
        "packages": {"nvidia-jetpack": "6.1+b123"},
        "power_mode": "MODE_30W",
        "clocks": "locked",
        "clocks_locked": "yes",
    }
    assert ["sudo", "-n", "jetson_clocks", "--show"] in board.ran
    probe.close()
    assert JetsonProbe().fingerprint(Recorded({}, {"id": "0\n"})) == {}


def test_clocks_by_sysfs_where_the_tool_may_not_be_run():
    folder = "/sys/class/devfreq/17000000.ga10b"
    files = {
        folder: "", f"{folder}/min_freq": "306000000\n", f"{folder}/max_freq": "1300500000\n",
        f"{folder}/cur_freq": "612000000\n",
    }  # fmt: skip
    facts = JetsonProbe().fingerprint(Recorded(files, {"id": "0\n"}))
    assert facts == {"clocks": "free", "clocks_locked": "no"}
    reading = JetsonProbe().read(Recorded(files, {}))[0]
    assert (reading.source, reading.quantity, reading.value, reading.unit) == ("gpu0", "frequency", 612.0, "MHz")


class Hanging(Recorded):
    """A tegrastats that prints one line and then nothing, until the session ends."""

    def __init__(self, files: dict[str, str]) -> None:
        super().__init__(files, {})
        self.printed, self.over = threading.Event(), threading.Event()

    def run(self, argv: Sequence[str], *, on_stdout: Any = None, **limits: Any) -> Completed:
        on_stdout(NANO)
        self.printed.set()
        self.over.wait(60)
        return Completed(0, "", "")


def test_the_last_line_of_a_tegrastats_that_hangs_is_no_reading_of_now(monkeypatch):
    folder = "/sys/class/devfreq/57000000.gpu"
    board, probe = Hanging({folder: "", f"{folder}/cur_freq": "921600000\n"}), JetsonProbe()
    try:
        assert {reading.source for reading in probe.read(board)} >= {"cpu0", "gpu0", "POM_5V_IN"}
        monkeypatch.setattr(jetson, "STALE_S", -1.0)
        assert [(reading.source, reading.value) for reading in probe.read(board)] == [("gpu0", 921.6)]
    finally:
        board.over.set()
        probe.close()
