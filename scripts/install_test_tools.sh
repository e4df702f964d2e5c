#!/bin/sh
# What the tests use beyond Python packages, installed where that needs no question: as root, with apt, if it is missing.
# Without it the tests that need it are skipped, or fail where it is Chromium, and say so.
set -eu
PATH=$PATH:/usr/sbin
missing=
command -v sshd >/dev/null || missing="$missing openssh-server"
command -v ssh >/dev/null || missing="$missing openssh-client"
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null ||
    missing="$missing chromium"
command -v pdflatex >/dev/null || missing="$missing texlive-latex-base texlive-latex-recommended"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "==> not installed, so that some tests cannot run:$missing" >&2
    exit 0
fi
echo "==> installing for the tests:$missing"
# No service is started: the tests start a server of their own, on loopback.
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
apt-get install -y -q --no-install-recommends $missing >/dev/null 2>&1 ||
    { apt-get update -q >/dev/null 2>&1 && apt-get install -y -q --no-install-recommends $missing >/dev/null 2>&1; } ||
    echo "==> could not be installed, so that some tests cannot run:$missing" >&2
