# shellcheck shell=bash
# Sourced, by the other scripts and by anybody's bash (`. pipelines/env.sh`): lets GStreamer find the plugin that cargo
# built in this repository, and the plugin find the ONNX Runtime that setup.sh fetched.

maskcount_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
maskcount_target=${CARGO_TARGET_DIR:-$maskcount_root/target}

export GST_PLUGIN_PATH="$maskcount_target/plugin${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}"
export ORT_DYLIB_PATH="${ORT_DYLIB_PATH:-$maskcount_target/runtime/libonnxruntime.so}"
