//! The schedule of a campaign: which target runs next, and for how long.
//!
//! A campaign with one target is a single turn. Several targets take turns: every other turn goes to the target that
//! has waited longest, and each turn in between goes to the target whose last turn found the most new states per unit
//! of time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::base::error::Error;
use crate::campaigns::campaign_log::{Log, Record, Started};
use crate::search::fuzzing::campaign::{Campaign, Running, Share, Summary};
use crate::search::fuzzing::seed_corpus::SeedCorpus;
use crate::search::fuzzing::turn::Turn;

const OTHER: &str = "choose another with --output-dir";
/// The minimum length of a turn, unless the total time is too short for one such turn per target.
const TURN_MIN: Duration = Duration::from_secs(10);
/// The maximum length of a turn, which bounds how long the other targets wait.
const TURN_MAX: Duration = Duration::from_secs(300);
/// The length of a turn if the campaign has no time limit.
const TURN_ENDLESS: Duration = Duration::from_secs(60);
/// The number of turns per target, if there is enough time.
const TURNS_EACH: u32 = 4;

impl Campaign {
    /// Runs the campaign until its time is over, its inputs are used up, or `stop` is set.
    pub fn run(&self, stop: &AtomicBool) -> Result<Summary, Error> {
        let directory = &self.output_directory;
        let seeds = self.targets.iter().map(|target| SeedCorpus::find(&target.name, &self.corpus(target)));
        let seeds = seeds.collect::<Result<Vec<_>, _>>()?;
        let opened = Log::open(directory, &self.name)
            .map_err(|error| Error::io("write the log in", directory, &error, OTHER))?;
        let mut running =
            Running { campaign: self, known: self.known(), seeds, summary: Summary::default(), log: Some(opened) };
        running.summary.shares = self.targets.iter().map(|_| Share::default()).collect();
        running.note(Record::Started(Started {
            version: env!("CARGO_PKG_VERSION").to_string(),
            system: self.system.name.to_string(),
            system_version: self.system.version.to_string(),
            bugs: self.bugs.clone(),
            targets: self.targets.iter().map(|target| target.name.clone()).collect(),
            jobs: self.jobs,
            seed: self.seed.to_string(),
        }));
        let started = Instant::now();
        let result = running.take_turns(started, stop);
        running.summary.elapsed = started.elapsed();
        running.note(Record::Ended { interrupted: running.summary.interrupted });
        result.map(|()| running.summary)
    }
}

impl Running<'_> {
    fn take_turns(&mut self, started: Instant, stop: &AtomicBool) -> Result<(), Error> {
        let campaign = self.campaign;
        for number in 0.. {
            let left = campaign.time.map(|time| time.saturating_sub(started.elapsed()));
            let runs_left = campaign.runs.map(|runs| runs.saturating_sub(self.summary.runs()));
            if number > 0 && (left == Some(Duration::ZERO) || runs_left == Some(0) || self.is_over(stop)) {
                break;
            }
            let index = next(&self.summary.shares, number);
            let (time, runs) = match (campaign.targets.len(), campaign.runs) {
                (1, _) => (left, runs_left),
                // Each target gets an equal share of the inputs, in one turn.
                (count, Some(runs)) => {
                    if number == count {
                        break;
                    }
                    let runs = runs / count as u64 + u64::from((number as u64) < runs % count as u64);
                    if runs == 0 {
                        continue;
                    }
                    (left, Some(runs))
                }
                (count, None) => (Some(turn_time(campaign.time, left, count)), None),
            };
            let before = (self.summary.shares[index].states.count(), self.summary.shares[index].elapsed);
            Turn { number, index, time, runs }.run(self, stop)?;
            let share = &mut self.summary.shares[index];
            share.turns += 1;
            share.ended = number + 1;
            share.last_turn = (share.states.count() - before.0, share.elapsed.saturating_sub(before.1));
            if campaign.targets.len() == 1 {
                break;
            }
        }
        Ok(())
    }

    fn is_over(&self, stop: &AtomicBool) -> bool {
        let wanted = |invariant: &String| self.campaign.stop_on.contains(invariant);
        let found = self.summary.findings.iter().map(|finding| &finding.rule.invariant);
        let mut broken = found.chain(self.summary.again.iter().map(|known| &known.rule.invariant));
        stop.load(Ordering::Relaxed)
            || if self.campaign.stop_on_first {
                broken.next().is_some() || !self.summary.deaths.is_empty()
            } else {
                broken.any(wanted)
            }
    }
}

/// The index of the target that takes turn `number`.
fn next(shares: &[Share], number: usize) -> usize {
    let yield_of = |share: &Share| {
        let (states, time) = share.last_turn;
        states as u64 * 1_000_000 / (time.as_millis() as u64).max(1)
    };
    let indices = 0..shares.len();
    let longest = indices.clone().min_by_key(|index| (shares[*index].ended, *index)).unwrap_or_default();
    if shares[longest].turns == 0 || number.is_multiple_of(2) {
        return longest;
    }
    // On a tie, the first one wins.
    indices.rev().max_by_key(|index| yield_of(&shares[*index])).unwrap_or(longest)
}

/// The length of a turn with this number of targets.
fn turn_time(time: Option<Duration>, left: Option<Duration>, targets: usize) -> Duration {
    let (Some(time), Some(left)) = (time, left) else { return TURN_ENDLESS };
    let targets = targets as u32;
    let turn = (time / (targets * TURNS_EACH)).clamp(TURN_MIN, TURN_MAX).min(time / targets);
    // If the remaining time is too short for another turn, this turn takes all of it.
    if left < turn + turn / 2 { left } else { turn }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_alternate_between_the_longest_wait_and_the_most_new_states() {
        let mut shares: Vec<Share> = (0..3).map(|_| Share::default()).collect();
        let finds = [5, 100, 0];
        let mut order = Vec::new();
        for number in 0..9 {
            let index = next(&shares, number);
            order.push(index);
            let share = &mut shares[index];
            (share.turns, share.ended) = (share.turns + 1, number + 1);
            share.last_turn = (finds[index], Duration::from_secs(10));
        }
        assert_eq!(order, [0, 1, 2, 1, 0, 1, 2, 1, 0]);
    }

    #[test]
    fn turns_fit_the_time() {
        let seconds = Duration::from_secs;
        assert_eq!(turn_time(Some(seconds(3_600)), Some(seconds(3_600)), 15), seconds(60));
        assert_eq!(turn_time(Some(seconds(30)), Some(seconds(30)), 15), seconds(2), "one each, at least");
        assert_eq!(turn_time(Some(seconds(3_600)), Some(seconds(80)), 15), seconds(80), "no short last turn");
        assert_eq!(turn_time(None, None, 15), TURN_ENDLESS);
    }
}
