"""A real ARM64 machine: Debian's arm64 kernel and user land under qemu-system-aarch64, with a real sshd.

    python scripts/arm64_machine.py --folder ~/.cache/arm64    # builds it, boots it, says how to log in; Ctrl-C ends it

Debian's packages are fetched by apt and unpacked; what their scripts would set up is a handful of files, written here.
All of it is the initial file system of the kernel, so that nothing has to be mounted: what is written there is gone
when the machine ends. Wheels for aarch64 come from the index that pip uses. The processor is emulated: whatever time
is measured there says nothing of any ARM processor.

Needs root and, of Debian's packages, qemu-system-arm, openssh-client, cpio and kmod.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from debian_packages import CannotFetchError, DebianSuite

ROOT = Path(__file__).parents[1]
SUITE = "bookworm"
PACKAGES = (
    *("linux-image-arm64", "openssh-server", "python3", "tini", "libstdc++6", "libgomp1"),
    *("coreutils", "dash", "util-linux", "mount", "iproute2", "kmod", "procps", "grep", "sed", "findutils", "libc-bin"),
)
WHEELS = ("numpy", "ai-edge-litert", "onnxruntime")
"""What its worker needs, by the versions of constraints.txt."""
PYTHON = "3.11"
"""Debian bookworm's."""
MODULES = ("virtio_pci", "virtio_mmio", "virtio_net")
LEFT_OUT = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/lib/systemd", "var/lib/apt", "usr/share/perl")
PROGRAMS = ("qemu-system-aarch64", "ssh", "ssh-keygen", "cpio", "modprobe", "depmod")
MEMORY_MB = 4096
_BOOT_S = 900
_INIT = """\
#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm /run/sshd
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
chmod 1777 /tmp /dev/shm
for module in {modules}; do modprobe $module; done
ip link set lo up
ip link set eth0 up
ip addr add 10.0.2.15/24 dev eth0
exec tini -- /usr/sbin/sshd -D -e
"""
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n"
    "bench:x:1000:1000::/home/bench:/bin/sh\n",
    "etc/group": "root:x:0:\nbench:x:1000:\nnogroup:x:65534:\n",
    "etc/shadow": "root:*:19000:0:99999:7:::\nbench:*:19000:0:99999:7:::\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files\n",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/hostname": "arm64\n",
    "etc/ssh/sshd_config": "UsePAM no\nPasswordAuthentication no\nHostKey /etc/ssh/ssh_host_ed25519_key\n"
    "Subsystem sftp internal-sftp\n",
}


class CannotBootError(Exception):
    """Why the machine cannot be had here."""


