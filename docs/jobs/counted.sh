# What the three jobs share: shows each `bench` command, counts them, and says at the end how long all took.
# Sets up .venv of this clone with the extras in $extras, where no `bench` is installed.
# Before there is a function of that name.
if ! command -v bench >/dev/null; then
    clone=$(cd "$here/../../.." && pwd)
    "$clone/scripts/set_up.sh" "$extras" "what this job needs"
    PATH=$clone/.venv/bin:$PATH
fi

begun=$(date +%s) commands=0 first_number=

bench() {
    commands=$((commands + 1))
    echo "==> bench $*" >&2
    command bench "$@"
    case $1 in
    run | gate) first_number=${first_number:-$(($(date +%s) - begun))} ;;
    esac
}

say_how_long() {
    code=$?
    took=$(($(date +%s) - begun))
    [ "$code" = 0 ] || echo "stopped by the command above, exit code $code" >&2
    echo "$commands bench commands, first number after ${first_number:--} s, $took s in all, in $PWD"
}

mkdir -p "$folder"
cd "$folder"
trap say_how_long EXIT
