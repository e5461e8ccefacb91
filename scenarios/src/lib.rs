//! The 46 scenario baselines: one file a phase, one value a scenario. Knows `sim`, and no system.
//!
//! A scenario is a configuration, a script of faults that leads the cluster into the situation that the scenario is about
//! (a function of the seed), a palette of faults and lies that may be laid over it, and the marks that prove that the
//! situation really came about. `vopr run` draws what is laid over it from the seed; `vopr fuzz` takes it from a plan.
#![forbid(unsafe_code)]

use sim::{Action, Case, Config, Mark, Plan, ReplicaId, ReplicaSet, When, plan::ACTIONS_MAX};

mod choice;
mod draw;
mod entry;
mod file;
mod palette;
mod phases;
mod rule;
mod script;
mod targets;

pub use choice::Choice;
pub use draw::Draw;
pub use file::FileError;
pub use palette::Palette;
pub use script::Setup;
pub use targets::{FuzzTarget, TARGETS};

use entry::Entry;

macro_rules! scenario_types {
    ($($(#[$doc:meta])* $kind:ident)*) => {
        /// The scenarios, in the order of the user's reference; their numbers are those of the phases' tables.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ScenarioType {
            $($(#[$doc])* $kind),*
        }

        impl ScenarioType {
            /// All of them.
            pub const ALL: &'static [ScenarioType] = &[$(ScenarioType::$kind),*];
        }
    };
}

scenario_types! {
    /// No faults at all.
    Baseline
    /// Links clog and unclog in different orders.
    SwizzleClogging
    /// Replicas that are half alive.
    GrayFailures
    /// Many tenants, and all ordinary faults.
    MultiTenantIsolation
    /// Ten times as much virtual time.
    TimeCompression
    /// Everything at once.
    Combined
    /// A forged log in a new view.
    ByzantineViewChangeMerge
    /// A new view whose commit number lies past its log.
    ByzantineCommitDesync
    /// A vote with too high a commit number.
    ByzantineInflatedCommit
    /// Entries with false numbers.
    ByzantineInvalidMetadata
    /// A vote that makes a stale log look good.
    ByzantineMaliciousViewChange
    /// Somebody else claims the leadership.
    ByzantineLeaderRace
    /// A vote whose stated length is not that of its log.
    ByzantineDvcTailLengthMismatch
    /// Two votes with the same numbers and different logs.
    ByzantineDvcIdenticalClaims
    /// A new view that is too large.
    ByzantineOversizedStartView
    /// A request for a senseless range of entries.
    ByzantineInvalidRepairRange
    /// A command that the store must refuse.
    ByzantineInvalidKernelCommand
    /// One flipped bit.
    CorruptionBitFlip
    /// All kinds of damage.
    CorruptionChecksumValidation
    /// A disk that answers with the wrong data.
    CorruptionSilentDiskFailure
    /// A crash between promise, commit and execution.
    CrashDuringCommit
    /// A crash between the messages of a view change.
    CrashDuringViewChange
    /// A restart with a damaged log.
    RecoveryCorruptLog
    /// A disk that takes seconds.
    GrayFailureSlowDisk
    /// A network that loses, doubles and reorders.
    GrayFailureIntermittentNetwork
    /// Several view changes at a time.
    RaceConcurrentViewChanges
    /// A commit in the middle of a view change.
    RaceCommitDuringDvc
    /// Clocks that drift within the tolerance.
    ClockDrift
    /// A clock that drifts out of the tolerance.
    ClockOffsetExceeded
    /// No help from a time server.
    ClockNtpFailure
    /// A clock that jumps back behind a partition.
    ClockBackwardJump
    /// Clients that crash again and again.
    ClientSessionCrash
    /// A view change under a client's request.
    ClientSessionViewChangeLockout
    /// More clients than the session table holds.
    ClientSessionEviction
    /// Many replicas that need repair at once.
    RepairBudgetPreventsStorm
    /// Slow and fast peers to repair from.
    RepairEwmaSelection
    /// A gap that is too wide for repair.
    RepairSyncTimeout
    /// A primary without a quorum.
    PrimaryAbdicatePartition
    /// A primary that commits nothing any more.
    CommitStallDetection
    /// Damage that only a scrubber sees.
    ScrubDetectsCorruption
    /// One whole tour of the scrubber.
    ScrubCompletesTour
    /// The scrubber's budget.
    ScrubRateLimited
    /// From scrubbing to repair.
    ScrubTriggersRepair
    /// From three replicas to five.
    ReconfigAddReplicas
    /// From five replicas to three.
    ReconfigRemoveReplicas
    /// A change of the membership across a partition.
    ReconfigDuringPartition
}

/// The scenarios of each phase.
const PHASES: [&[Entry]; 11] = [
    phases::phase_0_core::SCENARIOS,
    phases::phase_1_byzantine::SCENARIOS,
    phases::phase_2_corruption::SCENARIOS,
    phases::phase_3_crash::SCENARIOS,
    phases::phase_4_gray::SCENARIOS,
    phases::phase_5_race::SCENARIOS,
    phases::phase_6_clock::SCENARIOS,
    phases::phase_7_sessions::SCENARIOS,
    phases::phase_8_repair::SCENARIOS,
    phases::phase_9_scrubbing::SCENARIOS,
    phases::phase_10_reconfiguration::SCENARIOS,
];

/// One scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Which; `None` for one from a file.
    pub kind: Option<ScenarioType>,
    /// Its name on the command line, e.g. `swizzle_clogging`.
    pub name: &'static str,
    /// 0 to 10.
    pub phase: u8,
    /// What it is for, in one sentence.
    pub description: &'static str,
    /// Its faults, in words.
    pub faults: &'static str,
    /// The invariants that it is there for, by their names in `sim::invariants::NAMES`.
    pub invariants: &'static [&'static str],
    /// The cluster, network, disks, clocks and workload.
    pub config: Config,
    /// What a run of it has to show.
    pub marks: Vec<Mark>,
    /// The faults and lies that may be laid over its own.
    pub palette: Palette,
    /// Its own faults.
    own: Own,
}

/// A script of faults: what happens in the run of a seed.
type Script = fn(&mut Setup<'_>) -> Vec<Action>;

/// The faults that are a scenario's own.
#[derive(Clone, Debug)]
struct Own {
    /// A script with the name of the scenario that it belongs to.
    script: Option<(&'static str, Script)>,
    /// The rules of a file.
    rules: Vec<rule::Rule>,
}

impl ScenarioType {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        self.entry().1.name
    }

    /// What it is for.
    pub fn description(self) -> &'static str {
        self.entry().1.description
    }

    /// The scenario with this name.
    pub fn from_name(name: &str) -> Option<ScenarioType> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// The scenario as a value.
    pub fn create_scenario(self) -> Scenario {
        let (phase, entry) = self.entry();
        Scenario {
            kind: Some(self),
            name: entry.name,
            phase,
            description: entry.description,
            faults: entry.faults,
            invariants: entry.invariants,
            config: (entry.config)(),
            marks: entry.marks.to_vec(),
            palette: entry.palette,
            own: Own { script: Some((entry.name, self.script())), rules: Vec::new() },
        }
    }

    fn script(self) -> Script {
        self.entry().1.baseline
    }

    /// The phase, and the row of the phase's table.
    fn entry(self) -> (u8, &'static Entry) {
        let mut rows =
            PHASES.iter().zip(0..).flat_map(|(phase, number)| phase.iter().map(move |entry| (number, entry)));
        rows.nth(self as usize).expect("every scenario has a row in its phase's table")
    }
}

impl Scenario {
    /// The case that a seed stands for (`vopr run`): the scenario's own faults and up to four random ones of its palette.
    pub fn random_case(&self, system: &str, bugs: &[String], seed: u64) -> Case {
        let mut draw = Draw::new(seed, "liar");
        let liar = self.liar(draw.below(self.config.cluster.replicas.into()) as u8);
        let mut actions = self.own_actions(seed, liar);
        let mut draw = Draw::new(seed, "overlay");
        for _ in 0..draw.below(5) {
            actions.extend(self.palette.random_action(&mut draw, &self.config));
        }
        self.case(system, bugs, seed, liar, actions)
    }

    /// The case that a plan stands for (`vopr fuzz`): the plan laid over the scenario's own faults (or standing alone, if
    /// it is bare).
    ///
    /// What the palette does not allow is replaced by something that it does, always in the same way, so that no part of
    /// an input is wasted; what it allows stays as it is. Only times past the heal phase's beginning are wrapped around.
    pub fn planned_case(&self, system: &str, bugs: &[String], plan: &Plan) -> Case {
        let liar = self.liar(plan.liar);
        let seed = plan.seed.into();
        let mut actions = if plan.bare { Vec::new() } else { self.own_actions(seed, liar) };
        for action in &plan.actions {
            if let Some(what) = self.palette.allow(action, &self.config) {
                actions.push(Action { when: self.wrap(action.when), what });
            }
        }
        self.case(system, bugs, seed, liar, actions)
    }

    /// Who lies, if anybody does in this scenario.
    fn liar(&self, pick: u8) -> Option<ReplicaId> {
        let lies = self.config.cluster.byzantine > 0 && !self.palette.lies.is_empty();
        lies.then_some(ReplicaId(pick % self.config.cluster.replicas))
    }

    fn own_actions(&self, seed: u64, liar: Option<ReplicaId>) -> Vec<Action> {
        let mut actions = Vec::new();
        if let Some((name, script)) = self.own.script {
            actions = script(&mut Setup { config: &self.config, liar, draw: Draw::new(seed, name) });
        }
        let mut draw = Draw::new(seed, "rules");
        actions.extend(self.own.rules.iter().filter_map(|rule| rule.draw(&mut draw)));
        // What would begin in the heal phase is not to be.
        actions.retain(|action| !matches!(action.when, When::At(at) if at >= self.config.heal_at));
        actions
    }

    fn wrap(&self, when: When) -> When {
        match when {
            When::At(at) if at >= self.config.heal_at => When::At(at.checked_rem(self.config.heal_at).unwrap_or(0)),
            when => when,
        }
    }

    fn case(
        &self,
        system: &str,
        bugs: &[String],
        seed: u64,
        liar: Option<ReplicaId>,
        mut actions: Vec<Action>,
    ) -> Case {
        actions.truncate(ACTIONS_MAX);
        let mut liars = ReplicaSet::default();
        if let Some(liar) = liar {
            liars.insert(liar);
        }
        Case {
            system: system.to_string(),
            scenario: self.name.to_string(),
            config: self.config.clone(),
            seed,
            liars,
            actions,
            bugs: bugs.to_vec(),
            marks: self.marks.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