class Arm64Machine:
    """Built once in `folder`. `key` logs in as `bench` at 127.0.0.1; `known_hosts` holds its key."""

    def __init__(self, folder: Path) -> None:
        """Raises CannotBootError."""
        missing = [
            name for name in PROGRAMS if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None
        ]
        if missing or os.geteuid() != 0:
            raise CannotBootError(f"needs {', '.join(missing) or 'root'}; see {Path(__file__).name}")
        self.folder = folder
        self.key = folder / "user_key"
        self.kernel, self._files = folder / "vmlinuz", folder / "files.cpio"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self._files.exists():
                try:
                    self._build()
                except (CannotFetchError, subprocess.CalledProcessError) as error:
                    raise CannotBootError(str(error)) from error

    @contextlib.contextmanager
    def booted(self, log: Path) -> Iterator[int]:
        """The port of its sshd, for as long as it runs."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [
            *("qemu-system-aarch64", "-M", "virt", "-cpu", "max,pauth-impdef=on", "-smp", "2", "-m", str(MEMORY_MB)),
            *("-kernel", str(self.kernel), "-initrd", str(self._files), "-nographic", "-no-reboot"),
            *("-append", "console=ttyAMA0 net.ifnames=0 rdinit=/init panic=-1 quiet"),
            *("-netdev", f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22"),
            *("-device", "virtio-net-pci,netdev=net,romfile="),
        ]
        with log.open("wb") as file:
            machine = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        try:
            self._wait(machine, port, log)
            yield port
        finally:
            machine.kill()
            machine.wait()

    def known_hosts(self, port: int) -> str:
        """The line of a known_hosts file."""
        kind, key = (self.folder / "ssh_host_ed25519_key.pub").read_text().split()[:2]
        return f"[127.0.0.1]:{port} {kind} {key}\n"

    def _wait(self, machine: subprocess.Popen[bytes], port: int, log: Path) -> None:
        deadline_s = time.monotonic() + _BOOT_S
        while True:
            # qemu itself takes the connection; the greeting comes from inside.
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                if connection.recv(4) == b"SSH-":
                    return
            if machine.poll() is not None or time.monotonic() > deadline_s:
                raise CannotBootError(f"it does not boot: {log.read_text(errors='replace')[-600:]}")
            time.sleep(0.5)

    def _build(self) -> None:
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            work = Path(name)
            root = work / "root"
            for path in (
                "usr/bin",
                "usr/sbin",
                "usr/lib",
                "root",
                "home/bench/.ssh",
                "proc",
                "sys",
                "dev",
                "run",
                "tmp",
            ):
                (root / path).mkdir(parents=True)
            DebianSuite(SUITE, work / "apt", "arm64").unpack(PACKAGES, root)
            # A package may have its files below /lib; on an installed Debian that is a link to /usr/lib.
            for path in ("bin", "sbin", "lib"):
                _run("cp", "-a", f"{root / path}/.", str(root / "usr" / path))
                shutil.rmtree(root / path)
                (root / path).symlink_to(f"usr/{path}")
            self._keep_modules(root)
            (next((root / "boot").glob("vmlinuz-*"))).rename(self.kernel)
            for path in (*LEFT_OUT, "boot"):
                shutil.rmtree(root / path, ignore_errors=True)
            self._install_wheels(root, work / "wheels")
            self._configure(root)
            self._pack(root, work / "files.cpio")

    def _keep_modules(self, root: Path) -> None:
        """Those of the network card, and what they need."""
        release = next((root / "usr/lib/modules").iterdir()).name
        _run("depmod", "-b", str(root), release)
        needed = _run("modprobe", "-d", str(root), "-S", release, "--show-depends", "-a", *MODULES)
        kept = set(re.findall(r"/(kernel/\S+\.ko\S*)", needed))
        modules = root / "usr/lib/modules" / release
        for path in sorted(modules.rglob("*.ko*")):
            if path.relative_to(modules).as_posix() not in kept:
                path.unlink()
        _run("depmod", "-b", str(root), release)

    def _install_wheels(self, root: Path, folder: Path) -> None:
        platforms = [word for old in (17, 27, 28, 34, 35) for word in ("--platform", f"manylinux_2_{old}_aarch64")]
        _run(
            *(sys.executable, "-m", "pip", "download", "-q", "-d", str(folder), "--only-binary", ":all:"),
            *("--python-version", PYTHON, "--implementation", "cp", *platforms, "--platform", "manylinux2014_aarch64"),
            *("-c", str(ROOT / "constraints.txt"), *WHEELS),
        )
        target = root / "usr/local/lib" / f"python{PYTHON}" / "dist-packages"
        for wheel in sorted(folder.glob("*.whl")):
            shutil.unpack_archive(wheel, target, "zip")

    def _configure(self, root: Path) -> None:
        for path, content in _FILES.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(content)
        (root / "init").write_text(_INIT.format(modules=" ".join(MODULES)))
        (root / "init").chmod(0o755)
        for key, place in ((self.key, None), (self.folder / "ssh_host_ed25519_key", root / "etc/ssh")):
            if not key.exists():
                _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
            if place is not None:
                shutil.copy(key, place)
                (place / key.name).chmod(0o600)
        home = root / "home/bench"
        shutil.copy(self.key.with_suffix(".pub"), home / ".ssh/authorized_keys")
        for path in (home, *home.rglob("*")):
            os.chown(path, 1000, 1000)
        (home / ".ssh").chmod(0o700)
        (root / "tmp").chmod(0o1777)

    def _pack(self, root: Path, to: Path) -> None:
        with to.open("wb") as file:
            names = subprocess.run(["find", ".", "-print0"], cwd=root, check=True, capture_output=True).stdout
            subprocess.run(
                ["cpio", "--null", "--create", "--format=newc", "--quiet"],
                cwd=root,
                input=names,
                stdout=file,
                check=True,
            )
        to.rename(self._files)


def _run(*command: str) -> str:
    path = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=path).stdout


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--folder", type=Path, required=True, help="where it is kept; about a gigabyte")
    options = parser.parse_args(arguments)
    try:
        machine = Arm64Machine(options.folder.absolute())
        with machine.booted(machine.folder / "console.log") as port:
            (machine.folder / "known_hosts").write_text(machine.known_hosts(port))
            print(f"ssh -i {machine.key} -o UserKnownHostsFile={machine.folder}/known_hosts -p {port} bench@127.0.0.1")
            with contextlib.suppress(KeyboardInterrupt):
                while True:
                    time.sleep(3600)
    except CannotBootError as reason:
        print(f"no ARM64 machine here: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
