//! The printed report: one row per contender with medians over the rounds, then the ratios of the paired rounds.

use crate::measure::{Sample, spread};

/// Prints the table. The other contenders are compared with the first.
pub fn print(names: &[&str], samples: &[Vec<Sample>], memory: &[Option<u64>]) {
    println!(
        "{:8} {:>9} {:>11} {:>11} {:>9} {:>12}",
        "", "runs/s", "events/run", "events/s", "ns/event", "peak memory"
    );
    for ((name, samples), memory) in names.iter().zip(samples).zip(memory) {
        let median = |number: fn(&Sample) -> f64| spread(samples.iter().map(number).collect()).0;
        println!(
            "{name:8} {:>9.0} {:>11.0} {:>11.0} {:>9.1} {:>12}",
            median(Sample::runs_per_second),
            median(Sample::events_per_run),
            median(Sample::events_per_second),
            median(Sample::nanoseconds_per_event),
            memory.map_or_else(|| "unknown".into(), |kib| format!("{:.1} MiB", kib as f64 / 1024.0)),
        );
    }
    println!();
    for (name, others) in names.iter().zip(samples).skip(1) {
        let ratio = |number: fn(&Sample) -> f64| {
            let pairs = samples[0].iter().zip(others);
            let (median, least, greatest) = spread(pairs.map(|(ours, other)| number(ours) / number(other)).collect());
            format!("{median:.2} times (least {least:.2}, greatest {greatest:.2})")
        };
        println!("{} / {name}: runs/s   {}", names[0], ratio(Sample::runs_per_second));
        println!("{} / {name}: events/s {}", names[0], ratio(Sample::events_per_second));
    }
    println!("\nmedians of {} paired rounds", samples[0].len());
}
