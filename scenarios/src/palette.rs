//! Palettes: the faults and lies that may be added to a scenario's own.

use sim::base::time::MILLISECOND;
use sim::plan::Target;
use sim::plan::codec::encode_action;
use sim::protocol::lie::LieRule;
use sim::protocol::observation::Fault;
use sim::{Action, ActionKind, ClientId, Config, Lie, ReplicaId, ReplicaSet, Time, Trigger, When};

use crate::draw::Draw;

/// The faults and lies that are allowed.
#[derive(Clone, Copy, Debug)]
pub struct Palette {
    /// The faults. They include `Fault::Lie` if there are lies.
    pub faults: &'static [Fault],
    /// The lies.
    pub lies: &'static [LieRule],
    /// The additional lies of the system under test, if there are lies at all.
    pub system_lies: &'static [LieRule],
}

impl Palette {
    /// A palette of faults without lies.
    pub const fn faults(faults: &'static [Fault]) -> Palette {
        Palette::with_lies(faults, &[])
    }

    /// A palette of faults and lies.
    pub const fn with_lies(faults: &'static [Fault], lies: &'static [LieRule]) -> Palette {
        Palette { faults, lies, system_lies: &[] }
    }

    /// All lies.
    fn all_lies(&self) -> impl Iterator<Item = &'static LieRule> {
        self.lies.iter().chain(self.system_lies)
    }

    /// Whether `what` is allowed without a change.
    pub fn allows(&self, what: &ActionKind) -> bool {
        match what {
            ActionKind::Lie(lie) => self.all_lies().any(|rule| *rule == (lie.kind, lie.field, lie.how)),
            what => self.faults.contains(&what.fault()),
        }
    }

    /// The action's kind if it is allowed, and otherwise an allowed one, always the same. `None` only if nothing is
    /// allowed.
    pub fn allow(&self, action: &Action, config: &Config) -> Option<ActionKind> {
        if self.allows(&action.what) {
            return Some(action.what);
        }
        if let ActionKind::Lie(lie) = action.what
            && !self.lies.is_empty()
        {
            return Some(ActionKind::Lie(self.nearest_lie(lie)));
        }
        let mut draw = Draw::new(0, "replace");
        for half in encode_action(&Action { when: When::At(0), what: action.what }).chunks_exact(8) {
            let half = u64::from_le_bytes(half.try_into().expect("8 bytes"));
            draw = Draw::new(half ^ draw.below(u64::MAX), "");
        }
        self.random_what(&mut draw, config)
    }

    /// An allowed lie, preferably about the same kind of message or the same field.
    fn nearest_lie(&self, lie: Lie) -> Lie {
        let distance = |rule: &&LieRule| {
            4 * u8::from(rule.0 != lie.kind) + 2 * u8::from(rule.1 != lie.field) + u8::from(rule.2 != lie.how)
        };
        let least = self.all_lies().map(|rule| distance(&rule)).min().unwrap_or(0);
        let nearest = || self.all_lies().filter(|rule| distance(rule) == least);
        let index = (lie.field as usize * 11 + lie.how as usize) % nearest().count().max(1);
        match nearest().nth(index) {
            Some(&(kind, field, how)) => Lie { kind, field, how, ..lie },
            None => lie,
        }
    }

    /// A random action; `None` only if nothing is allowed.
    pub fn random_action(&self, draw: &mut Draw, config: &Config) -> Option<Action> {
        let what = self.random_what(draw, config)?;
        let when = if draw.chance(50) {
            When::At(draw.below(config.heal_at * 3 / 4 + 1))
        } else {
            let replica = draw.chance(25).then(|| ReplicaId(draw.below(config.cluster.replicas.into()) as u8));
            let delay_max = draw.pick(&[0, MILLISECOND, 5 * MILLISECOND, 50 * MILLISECOND]);
            When::After {
                watch: draw.pick(&Trigger::ALL),
                replica,
                count: draw.between(1, 6) as u8,
                delay: draw.between(0, delay_max),
            }
        };
        Some(Action { when, what })
    }

    fn random_what(&self, draw: &mut Draw, config: &Config) -> Option<ActionKind> {
        if self.faults.is_empty() {
            return None;
        }
        let fault = draw.pick(self.faults);
        Some(random_what(fault, self, draw, config))
    }

    fn random_lie(&self, draw: &mut Draw) -> LieRule {
        let index = draw.below((self.lies.len() + self.system_lies.len()) as u64) as usize;
        *self.all_lies().nth(index).expect("the index is below the number of lies")
    }
}

