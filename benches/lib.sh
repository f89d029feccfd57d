# shellcheck shell=bash
# What the scripts in benches/ share; sourced from the repository's folder.
. pipelines/env.sh
work=$maskcount_target/compare
# Whether Debian packages may be installed.
installs=no
mkdir -p "$work"

say() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2; }

packages() { # packages NAME…: true if they are installed, now or before
    # One that was removed is known all the same, but not as installed.
    [ "$(dpkg-query -W -f='${db:Status-Status}\n' "$@" 2>/dev/null | grep -cx installed)" -eq $# ] && return
    [ "$installs" = yes ] && [ "$(id -u)" -eq 0 ] || return 1
    say "installing $*"
    { apt-get update && apt-get install -y --no-install-recommends "$@"; } >"$work/apt.log" 2>&1
}

prepare() { # prepare PROGRAM: the runtime, the program, a Python environment, the frames
    say "building"
    pipelines/setup.sh >"$work/setup.log" || { tail -n 5 "$work/setup.log" >&2 && exit 1; }
    cargo build --release --example "$1" >"$work/cargo.log" 2>&1 || { tail -n 20 "$work/cargo.log" >&2 && exit 1; }
    if ! cmp -s benches/requirements.txt "$work/venv/requirements.txt"; then
        packages python3-venv || { say "python3-venv is not installed: apt-get install python3-venv" && exit 1; }
        say "installing the Python packages"
        rm -rf "$work/venv"
        python3 -m venv "$work/venv"
        "$work/venv/bin/pip" install --quiet --disable-pip-version-check --requirement benches/requirements.txt >&2
        cp benches/requirements.txt "$work/venv/"
    fi
    local newest=$work/ten-1080p.raw
    if [ ! -e "$newest" ] || [ benches/frames.py -nt "$newest" ] || [ tests/media/demo.mp4 -nt "$newest" ]; then
        say "making the frames"
        "$work/venv/bin/python" benches/frames.py "$work"
    fi
}
