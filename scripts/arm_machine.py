"""A 64-bit ARM machine under emulation, with an SSH server: Debian's kernel and user land, and runtimes as wheels.

    python scripts/arm_machine.py FOLDER [--port 2222]     built once into FOLDER, then it runs until Ctrl-C

Everything on it is real but its speed: no time that is measured there means anything. Needs root, QEMU for ARM
(`qemu-system-arm`), `cpio`, `kmod` and OpenSSH's client; the packages of Debian are unpacked and not installed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from debian_packages import CannotFetchError, DebianSuite

SUITE = "bookworm"
PYTHON_VERSION = "3.11"
"""Of that suite."""
PACKAGES = (
    *("linux-image-arm64", "openssh-server", "python3", "dash", "bash", "coreutils", "procps", "util-linux", "mount"),
    *("iproute2", "kmod", "findutils", "grep", "sed", "tar", "gzip", "hostname", "login", "libstdc++6", "libgomp1"),
)
RUNTIMES = ("numpy", "onnxruntime", "ai-edge-litert")
MODULES = ("virtio_pci", "virtio_net")
PROGRAMS = ("qemu-system-aarch64", "cpio", "depmod", "modprobe", "ssh-keygen", "dpkg")
PYTHON = "/opt/bench/python"
MEMORY_MIB = 3072
START_S = 600
"""Emulation is slow, and the computer that emulates may be busy."""

_INIT = f"""#!/bin/sh
export PATH=/usr/sbin:/usr/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm /run/sshd /run/lock /var/tmp
mount -t devpts pts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs tmp /tmp
ln -sf /proc/self/fd /dev/fd
for module in {" ".join(MODULES)}; do modprobe $module; done
hostname arm
ip link set lo up
ip address add 10.0.2.15/24 dev eth0
ip link set eth0 up
ip route add default via 10.0.2.2
exec /usr/sbin/sshd -D -e
"""
_SSHD = """Port 22
HostKey /etc/ssh/host_key
AuthorizedKeysFile /etc/ssh/authorized_keys
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxSessions 20
Subsystem sftp internal-sftp
"""


class CannotRunError(Exception):
    """Why the machine cannot be had here."""


def build(folder: Path) -> None:
    """Kernel, file system and keys in `folder`, made once. Raises CannotRunError."""
    if missing := [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]:
        raise CannotRunError(f"needs {', '.join(missing)} (apt install qemu-system-arm cpio kmod)")
    if os.geteuid() != 0:
        raise CannotRunError("needs root, for a file system that belongs to root")
    if (folder / "system.cpio").exists():
        return
    root = folder / "root"
    shutil.rmtree(root, ignore_errors=True)
    shutil.rmtree(folder / "apt", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        (folder / "apt").mkdir()
        DebianSuite(SUITE, folder / "apt", "arm64").unpack(PACKAGES, root)
    except CannotFetchError as error:
        raise CannotRunError(str(error)) from error
    shutil.rmtree(folder / "apt")
    _merge_usr(root)
    shutil.copy(next(root.glob("boot/vmlinuz-*")), folder / "vmlinuz")
    _keep_modules(root)
    _install_runtimes(root)
    _configure(root, folder)
    for name in ("boot", "usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info"):
        shutil.rmtree(root / name, ignore_errors=True)
    partial = folder / "system.partial"
    with partial.open("wb") as archive:
        files = subprocess.Popen(["find", ".", "-print0"], cwd=root, stdout=subprocess.PIPE)
        subprocess.run(
            ["cpio", "--null", "--quiet", "-o", "-H", "newc"], cwd=root, stdin=files.stdout, stdout=archive, check=True
        )
        files.wait()
    shutil.rmtree(root)
    partial.rename(folder / "system.cpio")


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def _merge_usr(root: Path) -> None:
    """One /usr, as every Debian has that was installed and not only unpacked."""
    for name in ("bin", "sbin", "lib"):
        (root / "usr" / name).mkdir(parents=True, exist_ok=True)
        if (root / name).is_dir() and not (root / name).is_symlink():
            subprocess.run(["cp", "-a", f"{root / name}/.", f"{root / 'usr' / name}/"], check=True)
            shutil.rmtree(root / name)
        if not (root / name).is_symlink():
            (root / name).symlink_to(f"usr/{name}")


def _keep_modules(root: Path) -> None:
    """Of the kernel's modules those that the machine loads, and what these need."""
    environment = {**os.environ, "PATH": _path()}
    version = next(path.name for path in (root / "usr/lib/modules").iterdir())
    subprocess.run(["depmod", "-b", str(root), version], check=True, env=environment)
    shown = subprocess.run(
        ["modprobe", "-d", str(root), "-S", version, "--show-depends", "-a", *MODULES],
        check=True,
        env=environment,
        capture_output=True,
        text=True,
    )
    kept = {Path(line.split()[1]).resolve() for line in shown.stdout.splitlines() if line.startswith("insmod")}
    for path in (root / "usr/lib/modules").rglob("*.ko*"):
        if path.resolve() not in kept:
            path.unlink()
    subprocess.run(["depmod", "-b", str(root), version], check=True, env=environment)


