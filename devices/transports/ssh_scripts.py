"""What runs on the device: small shell scripts, because a shell is all that every device has.

Each gets its values as arguments, never as text inside the script. Everything they say to the host stands on a line
of its own that begins with a nonce, so that a login banner, a shell's start file or a tool cannot be taken for it.
bash is preferred, because its `read` can time out: a device then notices by itself that the host has gone silent.
"""

from __future__ import annotations

import textwrap

from latency_bench.devices.transports.lock_script import LOCK_FUNCTIONS


def _script(text: str) -> str:
    return textwrap.dedent(text).strip() + "\n"


LAUNCH = _script(
    """
    unset BASH_ENV ENV CDPATH
    # -p: no functions, and no options such as errexit and failglob, from the environment; --norc: where sshd starts a
    # bash, it reads that file.
    if shell=$(command -v bash); then exec "$shell" --norc --noprofile -p -c "$@"; fi
    exec /bin/sh -c "$@"
    """
)
"""Arguments: a script, its name, its arguments."""

AGENT = _script(
    """
    # Arguments: nonce, work directory, seconds of silence after which the host is gone.
    nonce=$1 base=$2 silence=${BASH_VERSION:+$3}
    IFS=
    umask 077
    trap '' HUP INT TERM PIPE
    cd && mkdir -p -- "$base/store" && cd -- "$base" && base=$(pwd -P) && session=$(mktemp -d "$base/session.XXXXXX") &&
        mkdir "$session/.running" && echo $$ >"$session/.pid" || exit 73

    # Folders of sessions whose agent was killed, and models that nobody has used for a month.
    for old in "$base"/session.*; do
        pid=
        [ -f "$old/.pid" ] && read -r pid <"$old/.pid"
        case $pid in '' | *[!0-9]*) continue ;; esac
        kill -0 "$pid" 2>/dev/null || rm -rf -- "$old"
    done
    # What another session has is in use, whatever its age: a device without a battery begins in 1970.
    used=
    for link in "$base"/session.*/*; do
        [ -L "$link" ] && link=$(readlink "$link") && used="$used ${link##*/} "
    done
    find "$base/store" -mindepth 1 -mtime +30 2>/dev/null | while read -r old; do
        case $used in *" ${old##*/} "*) ;; *) rm -rf -- "$old" ;; esac
    done

    answer() { printf '\\n%s %s\\n' "$nonce" "$1"; }
    # lock functions
    size_of() { size=$(wc -c <"$1" 2>/dev/null) || size=0; size=$((size)); }
    farewell=
    answer "ready $session"
    while read -r ${silence:+"-t$silence"} request; do
        case $request in
        text)
            read -r path
            if [ -f "$path" ] && [ -r "$path" ]; then
                # No process is started for this: it happens beside a measurement.
                { while read -r line || [ -n "$line" ]; do printf '%s\\n' "$line"; done <"$path"; } 2>/dev/null
                answer 0
            else
                answer 1
            fi
            ;;
        glob)
            read -r pattern
            for path in $pattern; do [ -e "$path" ] && printf '%s\\n' "$path"; done
            answer 0
            ;;
        now) date +%s%N; answer 0 ;;
        stored)
            read -r sha256; read -r expected; read -r name
            size_of "$base/store/$sha256"
            if [ "$size" = "$expected" ] && [ -f "$base/store/$sha256" ]; then
                touch "$base/store/$sha256" && ln -sfn "$base/store/$sha256" "$session/$name"
                answer 0
            else
                size_of "$base/store/part-$sha256"
                printf '%s\\n' "$size"
                answer 1
            fi
            ;;
        farewell)
            read -r line
            farewell="$line
    $farewell"
            answer 0
            ;;
        lock)
            read -r folder; read -r holder
            lock_device "$folder" "$holder" "$nonce"
            [ "$lock" = busy ] && { read -r line <"$lockfile"; printf '%s\\n' "$line"; }
            answer "$lock"
            ;;
        locked) answer "$lock" ;;
        '') beat_lease ;;
        esac
    done

    # The host said goodbye, died, or fell silent: whatever the reason, leave the device as it was found.
    for pid in "$session"/.running/*; do kill -s KILL -- "-${pid##*/}" 2>/dev/null; done
    unset IFS
    eval "$farewell" </dev/null
    # Last, so that whoever waits for the device finds it as it was.
    free_lease
    # Again where it fails: a command that was just being started may have left its mark between two deletions.
    cd /
    for attempt in 1 2 3 4 5; do rm -rf -- "$session" && break; sleep 1; done
    """
).replace("# lock functions\n", LOCK_FUNCTIONS)

