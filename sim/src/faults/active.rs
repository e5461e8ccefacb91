//! Faults that last, and their combined effects.
//!
//! The list of active faults is the only state; whenever it changes, the effects are recomputed. So faults overlap
//! without counters: two partitions cut what either of them cuts, of two loss rates the higher one applies, drifts are
//! added, and when a fault ends, exactly its own effect ends.
//!
//! `world/inject.rs` carries actions out, and adds those that last to this list.

use crate::base::ids::{REPLICAS_MAX, ReplicaId, ReplicaSet};
use crate::base::random::MILLION;
use crate::base::time::Time;
use crate::plan::ActionKind;

/// What all active faults add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Messages lost, per million.
    pub loss: u32,
    /// Messages delivered twice, per million.
    pub duplication: u32,
    /// Messages that may overtake others, per million.
    pub reordering: u32,
    /// Per replica, the longest additional delay of its messages.
    pub delay: [Time; REPLICAS_MAX],
    /// Per replica, how many of its messages are damaged on the way, per million.
    pub garbling: [u32; REPLICAS_MAX],
    /// Per sender, the receivers that it is cut off from.
    pub cut: [ReplicaSet; REPLICAS_MAX],
    /// Per sender, the receivers for which its messages are held.
    pub clogged: [ReplicaSet; REPLICAS_MAX],
    /// Per replica, the share of syncs and reads that fail, per million.
    pub disk_error: [u32; REPLICAS_MAX],
    /// Per replica, the longest additional time of syncs and reads.
    pub disk_slow: [Time; REPLICAS_MAX],
    /// The replicas whose disks are full.
    pub disk_full: ReplicaSet,
    /// Per replica, the additional drift of its clocks, in parts per million.
    pub drift: [i64; REPLICAS_MAX],
    /// The replicas whose clocks stand still.
    pub frozen: ReplicaSet,
    /// The replicas that are paused.
    pub paused: ReplicaSet,
    /// The replicas that cannot reach the time service.
    pub no_ntp: ReplicaSet,
    /// Per replica, how far off the time is that the time service tells it, in nanoseconds.
    pub wrong_ntp: [i64; REPLICAS_MAX],
    /// Per replica, how its disk reads wrong.
    pub misread: [Option<Misread>; REPLICAS_MAX],
    /// The replicas whose links lose, damage, delay or hold messages, or whose disks or clocks do not do what they should.
    pub impaired: ReplicaSet,
}

/// How a disk reads wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misread {
    /// In which zone.
    pub zone: usize,
    /// What it finds: see [`ActionKind::StaleRead`].
    pub away: u8,
    /// How many records, per million.
    pub share: u32,
}

/// An active fault.
#[derive(Clone, Copy, Debug)]
struct Active {
    action: u16,
    what: ActionKind,
    target: ReplicaId,
}

/// The active faults.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    active: Vec<Active>,
    effects: Effects,
    replicas: u8,
}

impl Faults {
    /// Forgets all faults; a run with so many replicas begins.
    pub fn reset(&mut self, replicas: u8) {
        self.replicas = replicas;
        self.active.clear();
        self.effects = Effects::default();
    }

    /// What all active faults add up to.
    #[inline]
    pub fn effects(&self) -> &Effects {
        &self.effects
    }

    /// Whether no fault is active.
    pub fn is_empty(&self) -> bool {
        self.active.is_empty()
    }

    /// The fault of `action` begins; `target` is the replica concerned, if it concerns one.
    pub fn begin(&mut self, action: u16, what: ActionKind, target: ReplicaId) {
        self.active.push(Active { action, what, target });
        self.add_up();
    }

    /// The fault of `action` ends; which one it was, at which replica, if it has not ended before.
    pub fn end(&mut self, action: u16) -> Option<(ActionKind, ReplicaId)> {
        let index = self.active.iter().position(|active| active.action == action)?;
        let Active { what, target, .. } = self.active.remove(index);
        self.add_up();
        Some((what, target))
    }

    /// All faults end.
    pub fn end_all(&mut self) {
        self.active.clear();
        self.add_up();
    }

    /// All pauses of `replica` end.
    pub fn end_pauses(&mut self, replica: ReplicaId) {
        self.active.retain(|active| active.target != replica || !matches!(active.what, ActionKind::Pause { .. }));
        self.add_up();
    }

