#!/usr/bin/env bash
# Builds the fuzz targets as ClusterFuzzLite and OSS-Fuzz want them in $OUT: for each an executable, its seeds and its
# options. VOPR_FUZZ_TARGETS names some of them only, for tests/oss-fuzz-build.
set -eu
cd "$SRC/vopr"

# The sanitizer and the fuzzing engine are in RUSTFLAGS and CUSTOM_LIBFUZZER_PATH already; cargo-fuzz adds what it needs to
# see the edges of the code. Debug assertions are worth their price in a search for bugs.
targets=${VOPR_FUZZ_TARGETS:-$(cargo fuzz list)}
# All in one call if none is named, so that Cargo builds them on all cores.
for target in ${VOPR_FUZZ_TARGETS:-""}; do
    cargo fuzz build -O --debug-assertions --sanitizer none ${target:+"$target"}
done

output=${CARGO_TARGET_DIR:-fuzz/target}/x86_64-unknown-linux-gnu/release
for target in $targets; do
    cp "$output/$target" "$OUT/"
    # A header and 127 actions; inputs are whole actions, so nothing is gained by growing them byte by byte. A format's
    # inputs may be larger.
    options="max_len = 2048
len_control = 0"
    seeds=$OUT/${target}_seed_corpus.zip
    case $target in
        kmb_reader | corpus_reader | disk_records | message_codec) options="max_len = 65536" ;;
    esac
    printf '[libfuzzer]\n%s\ntimeout = 30\n' "$options" > "$OUT/$target.options"
    case $target in
        disk_records | message_codec) ;;
        kmb_reader) python3 -m zipfile -c "$seeds" corpus/regressions/*.kmb ;;
        corpus_reader) python3 -m zipfile -c "$seeds" corpus/*.corpus ;;
        plan_decoder) python3 .clusterfuzzlite/seeds.py corpus/combined.corpus "$seeds" ;;
        *) python3 .clusterfuzzlite/seeds.py "corpus/$target.corpus" "$seeds" ;;
    esac
done
