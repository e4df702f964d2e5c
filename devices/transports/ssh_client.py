"""The OpenSSH client's command line, and what its complaints mean.

The client and not a library: it brings the user's ~/.ssh/config, agent, hardware keys, jump hosts and known host keys
with it, carries many sessions over one connection (ControlMaster), and is maintained where security matters most.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence

from latency_bench.devices.errors import UnreachableError
from latency_bench.devices.transports.ssh_options import SshOptions

_ALWAYS = {
    # Never ask anything, never trust anything new.
    "BatchMode": "yes",
    "StrictHostKeyChecking": "yes",
    "UpdateHostKeys": "no",
    # Nothing of the user's configuration that changes what a command does.
    "RemoteCommand": "none",
    "RequestTTY": "no",
    "ClearAllForwardings": "yes",
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "PermitLocalCommand": "no",
    "ControlPersist": "no",
    "LogLevel": "ERROR",
    # Both ends have instructions for AES; the client's own first choice has to do without and is much slower.
    "Ciphers": "^aes128-gcm@openssh.com,aes256-gcm@openssh.com",
}


def client_options(options: SshOptions) -> list[str]:
    """Options of every call, `-o Name=value` each, without the host."""
    chosen = dict(_ALWAYS)
    chosen["ConnectTimeout"] = str(options.connect_timeout_s)
    chosen["ServerAliveInterval"] = str(max(1, options.silence_s // 3))
    chosen["ServerAliveCountMax"] = "3"
    if options.known_hosts is not None:
        chosen["UserKnownHostsFile"] = _quoted(str(options.known_hosts.expanduser()))
        chosen["GlobalKnownHostsFile"] = "none"
    words = [word for name, value in chosen.items() for word in ("-o", f"{name}={value}")]
    if options.port is not None:
        words += ["-p", str(options.port)]
    if options.user is not None:
        words += ["-l", options.user]
    if options.key is not None:
        words += ["-i", str(options.key.expanduser()), "-o", "IdentitiesOnly=yes"]
    if options.jump is not None:
        words += ["-o", f"ProxyCommand={_proxy_command(options)}"]
    return words


def check_key(options: SshOptions) -> None:
    """Raises UnreachableError for a key that is not there: the client would say that the device refuses it."""
    if options.key is not None and not options.key.expanduser().is_file():
        raise UnreachableError(
            f"the private key {options.key} does not exist",
            "check `ssh.key` in devices.yaml, or make one with ssh-keygen",
        )


def client_environment() -> dict[str, str]:
    """Without a window or a terminal to ask for a password in."""
    kept = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return {**kept, "SSH_ASKPASS_REQUIRE": "never"}


def remote_command(words: Sequence[str]) -> str:
    """One command line for the login shell of the device, every word of it quoted.

    Raises ValueError for a NUL, which no argument can carry.
    """
    if any("\0" in word for word in words):
        raise ValueError("an argument holds a NUL character")
    return " ".join(shlex.quote(word) for word in words)


def link_error(options: SshOptions, stderr: str, when: str) -> UnreachableError:
    """What the client's last words mean, and what to do about it."""
    said = _last_line(stderr)
    target = options.host if options.user is None else f"{options.user}@{options.host}"
    by_hand = shlex.join(["ssh", *_for_people(options), options.host])
    for pattern, meaning, remedy in (
        (
            r"REMOTE HOST IDENTIFICATION HAS CHANGED",
            f"{options.host} shows another host key than the known one: a fresh installation, or another machine",
            f"find out which; only then `ssh-keygen -R {_known_host(options)}` and connect once with `{by_hand}`",
        ),
        (
            r"Host key verification failed|No \w+ host key is known",
            f"the host key of {options.host} is not known",
            f"connect once with `{by_hand}` and compare the fingerprint with the device's own "
            "(`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` there)",
        ),
        (
            r"UNPROTECTED PRIVATE KEY|bad permissions",
            "others may read the private key, so ssh does not use it",
            f"chmod 600 {options.key or 'it'}",
        ),
        (
            r"Unmatched ['\"`]|Illegal variable name|Event not found|Badly placed",
            f"the login shell of {target} is a csh, which cannot run what bench sends",
            "give the user a POSIX shell there (chsh -s /bin/sh), or log in as another one with `ssh.user`",
        ),
        (
            r"restricted: |: restricted|This account is currently not available",
            f"the login shell of {target} is restricted: {said}",
            "give the user an ordinary shell there (chsh -s /bin/sh), or log in as another one with `ssh.user`",
        ),
        (
            r"Permission denied \(",
            f"{target} refuses every key that was offered",
            f"bring yours there with `{by_hand.replace('ssh', 'ssh-copy-id', 1)}`, load it into ssh-agent if it has a "
            "passphrase, and check `ssh.user` and `ssh.key` in devices.yaml",
        ),
        (
            r"No space left|Read-only file system|cannot create|failed to create",
            f"the work directory {options.work_directory} on {options.host} cannot be used: {said}",
            "free space there, or give another `ssh.work_directory` in devices.yaml",
        ),
        (
            r"Could not resolve hostname",
            f"the host name {options.host!r} cannot be resolved",
            "check `ssh.host` in devices.yaml, or give its address",
        ),
        (
            r"Connection refused|timed out|No route to host|Network is unreachable|Connection closed",
            f"{options.host} does not answer ({said})",
            f"is it on, in this network, with an SSH server on port {options.port or 22}? Try `{by_hand}`",
        ),
    ):
        if re.search(pattern, stderr):
            return UnreachableError(meaning, remedy)
    return UnreachableError(
        f"the link to {options.host} was lost {when}: {said}", f"try `{by_hand}`, and measure again"
    )


def _for_people(options: SshOptions) -> list[str]:
    words = []
    if options.port is not None:
        words += ["-p", str(options.port)]
    if options.key is not None:
        words += ["-i", str(options.key)]
    if options.jump is not None:
        words += ["-J", options.jump]
    if options.user is not None:
        words += ["-l", options.user]
    return words


def _known_host(options: SshOptions) -> str:
    return options.host if options.port in (None, 22) else shlex.quote(f"[{options.host}]:{options.port}")


def _proxy_command(options: SshOptions) -> str:
    """By hand and not with -J, which would let the jump host's key be checked less strictly than the target's."""
    assert options.jump is not None
    plain = options.model_copy(update={"jump": None, "port": None, "user": None, "key": options.key})
    words = ["ssh", *client_options(plain)]
    user_host, colon, port = options.jump.rpartition(":")
    if colon and port.isdigit() and not user_host.endswith(":"):
        words += ["-p", port]
    else:
        user_host = options.jump
    return f"{shlex.join(words).replace('%', '%%')} -W '[%h]:%p' -- {shlex.quote(user_host).replace('%', '%%')}"


def _quoted(path: str) -> str:
    """ssh splits this option's value at spaces."""
    return f'"{path}"'


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "ssh said nothing"
