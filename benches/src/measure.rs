//! Measurement of time and memory.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::Contender;

/// The measurement of one turn of a contender.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub runs: u64,
    pub events: u64,
    pub time: Duration,
}

impl Sample {
    pub fn runs_per_second(&self) -> f64 {
        self.runs as f64 / self.time.as_secs_f64()
    }

    pub fn events_per_second(&self) -> f64 {
        self.events as f64 / self.time.as_secs_f64()
    }

    pub fn events_per_run(&self) -> f64 {
        self.events as f64 / self.runs as f64
    }

    pub fn nanoseconds_per_event(&self) -> f64 {
        self.time.as_nanos() as f64 / self.events as f64
    }
}

/// The processor time of this process, if Linux reports it: time spent waiting for other processes does not count.
/// Otherwise, the time since `start`.
fn clock(start: Instant) -> Duration {
    let spent = std::fs::read_to_string("/proc/self/schedstat").ok();
    let spent = spent.and_then(|line| line.split(' ').next()?.parse().ok());
    spent.map_or_else(|| start.elapsed(), Duration::from_nanos)
}

/// Runs a contender repeatedly for about this long.
pub fn timed(contender: &mut dyn Contender, first_seed: u64, limit: Duration) -> Sample {
    let begun = Instant::now();
    let before = clock(begun);
    let mut sample = Sample { runs: 0, events: 0, time: Duration::ZERO };
    while begun.elapsed() < limit {
        sample.events += contender.run(first_seed + sample.runs);
        sample.runs += 1;
    }
    sample.time = clock(begun).saturating_sub(before);
    sample
}

/// Runs a contender `runs` times.
pub fn batch(contender: &mut dyn Contender, first_seed: u64, runs: u64) -> Sample {
    let begun = Instant::now();
    let before = clock(begun);
    let events = (first_seed..first_seed + runs).map(|seed| contender.run(seed)).sum();
    Sample { runs, events, time: clock(begun).saturating_sub(before) }
}

/// The peak memory of this process so far, if Linux reports it.
pub fn peak_memory_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The peak memory of a new process in which this contender runs alone.
pub fn child_peak_memory(name: &str) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(program).args(["--child", name]).output().map_err(|error| error.to_string())?;
    String::from_utf8_lossy(&output.stdout).trim().parse().map_err(|_| "no answer".to_string())
}

/// The median, the minimum and the maximum of some numbers.
pub fn spread(mut numbers: Vec<f64>) -> (f64, f64, f64) {
    numbers.sort_unstable_by(f64::total_cmp);
    let half = numbers.len() / 2;
    let median =
        if numbers.len().is_multiple_of(2) { f64::midpoint(numbers[half - 1], numbers[half]) } else { numbers[half] };
    (median, numbers[0], numbers[numbers.len() - 1])
}
