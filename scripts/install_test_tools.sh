#!/bin/sh
# What the tests use beyond Python packages, installed where that needs no question: as root, with apt, if it is missing.
# Elsewhere the tests that need it are skipped, or fail where it is Chromium, and say so. Ends with an error, and with
# what apt said, where an installation was tried and failed: tests that are left out for it must not look like success.
set -eu
PATH=$PATH:/usr/sbin
lock_wait_s=${BENCH_APT_LOCK_WAIT_S:-600}
missing=
command -v sshd >/dev/null || missing="$missing openssh-server"
command -v ssh >/dev/null || missing="$missing openssh-client"
command -v tcsh >/dev/null || missing="$missing tcsh"
command -v mksh >/dev/null || missing="$missing mksh"
command -v toybox >/dev/null || missing="$missing toybox"
command -v cc >/dev/null || missing="$missing gcc libc6-dev"
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null ||
    missing="$missing chromium"
command -v pdflatex >/dev/null || missing="$missing texlive-latex-base texlive-latex-recommended"
# The class of IEEE's papers, and the Times that it sets them in.
kpsewhich IEEEtran.cls >/dev/null 2>&1 || missing="$missing texlive-publishers texlive-fonts-recommended"
kpsewhich siunitx.sty >/dev/null 2>&1 || missing="$missing texlive-science"
command -v groff >/dev/null || missing="$missing groff-base"
command -v valgrind >/dev/null || missing="$missing valgrind"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "==> not installed, so that some tests cannot run; install them as root:$missing" >&2
    exit 0
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# The lock may be held: by an update that the system makes by itself, or by a test run beside this one.
apt() {
    apt-get -q -o "DPkg::Lock::Timeout=$lock_wait_s" "$@" >"$log" 2>&1
}

locked() {
    grep -q 'Could not get lock' "$log"
}

# `DPkg::Lock::Timeout` does not cover the lock of the lists of packages.
update() {
    waited_s=0
    until apt update; do
        locked && [ "$waited_s" -lt "$lock_wait_s" ] || return 1
        sleep 1
        waited_s=$((waited_s + 1))
    done
}

install() {
    apt install -y --no-install-recommends "$@"
}

echo "==> installing for the tests:$missing"
# No service is started: the tests start a server of their own, on loopback.
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
# shellcheck disable=SC2086  # one word a package
install $missing || { ! locked && update && install $missing; } || {
    echo "==> could not be installed, so that some tests cannot run:$missing" >&2
    tail -n 20 "$log" >&2
    exit 1
}
