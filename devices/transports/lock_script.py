"""The lock of a device that is reached from afar, in a shell: all that every device has.

Taken on the file `machine.lock` of devices/locking.py, so that hosts that share the device, and programs that run on
it, keep out of each other's way. `flock` where the device has it: the kernel lets go when the shell ends, however it
ends. Else a lease: a folder that only one can make, with a number that its holder raises every few seconds; one whose
number stands still is taken over. No clock is asked, because clocks of devices are set, and go backwards.
"""

from __future__ import annotations

from latency_bench.devices.locking import HOLDER_BYTES

LEASE_BEAT_S = 5
"""A holder raises its number at least this often."""
LEASE_PATIENCE_S = 4 * LEASE_BEAT_S

LOCK_FUNCTIONS = f"""
lock= lease= beats=0
lock_device() {{
    # Arguments: folder, who we are (one line), a word that nobody else has. `lock` becomes held, busy or unusable.
    lock=unusable
    locks=${{BENCH_LOCKS:-$1}} word=$3
    mkdir -p -m 1777 "$locks" 2>/dev/null
    lockfile=$locks/machine.lock
    [ -e "$lockfile" ] || (umask 0; set -C; : >"$lockfile") 2>/dev/null
    [ -f "$lockfile" ] && [ ! -L "$lockfile" ] && [ -r "$lockfile" ] || return 0
    if command -v flock >/dev/null 2>&1; then
        exec 9<"$lockfile"
        # By another number: some shells keep those above 2 to themselves. Twice: somebody may just be looking.
        if flock -n 8 8<&9 || {{ sleep 1; flock -n 8 8<&9; }}; then lock=held; else exec 9<&-; lock=busy; fi
    else
        take_lease
    fi
    [ "$lock" = held ] || return 0
    for conversion in notrunc,nocreat notrunc; do
        printf '%-{HOLDER_BYTES - 1}s\\n' "$2" | dd of="$lockfile" conv=$conversion 2>/dev/null && return 0
    done
    # Where there is no dd. Not first: this may create the file, which a protected folder refuses another user.
    {{ printf '%-{HOLDER_BYTES - 1}s\\n' "$2" 1<>"$lockfile"; }} 2>/dev/null
    return 0
}}
take_lease() {{
    lease=$lockfile.lease lock=busy
    if ! mkdir "$lease" 2>/dev/null; then
        before=$(cat "$lease/beat" 2>/dev/null)
        sleep {LEASE_PATIENCE_S}
        [ "$before" = "$(cat "$lease/beat" 2>/dev/null)" ] || {{ lease=; return; }}
        mv "$lease" "$lease.$word" 2>/dev/null && rm -rf "$lease.$word"
        mkdir "$lease" 2>/dev/null || {{ lease=; return; }}
    fi
    printf '%s\\n' "$word 0" >"$lease/beat" && lock=held
}}
beat_lease() {{
    [ -n "$lease" ] && [ "$lock" = held ] || return 0
    owner=
    read -r owner 2>/dev/null <"$lease/beat"
    case $owner in
    "$word "*) beats=$((beats + 1)); printf '%s\\n' "$word $beats" >"$lease/beat" ;;
    *) lock=lost lease= ;;
    esac
}}
free_lease() {{
    beat_lease
    [ -z "$lease" ] || rm -rf "$lease"
}}
"""
"""Variables and functions of a POSIX shell. The shell that calls `lock_device` holds the lock, on descriptor 9."""