def _install_runtimes(root: Path) -> None:
    from uv import find_uv_bin

    site = root / "opt/bench/site"
    platform = ["--python-platform", "aarch64-manylinux_2_28", "--python-version", PYTHON_VERSION]
    words = [find_uv_bin(), "pip", "install", "--quiet", *platform, "--only-binary", ":all:", "--target", str(site)]
    done = subprocess.run([*words, *RUNTIMES], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotRunError(f"the runtimes cannot be fetched: {done.stderr.strip()[-300:]}")
    program = root / PYTHON.lstrip("/")
    program.write_text('#!/bin/sh\nPYTHONPATH=/opt/bench/site exec /usr/bin/python3 "$@"\n')
    program.chmod(0o755)


def _configure(root: Path, folder: Path) -> None:
    for name in ("host_key", "user_key"):
        if not (folder / name).exists():
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", str(folder / name)]
            subprocess.run(command, check=True)
    files = {
        "init": _INIT,
        "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nsshd:x:101:65534::/run/sshd:/usr/sbin/nologin\n",
        "etc/group": "root:x:0:\nnogroup:x:65534:\n",
        "etc/shadow": "root:*:19000:0:99999:7:::\nsshd:!:19000::::::\n",
        "etc/ssh/sshd_config": _SSHD,
        "etc/ssh/host_key": (folder / "host_key").read_text(),
        "etc/ssh/authorized_keys": (folder / "user_key.pub").read_text(),
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "init").chmod(0o755)
    (root / "etc/ssh/host_key").chmod(0o600)
    for name in ("proc", "sys", "dev", "tmp", "run", "root", "var/tmp"):
        (root / name).mkdir(parents=True, exist_ok=True)


@contextlib.contextmanager
def running(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The machine, its SSH server on this port of loopback; known hosts in `folder`. Raises CannotRunError."""
    key = " ".join((folder / "host_key.pub").read_text().split()[:2])
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {key}\n")
    command = [
        *("qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a72", "-smp", "2", "-m", str(MEMORY_MIB)),
        *("-display", "none", "-monitor", "none", "-serial", f"file:{folder / 'console.log'}", "-no-reboot"),
        *("-kernel", str(folder / "vmlinuz"), "-initrd", str(folder / "system.cpio")),
        *("-append", "console=ttyAMA0 rdinit=/init panic=-1 quiet"),
        *("-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{port}-:22", "-device", "virtio-net-pci,netdev=net"),
    ]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        _wait(process, folder, port)
        yield process
    finally:
        process.terminate()
        process.wait()


def _wait(process: subprocess.Popen[bytes], folder: Path, port: int) -> None:
    """Until the server itself greets: the emulator accepts connections before there is one."""
    deadline_s = time.monotonic() + START_S
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            if connection.recv(4) == b"SSH-":
                return
        if process.poll() is not None or time.monotonic() > deadline_s:
            said = (folder / "console.log").read_text(errors="replace")[-500:]
            raise CannotRunError(f"the machine does not start: {said}")
        time.sleep(1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=2222)
    chosen = parser.parse_args()
    folder = chosen.folder.resolve()
    try:
        build(folder)
        with running(folder, chosen.port) as process:
            print(
                f"ssh -p {chosen.port} -i {folder}/user_key -o UserKnownHostsFile={folder}/known_hosts root@127.0.0.1"
            )
            process.wait()
    except CannotRunError as error:
        print(f"arm_machine: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