    fn add_up(&mut self) {
        let mut effects = Effects::default();
        let all = ReplicaSet::first(self.replicas);
        let per_million = |per_mille: u16| (u32::from(per_mille) * 1000).min(MILLION);
        for Active { what, target, .. } in &self.active {
            let at = target.index();
            let others = ReplicaSet(all.0 & !(1 << at));
            effects.impaired.0 |= match what {
                ActionKind::Loss { .. } | ActionKind::Duplicate { .. } | ActionKind::Reorder { .. } => all.0,
                ActionKind::Partition { .. }
                | ActionKind::Isolate { .. }
                | ActionKind::Cut { .. }
                | ActionKind::Pause { .. } => 0,
                _ => 1 << at,
            };
            match *what {
                ActionKind::Partition { side, .. } => {
                    let side = ReplicaSet(side.0 & all.0);
                    cut(&mut effects.cut, side, ReplicaSet(all.0 & !side.0));
                    cut(&mut effects.cut, ReplicaSet(all.0 & !side.0), side);
                }
                ActionKind::Isolate { .. } => {
                    cut(&mut effects.cut, others, ReplicaSet(1 << at));
                    cut(&mut effects.cut, ReplicaSet(1 << at), others);
                }
                ActionKind::Cut { outgoing: true, .. } => cut(&mut effects.cut, ReplicaSet(1 << at), others),
                ActionKind::Cut { outgoing: false, .. } => cut(&mut effects.cut, others, ReplicaSet(1 << at)),
                ActionKind::Clog { outgoing: true, .. } => cut(&mut effects.clogged, ReplicaSet(1 << at), others),
                ActionKind::Clog { outgoing: false, .. } => cut(&mut effects.clogged, others, ReplicaSet(1 << at)),
                ActionKind::Loss { per_mille, .. } => effects.loss = effects.loss.max(per_million(per_mille)),
                ActionKind::Delay { extra, .. } => effects.delay[at] = effects.delay[at].max(extra),
                ActionKind::Garble { per_mille, .. } => {
                    effects.garbling[at] = effects.garbling[at].max(per_million(per_mille));
                }
                ActionKind::Duplicate { per_mille, .. } => {
                    effects.duplication = effects.duplication.max(per_million(per_mille));
                }
                ActionKind::Reorder { per_mille, .. } => {
                    effects.reordering = effects.reordering.max(per_million(per_mille));
                }
                ActionKind::DiskError { per_mille, .. } => {
                    effects.disk_error[at] = effects.disk_error[at].max(per_million(per_mille));
                }
                ActionKind::DiskSlow { extra, .. } => effects.disk_slow[at] = effects.disk_slow[at].max(extra),
                ActionKind::DiskFull { .. } => effects.disk_full.insert(*target),
                ActionKind::ClockDrift { ppm, .. } => effects.drift[at] += i64::from(ppm),
                ActionKind::ClockFreeze { .. } => effects.frozen.insert(*target),
                ActionKind::Pause { .. } => effects.paused.insert(*target),
                ActionKind::NoNtp { side, .. } => {
                    effects.no_ntp.0 |= if side.0 & all.0 == 0 { all.0 } else { side.0 & all.0 };
                }
                ActionKind::WrongNtp { micros, .. } => effects.wrong_ntp[at] += i64::from(micros) * 1000,
                ActionKind::StaleRead { zone, away, per_mille, .. } => {
                    let share = per_million(per_mille);
                    if effects.misread[at].is_none_or(|other| other.share < share) {
                        effects.misread[at] = Some(Misread { zone: zone.into(), away, share });
                    }
                }
                _ => unreachable!("{what:?} lasts and has no effect"),
            }
        }
        self.effects = effects;
    }
}

/// Adds the links from each of `sources` to each of `targets`.
fn cut(links: &mut [ReplicaSet; REPLICAS_MAX], sources: ReplicaSet, targets: ReplicaSet) {
    for source in sources.iter() {
        links[source.index()].0 |= targets.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::codec::decode_action;
    use crate::plan::{RECORD_BYTES, Target};

    const ANY: Target = Target::Primary;

    #[test]
    fn overlapping_cuts_nest() {
        let mut faults = Faults::default();
        faults.reset(3);
        faults.begin(0, ActionKind::Partition { side: ReplicaSet(0b1111_0001), duration: 1 }, ReplicaId(0));
        assert_eq!(faults.effects().cut[..3], [ReplicaSet(0b110), ReplicaSet(0b001), ReplicaSet(0b001)]);
        faults.begin(1, ActionKind::Isolate { target: ANY, duration: 1 }, ReplicaId(1));
        faults.end(0);
        assert_eq!(faults.effects().cut[..3], [ReplicaSet(0b010), ReplicaSet(0b101), ReplicaSet(0b010)]);
        faults.begin(2, ActionKind::Cut { target: ANY, outgoing: true, duration: 1 }, ReplicaId(1));
        faults.end(1);
        assert_eq!(faults.effects().cut[..3], [ReplicaSet(0), ReplicaSet(0b101), ReplicaSet(0)]);
        faults.end(2);
        assert_eq!(*faults.effects(), Effects::default());
    }

    /// Every detail 7: what lasts then has an effect, and none that does not last gets here.
    #[test]
    fn every_fault_that_lasts_has_an_effect() {
        for slot in 0..ActionKind::COUNT {
            let mut record = [7; RECORD_BYTES];
            record[1] = slot as u8;
            let what = decode_action(&record).what;
            if what.lasts() {
                let mut faults = Faults::default();
                faults.reset(5);
                faults.begin(0, what, ReplicaId(0));
                assert_ne!(*faults.effects(), Effects::default(), "{what:?}");
            }
        }
    }

    #[test]
    fn the_stronger_of_two_faults_holds_until_it_ends() {
        let mut faults = Faults::default();
        faults.reset(3);
        faults.begin(0, ActionKind::Loss { per_mille: 2000, duration: 1 }, ReplicaId(0));
        faults.begin(1, ActionKind::Loss { per_mille: 3, duration: 1 }, ReplicaId(0));
        assert_eq!(faults.effects().loss, MILLION);
        faults.end(0);
        assert_eq!(faults.effects().loss, 3000);
        faults.begin(2, ActionKind::Pause { target: ANY, duration: 1 }, ReplicaId(2));
        faults.end_pauses(ReplicaId(1));
        assert!(faults.effects().paused.has(ReplicaId(2)));
        faults.end_pauses(ReplicaId(2));
        assert!(faults.effects().paused.is_empty());
        faults.end_all();
        assert!(faults.is_empty());
        faults.begin(3, ActionKind::NoNtp { side: ReplicaSet(0b1000), duration: 1 }, ReplicaId(0));
        assert_eq!(faults.effects().no_ntp, ReplicaSet(0b111), "a side of nobody means everybody");
        faults.begin(4, ActionKind::WrongNtp { target: ANY, micros: -2, duration: 1 }, ReplicaId(1));
        faults.end(3);
        assert_eq!((faults.effects().no_ntp, faults.effects().wrong_ntp[1]), (ReplicaSet(0), -2000));
    }
}
