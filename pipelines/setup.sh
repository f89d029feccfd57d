#!/usr/bin/env bash
# Installs what building, testing and running the plugin needs, on Debian 12 or later, as root or with sudo:
#   1. the Debian packages (GStreamer, compiler, meson),
#   2. ONNX Runtime, from its Python wheel, pinned and checked by hash, as target/runtime/libonnxruntime.so.
# It may be run again and again: what is there is left alone. Rust itself is only looked for.
#
#     pipelines/setup.sh --dashboard          what building maskcount-dashboard needs, and nothing of the plugin: a C compiler,
#                                             SQLite, and the page's scripts, from the npm registry as package-lock.json pins them
#     pipelines/setup.sh --dashboard-tests    the same, and what its tests start: Chromium, Mosquitto, Prometheus (the
#                                             services that Debian makes of the last two are switched off)
#     pipelines/setup.sh --runtime MACHINE /FOLDER    ONNX Runtime alone, for x86_64 or aarch64, whatever this machine is
set -euo pipefail
exec </dev/null

cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=${CARGO_TARGET_DIR:-$PWD/target}
work=

packages=(
    build-essential pkg-config meson ninja-build ca-certificates
    libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev libgstrtspserver-1.0-dev
    gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
    gstreamer1.0-plugins-ugly gstreamer1.0-libav gstreamer1.0-rtsp gstreamer1.0-x
    python3 python3-gi gir1.2-gstreamer-1.0
)

runtime_version=1.32.0
# Puts the hashes of the runtime for a machine into `wheel_sha256` and `runtime_sha256`.
pinned_for() {
    case $1 in
        x86_64)
            wheel_sha256=5a34fc4dfeb5a7b4a74c95dcba1e773d722abda720b474edf1b0c419dc6d163d
            runtime_sha256=6c1585d1bbf45b0712ea4a21b705c5fcb4ba04ff2e30f1fbf81a49faf658638f
            ;;
        aarch64)
            wheel_sha256=2303372a85299b6757b0e11e1cbf13e410ddf7e10c37f4b37e99d1c90e7daf7c
            runtime_sha256=49852228a93995158b2a813d4df487d47a1b76b0eaa894507ef49e91b6d7954a
            ;;
        *) die "there is no ONNX Runtime wheel for $1: build libonnxruntime.so yourself and name it in ORT_DYLIB_PATH" ;;
    esac
}

step() { printf 'setup: %s\n' "$*"; }
die() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}
policy=
trap '[ -z "$work" ] || rm -rf "$work"; [ -z "$policy" ] || "${root[@]}" rm -f "$policy"' EXIT

is_installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# Puts the words that run something as root into the array `root`; says what is to be run when nobody is root.
become_root() {
    root=()
    [ "$(id -u)" -ne 0 ] || return 0
    command -v sudo >/dev/null || die "not root and no sudo: run as root: $*"
    root=(sudo)
}