fn random_what(fault: Fault, palette: &Palette, draw: &mut Draw, config: &Config) -> ActionKind {
    let replicas = u64::from(config.cluster.replicas);
    let target = match draw.below(4) {
        0 => Target::Primary,
        1 => Target::Subject,
        _ => Target::Replica(ReplicaId(draw.below(replicas) as u8)),
    };
    let duration: Time = draw.pick(&[20, 100, 300, 600]) * MILLISECOND * draw.between(50, 150) / 100;
    let per_mille = draw.pick(&[20, 100, 300]) as u16;
    let client = ClientId(draw.below(config.workload.clients.into()) as u16);
    let outgoing = draw.chance(50);
    let extra = draw.pick(&[5, 50, 400]) * MILLISECOND;
    // Checkpoints are the fifth zone.
    let zones = 4 + u64::from(config.cluster.checkpoint_interval > 0);
    let (zone, record) = (draw.below(zones) as u8, draw.below(6) as u16);
    match fault {
        Fault::Partition if draw.chance(50) => ActionKind::Isolate { target, duration },
        Fault::Partition => {
            ActionKind::Partition { side: ReplicaSet(draw.between(1, (1 << replicas) - 2) as u8), duration }
        }
        Fault::Cut => ActionKind::Cut { target, outgoing, duration },
        Fault::Clog => ActionKind::Clog { target, outgoing, duration },
        Fault::Loss => ActionKind::Loss { per_mille, duration },
        Fault::Delay => ActionKind::Delay { target, extra, duration },
        Fault::Duplication => ActionKind::Duplicate { per_mille, duration },
        Fault::Reordering => ActionKind::Reorder { per_mille, duration },
        Fault::Garbling => ActionKind::Garble { target, per_mille, duration },
        Fault::Crash => ActionKind::Crash { target, down: duration },
        Fault::PowerLoss => ActionKind::PowerLoss { down: duration },
        Fault::Pause => ActionKind::Pause { target, duration },
        Fault::BitFlip => ActionKind::BitFlip { target, zone, record, bit: draw.below(1 << 12) as u16 },
        Fault::LostWrite => ActionKind::LostWrite { target, zone, record },
        Fault::MisdirectedWrite => {
            ActionKind::MisdirectedWrite { target, zone, record, away: draw.between(1, 8) as u16 }
        }
        Fault::DiskError => ActionKind::DiskError { target, per_mille, duration },
        Fault::DiskSlow => ActionKind::DiskSlow { target, extra, duration },
        Fault::DiskFull => ActionKind::DiskFull { target, duration },
        Fault::ClockStep => {
            ActionKind::ClockStep { target, micros: draw.pick(&[-2_000_000, -50_000, 50_000, 2_000_000]) }
        }
        Fault::ClockDrift => ActionKind::ClockDrift { target, ppm: draw.pick(&[-50_000, -500, 500, 50_000]), duration },
        Fault::ClockFreeze => ActionKind::ClockFreeze { target, duration },
        Fault::NoNtp => ActionKind::NoNtp { side: ReplicaSet(draw.below(1 << replicas) as u8), duration },
        Fault::WrongNtp => {
            ActionKind::WrongNtp { target, micros: draw.pick(&[-500_000, -60_000, 60_000, 500_000]), duration }
        }
        Fault::Burst => ActionKind::Burst { client, requests: draw.between(2, 8) as u8 },
        Fault::ClientCrash => ActionKind::ClientCrash { client },
        Fault::Reconfiguration => {
            ActionKind::Reconfigure { members: ReplicaSet(draw.between(1, (1 << replicas) - 1) as u8) }
        }
        Fault::Lie if !palette.lies.is_empty() => {
            let (kind, field, how) = palette.random_lie(draw);
            let to = draw.chance(25).then(|| ReplicaId(draw.below(replicas) as u8));
            let amount_max = draw.pick(&[1, 2, 4, 8, 16]);
            let amount = draw.between(1, amount_max) as u8;
            ActionKind::Lie(Lie { kind, field, how, amount, to, count: draw.pick(&[1, 2, 5, 20, 255]) })
        }
        Fault::DuplicateRequest | Fault::Lie => ActionKind::DuplicateRequest { client },
        Fault::FlippedBits => {
            let (bit, count) = (draw.below(1 << 12) as u16, draw.between(2, 16) as u8);
            ActionKind::FlippedBits { target, zone, record, bit, count }
        }
        Fault::TruncatedRecord => ActionKind::TruncatedRecord { target, zone, record, keep: draw.below(1 << 8) as u16 },
        Fault::ShiftedRecord => {
            let (from, by) = (draw.below(1 << 8) as u16, draw.between(1, 8) as u8);
            ActionKind::ShiftedRecord { target, zone, record, from, by }
        }
        Fault::StaleRead => ActionKind::StaleRead {
            target,
            zone,
            away: draw.below(4) as u8,
            per_mille: draw.pick(&[100, 500, 1000]) as u16,
            duration,
        },
    }
}
