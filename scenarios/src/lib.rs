//! The 46 scenario baselines: one file a phase, one value a scenario. Knows `sim`, and no system.
#![forbid(unsafe_code)]

use sim::{Case, Config, Mark, Plan};

/// The scenarios, in the order of the user's reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScenarioType {
    /// No faults at all.
    Baseline,
}

/// One scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Which.
    pub kind: ScenarioType,
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
    /// Whether it can be run yet.
    pub runnable: bool,
    /// The cluster, network, disks, clocks and workload.
    pub config: Config,
    /// What a run of it has to show.
    pub marks: Vec<Mark>,
}

/// A fuzz target: some scenarios, chosen by the input.
#[derive(Clone, Copy, Debug)]
pub struct FuzzTarget {
    /// Its name, e.g. `byzantine_dvc`.
    pub name: &'static str,
    /// What it looks for, in one sentence.
    pub description: &'static str,
    /// Its scenarios.
    pub scenarios: &'static [ScenarioType],
}

/// The fuzz targets.
pub const TARGETS: &[FuzzTarget] = &[];

impl ScenarioType {
    /// All of them.
    pub const ALL: &'static [ScenarioType] = &[ScenarioType::Baseline];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        todo!()
    }

    /// What it is for.
    pub fn description(self) -> &'static str {
        todo!()
    }

    /// The scenario with this name.
    pub fn from_name(name: &str) -> Option<ScenarioType> {
        let _ = name;
        todo!()
    }

    /// The scenario as a value.
    pub fn create_scenario(self) -> Scenario {
        todo!()
    }
}

impl Scenario {
    /// The case that a seed stands for (`vopr run`): the scenario's own faults and a few random ones of its palette.
    pub fn random_case(&self, system: &str, bugs: &[String], seed: u64) -> Case {
        let _ = (system, bugs, seed);
        todo!()
    }

    /// The case that a plan stands for (`vopr fuzz`): the plan laid over the scenario's own faults.
    pub fn planned_case(&self, system: &str, bugs: &[String], plan: &Plan) -> Case {
        let _ = (system, bugs, plan);
        todo!()
    }
}
