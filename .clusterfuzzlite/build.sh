#!/usr/bin/env bash
# Builds the fuzz targets as ClusterFuzzLite and OSS-Fuzz want them in $OUT: for each an executable, its seeds and its
# options. VOPR_FUZZ_TARGETS names some of them only, for tests/oss-fuzz-build.
set -eu
cd "$SRC/vopr"

# The sanitizer and the fuzzing engine are in RUSTFLAGS and CUSTOM_LIBFUZZER_PATH already; cargo-fuzz adds what it needs to
# see the edges of the code. Debug assertions are worth their price in a search for bugs.
targets=${VOPR_FUZZ_TARGETS:-$(cargo fuzz list)}
for target in $targets; do
    cargo fuzz build -O --debug-assertions --sanitizer none "$target"
done

output=${CARGO_TARGET_DIR:-fuzz/target}/x86_64-unknown-linux-gnu/release
for target in $targets; do
    cp "$output/$target" "$OUT/"
    # A header and 127 actions; inputs are whole actions, so nothing is gained by growing them byte by byte. A format's
    # inputs may be larger.
    options="max_len = 2048
len_control = 0"
    seeds=corpus/$target
    case $target in
        kmb_reader) seeds=corpus/regressions options="max_len = 65536" ;;
        plan_decoder) seeds=corpus/combined ;;
        disk_records | message_codec) seeds="" options="max_len = 65536" ;;
    esac
    printf '[libfuzzer]\n%s\ntimeout = 30\n' "$options" > "$OUT/$target.options"
    if [ -n "$seeds" ]; then
        (cd "$seeds" && python3 -m zipfile -c "$OUT/${target}_seed_corpus.zip" *)
    fi
done
