//! The 46 built-in scenarios: one file per phase, one table row per scenario. This crate depends on `sim`, and on no
//! system.
//!
//! A scenario has four parts: a configuration; a script of faults that produces the situation which the scenario is
//! about (a function of the seed); a palette of faults and lies that may be added; and the marks that prove that the
//! situation occurred. `vopr run` draws the additional faults from the seed. `vopr fuzz` takes them from a plan.
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
        /// The scenarios, in the order of the user's reference. Their numbers are those of the phases' tables.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ScenarioType {
            $($(#[$doc])* $kind),*
        }

        impl ScenarioType {
            /// All scenarios.
            pub const ALL: &'static [ScenarioType] = &[$(ScenarioType::$kind),*];
        }
    };
}

scenario_types! {
    /// No faults at all.
    Baseline
    /// Links clog and unclog in different orders.
    SwizzleClogging
    /// Replicas that are slow or fail in part.
    GrayFailures
    /// Many tenants, and all ordinary faults.
    MultiTenantIsolation
    /// Ten times as much virtual time.
    TimeCompression
    /// All kinds of faults at once.
    Combined
    /// A forged log in a new view.
    ByzantineViewChangeMerge
    /// A new view whose commit number is beyond its log.
    ByzantineCommitDesync
    /// A DoViewChange with a commit number that is too high.
    ByzantineInflatedCommit
    /// Entries with false view or op numbers.
    ByzantineInvalidMetadata
    /// A DoViewChange that makes a stale log look recent.
    ByzantineMaliciousViewChange
    /// A replica that is not the primary claims to be it.
    ByzantineLeaderRace
    /// A DoViewChange whose stated length is not that of its log.
    ByzantineDvcTailLengthMismatch
    /// Two DoViewChanges with the same numbers and different logs.
    ByzantineDvcIdenticalClaims
    /// A StartView that is too large.
    ByzantineOversizedStartView
    /// A request for an invalid range of entries.
    ByzantineInvalidRepairRange
    /// A command that the state machine must reject.
    ByzantineInvalidKernelCommand
    /// One flipped bit.
    CorruptionBitFlip
    /// All kinds of damage.
    CorruptionChecksumValidation
    /// A disk whose reads return the wrong data.
    CorruptionSilentDiskFailure
    /// A crash between acknowledgement, commit and execution.
    CrashDuringCommit
    /// A crash between the messages of a view change.
    CrashDuringViewChange
    /// A restart with a damaged log.
    RecoveryCorruptLog
    /// A disk that needs seconds for an operation.
    GrayFailureSlowDisk
    /// A network that loses, duplicates and reorders messages.
    GrayFailureIntermittentNetwork
    /// Several concurrent view changes.
    RaceConcurrentViewChanges
    /// A commit during a view change.
    RaceCommitDuringDvc
    /// Clocks that drift within the tolerance.
    ClockDrift
    /// A clock that drifts out of the tolerance.
    ClockOffsetExceeded
    /// A time server that is not reachable.
    ClockNtpFailure
    /// A clock that jumps back during a partition.
    ClockBackwardJump
    /// Clients that crash repeatedly.
    ClientSessionCrash
    /// A view change while a client's request is pending.
    ClientSessionViewChangeLockout
    /// More clients than the session table holds.
    ClientSessionEviction
    /// Many replicas that need repair at the same time.
    RepairBudgetPreventsStorm
    /// Slow and fast peers to repair from.
    RepairEwmaSelection
    /// A gap that is too large for repair.
    RepairSyncTimeout
    /// A primary without a quorum.
    PrimaryAbdicatePartition
    /// A primary that no longer commits anything.
    CommitStallDetection
    /// Damage that only a scrubber detects.
    ScrubDetectsCorruption
    /// A complete tour of the scrubber.
    ScrubCompletesTour
    /// The read budget of the scrubber.
    ScrubRateLimited
    /// Repair of what the scrubber finds.
    ScrubTriggersRepair
    /// From three replicas to five.
    ReconfigAddReplicas
    /// From five replicas to three.
    ReconfigRemoveReplicas
    /// A membership change during a partition.
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

/// A scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its type; `None` for a scenario from a file.
    pub kind: Option<ScenarioType>,
    /// Its name on the command line, e.g. `swizzle_clogging`.
    pub name: &'static str,
    /// The phase, 0 to 10.
    pub phase: u8,
    /// Its purpose, in one sentence.
    pub description: &'static str,
    /// Its faults, in words.
    pub faults: &'static str,
    /// The invariants that it targets, by their names in `sim::invariants::NAMES`.
    pub invariants: &'static [&'static str],
    /// The cluster, network, disks, clocks and workload.
    pub config: Config,
    /// What a run has to show; otherwise it is vacuous.
    pub marks: Vec<Mark>,
    /// The faults and lies that may be added to its own.
    pub palette: Palette,
    /// Its own faults.
    own: Own,
}

/// A script: returns the faults for the seed of a run.
type Script = fn(&mut Setup<'_>) -> Vec<Action>;

/// The faults of the scenario itself.
#[derive(Clone, Debug)]
struct Own {
    /// A script, and the name of the scenario that it belongs to.
    script: Option<(&'static str, Script)>,
    /// The rules of a scenario file.
    rules: Vec<rule::Rule>,
}

impl ScenarioType {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        self.entry().1.name
    }

    /// Its purpose.
    pub fn description(self) -> &'static str {
        self.entry().1.description
    }

    /// The scenario with this name.
    pub fn from_name(name: &str) -> Option<ScenarioType> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// Creates the scenario.
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
    /// The case of a seed (`vopr run`): the scenario's own faults and up to four random ones of its palette.
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

    /// The case of a plan (`vopr fuzz`): the actions of the plan in addition to the scenario's own faults, or alone if
    /// the plan is bare.
    ///
    /// An action that the palette does not allow is replaced by an allowed one, always by the same, so that no part of
    /// an input is wasted. An allowed action is not changed, except that a time in the heal phase is wrapped around.
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

    /// The liar, if a replica lies in this scenario.
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
        // Drops actions that would begin in the heal phase.
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
