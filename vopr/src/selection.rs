//! Names on the command line and what they stand for: scenarios, phases, fuzz targets.

use scenarios::{FuzzTarget, Scenario, ScenarioType, TARGETS};
use sim::{Case, codec};

use crate::error::{Error, suggestion};

/// The highest phase.
const PHASE_MAX: u8 = 10;

/// The scenarios to run, and the names of those that were meant by `all` or a phase but cannot be run yet.
pub struct Selection {
    /// The runnable ones, in the order of the reference.
    pub runnable: Vec<Scenario>,
    /// The others.
    pub not_yet: Vec<&'static str>,
}

/// The scenario with this name.
pub fn scenario(name: &str) -> Result<Scenario, Error> {
    ScenarioType::from_name(name).map(ScenarioType::create_scenario).ok_or_else(|| {
        if let Some(target) = TARGETS.iter().find(|target| target.name == name) {
            let names: Vec<_> = target.scenarios.iter().map(|kind| kind.name()).collect();
            return Error::usage(format!("{name} is a fuzz target; its scenarios are {}", names.join(", ")));
        }
        let next = suggestion(name, ScenarioType::ALL.iter().map(|kind| kind.name()), "`vopr scenarios` lists them");
        Error::usage(format!("unknown scenario `{}`; {next}", name.escape_debug()))
    })
}

fn runnable(scenario: Scenario) -> Result<Scenario, Error> {
    if scenario.runnable {
        return Ok(scenario);
    }
    let name = scenario.name;
    Err(Error::usage(format!("scenario {name} cannot be run yet; `vopr scenarios` lists those that can")))
}

/// The scenarios with these names (`all` is all of them), or of this phase.
pub fn scenarios(names: &[String], phase: Option<u8>) -> Result<Selection, Error> {
    if let Some(phase) = phase.filter(|phase| *phase > PHASE_MAX) {
        return Err(Error::usage(format!("there is no phase {phase}; phases go from 0 to {PHASE_MAX}")));
    }
    let every = names.iter().any(|name| name == "all");
    for name in names.iter().filter(|name| *name != "all") {
        let found = scenario(name)?;
        if !every {
            runnable(found)?;
        }
    }
    let mut selection = Selection { runnable: Vec::new(), not_yet: Vec::new() };
    for kind in ScenarioType::ALL {
        let scenario = kind.create_scenario();
        let meant = phase == Some(scenario.phase) || every || names.iter().any(|name| name == scenario.name);
        match (meant, scenario.runnable) {
            (false, _) => {}
            (true, true) => selection.runnable.push(scenario),
            (true, false) => selection.not_yet.push(scenario.name),
        }
    }
    if selection.runnable.is_empty() {
        let not_yet = selection.not_yet.join(", ");
        return Err(Error::usage(format!("none of these can be run yet: {not_yet}; see `vopr scenarios`")));
    }
    Ok(selection)
}

/// What a fuzzer's input is decoded for: a fuzz target, or a scenario that stands for one.
pub struct Target {
    /// Its name.
    pub name: String,
    /// Its scenarios; the input picks one.
    pub scenarios: Vec<Scenario>,
}

impl Target {
    /// The target with this name, restricted to one of its scenarios if `only` is given.
    pub fn find(name: &str, only: Option<&str>) -> Result<Target, Error> {
        let target = TARGETS.iter().find(|target| target.name == name);
        let Some(target) = target else {
            let kind = ScenarioType::from_name(name).ok_or_else(|| unknown_target(name))?;
            if let Some(only) = only.filter(|only| *only != name) {
                return Err(Error::usage(format!("`{name}` is a scenario itself; leave out --scenario {only}")));
            }
            return Target::of_scenario(kind);
        };
        if let Some(only) = only {
            return Target::restricted(target, only);
        }
        let all = target.scenarios.iter().map(|kind| kind.create_scenario());
        let scenarios: Vec<_> = all.filter(|scenario| scenario.runnable).collect();
        if scenarios.is_empty() {
            return Err(Error::usage(format!("no scenario of target {name} can be run yet; see `vopr scenarios`")));
        }
        Ok(Target { name: name.to_string(), scenarios })
    }

    fn restricted(target: &FuzzTarget, only: &str) -> Result<Target, Error> {
        let kind = scenario(only)?.kind;
        if !target.scenarios.contains(&kind) {
            let names: Vec<_> = target.scenarios.iter().map(|kind| kind.name()).collect();
            let name = target.name;
            let names = names.join(", ");
            return Err(Error::usage(format!("scenario {only} is not in target {name}; it has {names}")));
        }
        Target::of_scenario(kind)
    }

    /// The name is the scenario's: an input means the same case whether the scenario was named or picked from a target.
    fn of_scenario(kind: ScenarioType) -> Result<Target, Error> {
        let scenario = runnable(kind.create_scenario())?;
        Ok(Target { name: scenario.name.to_string(), scenarios: vec![scenario] })
    }

    /// The case that an input means.
    pub fn case(&self, system: &str, bugs: &[String], input: &[u8]) -> Case {
        let plan = codec::decode(input);
        let picked = usize::from(plan.scenario) % self.scenarios.len();
        self.scenarios[picked].planned_case(system, bugs, &plan)
    }
}

fn unknown_target(name: &str) -> Error {
    let targets: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    let names = targets.iter().copied().chain(ScenarioType::ALL.iter().map(|kind| kind.name()));
    let otherwise = format!("the targets are {}, and every runnable scenario is one", targets.join(", "));
    let next = suggestion(name, names, &otherwise);
    Error::usage(format!("unknown fuzz target `{}`; {next}", name.escape_debug()))
}
