#!/bin/sh
# Builds the fuzzers, proves with their canaries that they can find something, then lets each search.
#   Tests/Fuzz/run.sh SECONDS SEED [NAME...]
# What is built and found goes to .build-fuzz; the seeds in Tests/Fuzz/corpus are only read.
set -eu
cd "$(dirname "$0")/../.."
duration=$1 seed=$2
shift 2
[ $# -gt 0 ] || set -- json lines envelope http
out=.build-fuzz
# Runs within which a canary must have been caught; each is, by far.
canary_runs=500000
flags="-O -gline-tables-only -wmo -parse-as-library -swift-version 6 -package-name dues -sanitize=fuzzer,address -use-ld=lld
  -warnings-as-errors -enable-upcoming-feature ExistentialAny -enable-upcoming-feature InternalImportsByDefault
  -enable-upcoming-feature MemberImportVisibility"
# Leaks are not looked for: nothing here allocates by hand, and the leak checker wants to trace, which containers forbid.
export ASAN_OPTIONS=detect_leaks=0
# libFuzzer tells where it died; Swift's own backtracer may wait for ever beside the address sanitizer.
export SWIFT_BACKTRACE=enable=no

resources=$(swiftc -print-target-info | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p')
if [ -z "$(find -L "$resources/clang" -name 'libclang_rt.fuzzer[-.]*' 2>/dev/null)" ]; then
  echo "libFuzzer's runtime (libclang_rt.fuzzer) is missing below $resources/clang:" >&2
  echo "the whole toolchain of https://www.swift.org/install/linux/ has it, a slim one does not" >&2
  exit 1
fi
mkdir -p $out/findings $out/modules

sources() {
  case $1 in
    json) echo Tests/Fuzz/JSONFuzz.swift ;;
    lines) echo Tests/Fuzz/LinesFuzz.swift Sources/RPC/LineSplitter.swift ;;
    envelope) echo Tests/Fuzz/EnvelopeFuzz.swift Sources/RPC/Envelope.swift ;;
    http)
      echo Tests/Fuzz/HTTPFuzz.swift Sources/HTTP/HTTPMessage.swift Sources/HTTP/Server/HTTPLimits.swift \
        Sources/HTTP/Server/HTTPRequestParser.swift
      ;;
    *)
      echo "there is no fuzzer called $1: json, lines, envelope, http" >&2
      return 1
      ;;
  esac
}

# build NAME FILE [FLAG...]: the fuzzer NAME as the program FILE.
build() {
  files=$(sources "$1") program=$2
  name=$1
  shift 2
  # shellcheck disable=SC2086 # flags and files are lists of words
  swiftc $flags -module-name "Fuzz_$name" "$@" -I $out/modules Tests/Fuzz/Fuzzing.swift $files $out/modules/JSON.o -o "$program"
}

# search NAME PROGRAM PREFIX LOG [OPTION...]: one run of libFuzzer, quiet but for its log.
search() {
  name=$1 program=$2 prefix=$3 log=$4
  shift 4
  # Inputs stay short: every rule here shows within a few hundred bytes, and short inputs are many.
  "$program" -max_len=512 -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$prefix" \
    ${dictionary:+-dict="$dictionary"} "$@" >"$log" 2>&1
}

echo "building the fuzzers: $*"
# shellcheck disable=SC2086
swiftc $flags -module-name JSON -emit-module -emit-module-path $out/modules/JSON.swiftmodule -c Sources/JSON/*.swift \
  -o $out/modules/JSON.o
for name; do
  build "$name" "$out/$name"
  build "$name" "$out/$name-canary" -D CANARY
done

for name; do
  dictionary=Tests/Fuzz/$name.dict
  [ -f "$dictionary" ] || dictionary=
  rm -rf "$out/canary"
  mkdir -p "$out/canary"
  log=$out/$name-canary.log
  # The seeds alone must not set it off: what catches a canary has to be the search.
  if ! search "$name" "$out/$name-canary" "$out/canary/" "$log" -seed=1 -runs=0 "Tests/Fuzz/corpus/$name"; then
    if "$out/$name" -runs=0 -artifact_prefix="$out/findings/$name-" "Tests/Fuzz/corpus/$name" >"$log" 2>&1; then
      echo "$name: the corpus itself sets the canary off: it proves nothing" >&2
    else
      echo "$name: an input of the corpus is a finding: see $log" >&2
    fi
    exit 1
  fi
  if search "$name" "$out/$name-canary" "$out/canary/" "$log" -seed=1 -runs=$canary_runs \
    "$out/canary" "Tests/Fuzz/corpus/$name" || ! grep -q '^FINDING' "$log"; then
    echo "$name: the canary was not caught in $canary_runs runs: this fuzzer is blind; see $log" >&2
    exit 1
  fi
  runs=$(sed -n 's/^#\([0-9]*\).*/\1/p' "$log" | tail -1)
  echo "$name: the canary is caught after $runs runs or a few more: $(grep -m1 '^FINDING' "$log")"
done

status=0
for name; do
  dictionary=Tests/Fuzz/$name.dict
  [ -f "$dictionary" ] || dictionary=
  mkdir -p "$out/corpus/$name"
  log=$out/$name.log
  echo "$name: $duration seconds, seed $seed"
  if search "$name" "$out/$name" "$out/findings/$name-" "$log" -seed="$seed" -max_total_time="$duration" \
    -print_final_stats=1 "$out/corpus/$name" "Tests/Fuzz/corpus/$name"; then
    echo "$name: nothing found in $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs, $(
      grep -o 'cov: [0-9]*' "$log" | tail -1)"
    continue
  fi
  status=1
  finding=$(sed -n 's/.*Test unit written to \(.*\)$/\1/p' "$log" | tail -1)
  grep -A 3 -m1 -E '^FINDING|Fatal error|ERROR: ' "$log" >&2 || tail -20 "$log" >&2
  echo "$name: a finding, with seed $seed; its log is $log" >&2
  [ -n "$finding" ] || continue
  minimised=$out/findings/$name-minimised
  "$out/$name" -minimize_crash=1 -runs=100000 -exact_artifact_path="$minimised" "$finding" >"$out/minimise.log" 2>&1 || true
  [ -s "$minimised" ] || cp "$finding" "$minimised"
  echo "$name: the smallest input that shows it:" >&2
  od -A d -c "$minimised" | head -20 >&2
  echo "$name: to reproduce: SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=0 $out/$name $minimised" >&2
  echo "$name: once mended, add it to Tests/Fuzz/corpus/$name and to the target's tests" >&2
done
exit $status
