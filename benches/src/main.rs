//! Measures runs and events per second of this simulator and of a peer, in paired rounds that alternate, so that other
//! load on the machine affects both equally. README.md says what is compared and what is not.

mod args;
mod measure;
mod ours;
mod raft_loop;
mod report;
mod workload;

use args::Args;
use measure::Sample;

/// An implementation of the workload.
trait Contender {
    /// Runs it once, checks the result, and returns the number of events.
    fn run(&mut self, seed: u64) -> u64;
}

/// Creates a contender.
type Start = fn() -> Box<dyn Contender>;

/// The contenders by name. The others are compared with the first.
const CONTENDERS: [(&str, Start); 2] =
    [("vopr", || Box::new(ours::Ours::new())), ("raft", || Box::new(raft_loop::RaftLoop::new()))];

fn main() -> Result<(), String> {
    let args = Args::parse(std::env::args().skip(1))?;
    if let Some(name) = &args.child {
        let (_, start) = CONTENDERS.iter().find(|known| known.0 == name).ok_or("no such contender")?;
        measure::batch(&mut *start(), args.first_seed, args.runs);
        println!("{}", measure::peak_memory_kib().ok_or("the peak memory cannot be read on this system")?);
        return Ok(());
    }
    if let Some(name) = &args.profile {
        let (_, start) = CONTENDERS.iter().find(|known| known.0 == name).ok_or("no such contender")?;
        let sample = measure::batch(&mut *start(), args.first_seed, args.runs);
        println!("{name}: {:.0} runs/s", sample.runs_per_second());
        return Ok(());
    }
    let mut contenders = CONTENDERS.map(|(_, start)| start());
    let mut samples = CONTENDERS.map(|_| Vec::<Sample>::new());
    for contender in &mut contenders {
        measure::batch(&mut **contender, 0, 100);
    }
    for round in 0..args.rounds {
        for turn in 0..CONTENDERS.len() {
            // The order alternates: the first contender of one round is the last of the next.
            let index = if round.is_multiple_of(2) { turn } else { CONTENDERS.len() - 1 - turn };
            samples[index].push(measure::timed(&mut *contenders[index], args.first_seed, args.round));
        }
    }
    let memory = CONTENDERS.map(|(name, _)| measure::child_peak_memory(name).ok());
    report::print(&CONTENDERS.map(|known| known.0), &samples, &memory);
    Ok(())
}