install_packages() {
    command -v dpkg-query >/dev/null || die "this is not Debian: install by hand what these Debian packages hold: ${packages[*]}"
    local missing=() package
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    if [ ${#missing[@]} -eq 0 ]; then
        step "Debian packages: there"
        return
    fi
    local root
    become_root "apt-get install --no-install-recommends ${missing[*]}"
    step "Debian packages: installing ${missing[*]}"
    local log
    log=$(mktemp)
    if ! { "${root[@]}" apt-get update && "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        die "apt-get failed (its last lines stand above; all of them: $log)"
    fi
    rm -f "$log"
}

has_hash() { [ -f "$1" ] && printf '%s  %s\n' "$2" "$1" | sha256sum --check --status; }

fetch_runtime() { # fetch_runtime MACHINE FOLDER
    local runtime=$2/libonnxruntime.so
    pinned_for "$1"
    if has_hash "$runtime" "$runtime_sha256"; then
        step "ONNX Runtime $runtime_version: there"
        return
    fi
    python3 -m pip --version >/dev/null 2>&1 || install_packages python3-pip
    step "ONNX Runtime $runtime_version: downloading the wheel"
    mkdir -p "$2"
    work=$(mktemp -d "$2/.fetch.XXXXXX")
    printf 'onnxruntime==%s --hash=sha256:%s\n' "$runtime_version" "$wheel_sha256" >"$work/requirements.txt"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
        --platform "manylinux_2_28_$1" --python-version 3.11 --implementation cp --abi cp311 \
        --dest "$work" --requirement "$work/requirements.txt" ||
        die "the onnxruntime $runtime_version wheel could not be downloaded, or its hash was wrong (pip's message stands above): is the network there?"
    python3 - "$work" "$runtime_version" <<'PYTHON'
import pathlib, shutil, sys, zipfile
folder, version = pathlib.Path(sys.argv[1]), sys.argv[2]
(wheel,) = folder.glob("onnxruntime-*.whl")
with zipfile.ZipFile(wheel) as archive, open(folder / "libonnxruntime.so", "wb") as library:
    shutil.copyfileobj(archive.open(f"onnxruntime/capi/libonnxruntime.so.{version}"), library)
PYTHON
    has_hash "$work/libonnxruntime.so" "$runtime_sha256" || die "the library in the wheel is not the pinned one: do not use it, and report this"
    mv -f "$work/libonnxruntime.so" "$runtime"
    rm -rf "$work"
    work=
    step "ONNX Runtime $runtime_version: now in $runtime"
}

# A folder that holds the plugin alone: GStreamer would try every library in target/release.
link_plugin() {
    mkdir -p "$target/plugin"
    ln -sfn ../release/libgstmaskcount.so "$target/plugin/libgstmaskcount.so"
    step "plugin folder: $target/plugin"
}

check_rust() {
    local wanted have
    wanted=$(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' Cargo.toml)
    command -v cargo >/dev/null || die "cargo is not on the PATH: install Rust $wanted or later with rustup (https://rustup.rs), open a new shell and run this again"
    have=$(cargo --version | cut -d' ' -f2)
    if [ "$(printf '%s\n%s\n' "$wanted" "$have" | sort -V | head -n 1)" != "$wanted" ]; then
        die "cargo is $have, the plugin needs $wanted or later: rustup update stable"
    fi
    step "Rust $have: there"
}

# The tests start a broker and a Prometheus of their own: Debian must start none, now or at the next boot. Services that
# were there before are somebody's and stay as they are.
install_test_packages() {
    local service new=()
    for service in mosquitto prometheus; do
        is_installed "$service" || new+=("$service")
    done
    if [ ${#new[@]} -gt 0 ] && [ ! -e /usr/sbin/policy-rc.d ]; then
        become_root "pipelines/setup.sh --dashboard-tests"
        # Must not stay, however this script ends.
        policy=/usr/sbin/policy-rc.d
        printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
        "${root[@]}" chmod 755 "$policy"
        install_packages "$@"
        "${root[@]}" rm -f "$policy"
        policy=
    else
        install_packages "$@"
    fi
    for service in "${new[@]}"; do
        [ -d /run/systemd/system ] || break
        become_root "systemctl disable --now $service"
        "${root[@]}" systemctl disable --quiet --now "$service" || die "cannot switch off the service $service"
    done
}

# The page's scripts are built into the binary; axe-core is for the tests.
fetch_scripts() {
    local page=dashboard/page
    if [ "$page/node_modules/.package-lock.json" -nt "$page/package-lock.json" ]; then
        step "the page's scripts: there"
        return
    fi
    command -v npm >/dev/null || install_packages nodejs npm
    step "the page's scripts: fetching"
    npm ci --prefix "$page" --no-audit --no-fund --loglevel=error ||
        die "npm could not fetch the page's scripts (its message stands above): is the network there?"
}

case ${1-} in
    "") ;;
    --dashboard | --dashboard-tests)
        install_packages build-essential ca-certificates pkg-config libsqlite3-dev
        [ "$1" = --dashboard ] || install_test_packages chromium chromium-driver mosquitto mosquitto-clients prometheus
        check_rust
        fetch_scripts
        exit
        ;;
    --runtime)
        [[ $# -eq 3 && $3 = /* ]] || die "--runtime needs a machine (x86_64 or aarch64) and the full path of a folder"
        fetch_runtime "$2" "$3"
        exit
        ;;
    *) die "there is no option $1: it is --dashboard, --dashboard-tests, --runtime, or none" ;;
esac

install_packages "${packages[@]}"
pkg-config --atleast-version=1.22 gstreamer-1.0 || die "GStreamer $(pkg-config --modversion gstreamer-1.0) is too old: the plugin needs 1.22 (Debian 12)"
check_rust
fetch_runtime "$(uname -m)" "$target/runtime"
link_plugin