SUPERVISE = _script(
    """
    # Arguments: nonce, the session's folder, seconds of silence, command. The command dies with this process's stdin.
    nonce=$1 session=$2 silence=${BASH_VERSION:+$3}
    shift 3
    trap '' HUP PIPE
    cd -- "$session" || exit 73
    printf '\\n%s begin\\n' "$nonce"
    printf '\\n%s begin\\n' "$nonce" >&2
    exec 3<&0
    setsid "$@" </dev/null 3<&- &
    pid=$!
    : >"$session/.running/$pid"
    (
        while read -r ${silence:+"-t$silence"} beat <&3; do :; done
        kill -s KILL -- "-$pid"
    ) >/dev/null 2>&1 &
    watcher=$!
    exec 3<&-
    wait "$pid"
    code=$?
    # Its children too; and quietly: a shell announces what it kills.
    { kill -s KILL -- "-$pid"; kill -s KILL "$watcher"; wait "$watcher"; } 2>/dev/null
    rm -f -- "$session/.running/$pid"
    printf '\\n%s end %s\\n' "$nonce" "$code"
    printf '\\n%s end %s\\n' "$nonce" "$code" >&2
    """
)

# OpenSSL first: it uses the processor's instructions for SHA-256, which many a sha256sum does not.
_DIGEST = """
    digest() {
        if command -v openssl >/dev/null; then openssl dgst -sha256 -r; else sha256sum; fi
    }
"""

RECEIVE = _script(
    _DIGEST
    + """
    # Arguments: nonce, the store, SHA-256, size, offset, where to link to. The rest of the content comes on stdin.
    nonce=$1 sha256=$3 size=$4 offset=$5 link=$6
    umask 077
    cd -- "$2" || exit 73
    answer() { printf '\\n%s end %s\\n' "$nonce" "$1"; exit 0; }
    part=part-$sha256
    # Two hosts that push the same file at once must not write into one part.
    if [ "$offset" = whole ]; then
        part=$part-$$ offset=0
    elif command -v flock >/dev/null; then
        exec 9>>"lock-$sha256"
        flock -n 9 || answer taken
    fi
    have=0
    [ -f "$part" ] && have=$(($(wc -c <"$part")))
    [ "$have" -eq "$offset" ] || answer taken
    cat >>"$part" 9<&- || { rm -f -- "$part"; answer unwritten; }
    have=$(($(wc -c <"$part")))
    [ "$have" -eq "$size" ] || answer short
    found=$(digest <"$part") || answer unhashed
    [ "${found%% *}" = "$sha256" ] || { rm -f -- "$part"; answer different; }
    mv -f -- "$part" "$sha256" && ln -sfn "$PWD/$sha256" "$link" && rm -f "lock-$sha256" && answer stored
    answer unwritten
    """
)

SEND = _script(
    _DIGEST
    + """
    # Arguments: nonce, a file, which then comes on stdout; its SHA-256 on stderr.
    nonce=$1
    size=$(wc -c <"$2") || exit 66
    printf '\\n%s begin %s\\n' "$nonce" "$((size))"
    cat <"$2" || exit 74
    found=$(digest <"$2") || exit 74
    printf '\\n%s end %s\\n' "$nonce" "${found%% *}" >&2
    """
)
