#!/usr/bin/env bash
# Builds the plugin for 64-bit Arm and runs it there in emulation (qemu-user, as the Cortex-A76 of a Raspberry Pi 5): tests of
# the plain rooms and of both elements, and the demo clip from gst-launch-1.0, whose record must be the one of this machine.
# It says nothing about speed. No part of run.sh, since it takes a quarter of an hour. Needs root or sudo for a cross
# compiler and qemu; all else lies in target/aarch64 (1 GB).
#
#     tests/aarch64.sh
set -euo pipefail
exec </dev/null
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. pipelines/env.sh
triple=aarch64-unknown-linux-gnu
folder=$maskcount_target/aarch64
root=$folder/root
libraries=$root/usr/lib/aarch64-linux-gnu

say() { printf 'aarch64: %s\n' "$*"; }
die() {
    printf 'aarch64: %s\n' "$*" >&2
    exit 1
}

tools=(gcc-aarch64-linux-gnu qemu-user-static mmdebstrap)
if ! dpkg-query -W -f='${db:Status-Status}\n' "${tools[@]}" 2>/dev/null | grep -cx installed | grep -qx ${#tools[@]}; then
    as_root=()
    [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    say "installing ${tools[*]}"
    { "${as_root[@]}" apt-get update && "${as_root[@]}" apt-get install -y --no-install-recommends "${tools[@]}"; } >/dev/null ||
        die "apt-get failed (its message stands above)"
fi
rustc --print target-libdir --target $triple | xargs test -d || rustup target add $triple
pipelines/setup.sh --runtime aarch64 "$folder/runtime"

if [ ! -e "$root/made" ]; then
    say "fetching Debian's libraries for it"
    rm -rf "$root"
    mkdir -p "$folder"
    packages=(libc6-dev libstdc++6 libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev libgstrtspserver-1.0-dev
        gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-libav)
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
    # Unpacked, not set up: nothing of it need run for that. A mirror that is a snapshot has a release file that is out of date.
    mmdebstrap --quiet --variant=extract --architectures=arm64 --aptopt='Acquire::Check-Valid-Until "false"' \
        --include="$(IFS=,; echo "${packages[*]}")" bookworm "$root" "$mirror" || die "mmdebstrap failed (its message stands above)"
    touch "$root/made"
fi

# Debian's alternatives, which nobody has set up.
paths=/usr/lib/aarch64-linux-gnu/blas:/usr/lib/aarch64-linux-gnu/lapack
emulator=(qemu-aarch64-static -L "$root" -cpu cortex-a76 -E "LD_LIBRARY_PATH=$paths")
# What is not in the root is seen as it is here, and ONNX Runtime dies of an x86's description.
mkdir -p "$root/proc"
for core in $(seq 0 $(($(nproc) - 1))); do
    printf 'processor\t: %s\nFeatures\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp\n' "$core"
    printf 'CPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x4\nCPU part\t: 0xd0b\nCPU revision\t: 1\n\n'
done >"$root/proc/cpuinfo"
export PKG_CONFIG_ALLOW_CROSS=1 PKG_CONFIG_SYSROOT_DIR_aarch64_unknown_linux_gnu=$root
export PKG_CONFIG_LIBDIR_aarch64_unknown_linux_gnu=$libraries/pkgconfig:$root/usr/share/pkgconfig
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C link-arg=--sysroot=$root"
export CFLAGS_aarch64_unknown_linux_gnu=--sysroot=$root
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="${emulator[*]}"
# The scanner of plugins is a program of its own, which only an emulator could start.
there=("ORT_DYLIB_PATH=$folder/runtime/libonnxruntime.so" "GST_REGISTRY=$folder/registry.bin" GST_REGISTRY_FORK=no
    "GST_PLUGIN_SYSTEM_PATH=$libraries/gstreamer-1.0" "GST_PLUGIN_PATH=$folder/plugin")

say "building and testing"
tests=(env "${there[@]}" cargo test --release --target $triple)
# One test starts itself again, which only an emulator could.
"${tests[@]}" --lib --test facepixelate --test mosaic --test report_files --test report_windows -- --skip a_full_disk
# Of those that find faces, some: each frame takes half a second.
"${tests[@]}" --test maskcount -- failure picture the_demo_clip

say "the demo clip, there and here"
cargo build --release --lib --target $triple
cargo build --release --lib
pipelines/setup.sh >/dev/null
mkdir -p "$folder/plugin"
ln -sfn "$maskcount_target/$triple/release/libgstmaskcount.so" "$folder/plugin/"
# record NAME COMMAND…: the record that the command makes of the demo clip.
record() {
    local file=$folder/$1.json
    shift
    rm -f "$file"
    "$@" -q filesrc location=tests/media/demo.mp4 ! decodebin ! maskcount variant=int8 window=60 min-persons=1 \
        start-time=2026-04-26T08:40:00Z "location=$file" ! facepixelate ! fakesink sync=false
}
record there env "${there[@]}" "${emulator[@]}" "$root/usr/bin/gst-launch-1.0"
record here gst-launch-1.0
diff "$folder/here.json" "$folder/there.json" || die "the records differ"
say "the records are the same: $folder/there.json"
