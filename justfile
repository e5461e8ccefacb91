# The recipes that contributors know. `just` alone lists them.

vopr := "cargo run --release --quiet --bin vopr --"

_default:
    @just --list

# The command line itself: `just vopr run --scenario baseline`.
vopr *arguments:
    {{ vopr }} {{ arguments }}

# The list of scenarios.
vopr-scenarios:
    {{ vopr }} scenarios

# One scenario: `just vopr-scenario combined 1000`.
vopr-scenario name iterations="1000":
    {{ vopr }} run --scenario {{ name }} --iterations {{ iterations }}

# 100 iterations of every scenario.
vopr-quick: (vopr-full "100")

# So many iterations of every scenario, on all processors.
vopr-full iterations="10000":
    {{ vopr }} run --scenario all --iterations {{ iterations }} --jobs {{ num_cpus() }} --save-failures

# Which scenario catches which planted bug, with 10,000 runs of each scenario on the correct protocol: docs/kill-matrix.md.
kill-matrix:
    {{ vopr }} matrix --own --iterations 20000 --correct-iterations 10000 --seed 1 --jobs {{ num_cpus() }} --output docs/kill-matrix.md

# Replays a failure.
vopr-repro file:
    {{ vopr }} repro {{ file }} --verbose

# A failure as a picture, in the terminal: `--output FILE.html` makes a page of it.
vopr-timeline file *arguments:
    {{ vopr }} timeline {{ file }} {{ arguments }}

# The smallest plan that still breaks the same invariant.
vopr-minimize file:
    {{ vopr }} minimize {{ file }}

# The event from which the failure is certain.
vopr-bisect file:
    {{ vopr }} bisect {{ file }}

# The failure in numbered sentences.
vopr-explain file:
    {{ vopr }} explain {{ file }}

# A campaign: `just fuzz byzantine_dvc --time 10m`.
fuzz target *arguments:
    {{ vopr }} fuzz {{ target }} {{ arguments }}

# All targets in turns: `just fuzz-all --time 8h --jobs 2`.
fuzz-all *arguments:
    {{ vopr }} fuzz --targets all {{ arguments }}

# What the campaigns so far reached and found.
vopr-stats *arguments:
    {{ vopr }} stats {{ arguments }}

# The same in the browser, at http://127.0.0.1:8080/.
vopr-dashboard *arguments:
    {{ vopr }} dashboard {{ arguments }}

# Campaigns, failures and their runs in the terminal.
vopr-tui *arguments:
    {{ vopr }} tui {{ arguments }}

# The seed corpora of the repository, made anew from campaigns, baselines and old failures, and minimized.
corpus-min runs="20000" bytes="20000" *targets:
    cargo build --release --quiet --bin vopr
    corpus/regenerate target/release/vopr {{ runs }} {{ bytes }} {{ targets }}

# The seeds of a target as the folder that cargo-fuzz reads and writes by itself: `just fuzz-corpus clock`, then
# `cargo fuzz run -s none clock`.
fuzz-corpus target:
    {{ vopr }} corpus unpack {{ target }} --output fuzz/corpus/{{ target }}

# All that CI checks.
ci:
    .ci/run

# Whether guided search beats random search, for every planted bug: docs/guidance.md.
bench-bugs *arguments:
    {{ vopr }} bench bugs {{ arguments }}

# Runs and events per second, beside tikv's raft.
bench:
    cargo bench -p benches
