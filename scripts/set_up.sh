#!/bin/sh
# Sets up .venv with an extra: scripts/set_up.sh litert "what it is for"
# Does nothing, and needs no network, where that was done before with the same files.
set -eu
cd "$(dirname "$0")/.."
extra=$1 purpose=$2
venv=.venv
supported="3.10 3.11 3.12 3.13"

version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

is_supported() {
    case " $supported " in *" $1 "*) true ;; *) false ;; esac
}

stop() {
    echo "bench: $*" >&2
    exit 1
}

# The first Python that runs: one on PATH may be the stand-in of a version manager for a version that is not selected.
find_python() {
    others=
    for python in ${PYTHON:-python3.11 python3.12 python3.13 python3.10 python3}; do
        version=$(version_of "$python") || continue
        if is_supported "$version"; then
            "$python" -c 'import ensurepip, venv' 2>/dev/null ||
                stop "$python cannot make environments; on Debian and Ubuntu: apt install python$version-venv"
            echo "$python"
            return
        fi
        others="$others; $python is $version"
    done
    stop "needs Python 3.10 to 3.13$others. Install one, or name it: make PYTHON=/path/to/python3.11" \
        "(3.14 works without LiteRT: README.md)"
}

if [ -e "$venv/bin/python" ]; then
    version=$(version_of "$venv/bin/python") || stop "$venv holds a Python that does not run; make clean, then try again"
    is_supported "$version" || stop "$venv was made with Python $version, and 3.10 to 3.13 is needed; make clean, then try again"
else
    python=$(find_python)
    echo "==> making $venv with $python"
    "$python" -m venv --clear "$venv"
fi

state=$(cat pyproject.toml constraints.txt setup.py | cksum)
for done in "$extra" dev; do
    [ "$(cat "$venv/.$done" 2>/dev/null)" != "$state" ] || exit 0
done
echo "==> installing $purpose (a few minutes the first time)"
build=$("$venv/bin/python" scripts/torch_build.py)
[ -z "$build" ] || echo "==> with torch's CPU build: pip install $build"
# shellcheck disable=SC2086  # options, none of which has a space in it
"$venv/bin/python" -m pip install --progress-bar off $build -e ".[$extra]"
echo "$state" >"$venv/.$extra"
