//! Looks up scenarios, phases and fuzz targets by the names used on the command line.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use scenarios::{Choice, FileError, FuzzTarget, Scenario, ScenarioType, TARGETS};
use sim::{Case, plan::codec};

use crate::base::error::{Error, suggestion};
use crate::cases::limits;
use crate::cases::systems::{SYSTEMS, SystemEntry};
use crate::search::formats;

/// The highest phase number.
const PHASE_MAX: u8 = 10;

/// The scenario with this name.
pub fn scenario(name: &str) -> Result<Scenario, Error> {
    kind(name).map(ScenarioType::create_scenario)
}

fn kind(name: &str) -> Result<ScenarioType, Error> {
    ScenarioType::from_name(name).ok_or_else(|| {
        if let Some(target) = TARGETS.iter().find(|target| target.name == name) {
            let names: Vec<_> = target.scenarios.iter().map(|kind| kind.name()).collect();
            return Error::usage(format!("{name} is a fuzz target; its scenarios are {}", names.join(", ")));
        }
        let next = suggestion(name, ScenarioType::ALL.iter().map(|kind| kind.name()), "`vopr scenarios` lists them");
        Error::usage(format!("unknown scenario `{}`; {next}", name.escape_debug()))
    })
}

/// The number of seeds whose cases are validated before a scenario from a file is run.
const SEEDS_TRIED: u64 = 20;
/// The maximum size of a scenario file, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Reads a scenario from a file.
pub fn scenario_file(path: &Path) -> Result<Scenario, Error> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text));
    match read {
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            return Err(Error::usage(format!("{} is no text; a scenario file is TOML", path.display())));
        }
        Err(error) => return Err(Error::io("read", path, &error, "check the path")),
        Ok(_) if text.len() as u64 > FILE_BYTES_MAX => {
            return Err(Error::usage(format!("{} is larger than {FILE_BYTES_MAX} bytes", path.display())));
        }
        Ok(_) => {}
    }
    let scenario = Scenario::from_toml(&text)
        .map_err(|FileError { line, message }| Error::usage(format!("{}:{line}: {message}", path.display())))?;
    for seed in 0..SEEDS_TRIED {
        let case = scenario.random_case(SYSTEMS[0].name, &[], seed);
        limits::check(&case).map_err(|message| Error::usage(format!("{}: {message}", path.display())))?;
    }
    Ok(scenario)
}

/// The scenarios with these names (`all` selects all of them) or of this phase.
pub fn scenarios(names: &[String], phase: Option<u8>) -> Result<Vec<Scenario>, Error> {
    if let Some(phase) = phase.filter(|phase| *phase > PHASE_MAX) {
        return Err(Error::usage(format!("there is no phase {phase}; phases go from 0 to {PHASE_MAX}")));
    }
    let every = names.iter().any(|name| name == "all");
    for name in names.iter().filter(|name| *name != "all") {
        scenario(name)?;
    }
    let all = ScenarioType::ALL.iter().map(|kind| kind.create_scenario());
    let meant =
        |scenario: &Scenario| phase == Some(scenario.phase) || every || names.iter().any(|name| name == scenario.name);
    Ok(all.filter(meant).collect())
}

/// What a fuzzer's input is decoded for: a fuzz target, or a scenario used as a target.
pub struct Target {
    /// Its name.
    pub name: String,
    /// The system under test.
    pub system: &'static SystemEntry,
    /// Its scenarios that are applicable to the system. The input selects one.
    pub choice: Choice,
}

impl Target {
    /// Finds the target with this name for this system, restricted to one scenario if `only` is given.
    pub fn find(system: &'static SystemEntry, name: &str, only: Option<&str>) -> Result<Target, Error> {
        let target = TARGETS.iter().find(|target| target.name == name);
        let Some(target) = target else {
            let kind = ScenarioType::from_name(name).ok_or_else(|| unknown_target(name))?;
            if let Some(only) = only.filter(|only| *only != name) {
                return Err(Error::usage(format!("`{name}` is a scenario itself; leave out --scenario {only}")));
            }
            return Target::of_scenario(system, kind.create_scenario());
        };
        if let Some(only) = only {
            return Target::restricted(system, target, only);
        }
        let choice = Choice::of_target(target, |kind| {
            let scenario = system.scenario(kind.create_scenario());
            system.not_applicable(&scenario).is_none().then_some(scenario)
        });
        let choice = choice
            .ok_or_else(|| Error::usage(format!("no scenario of target {name} is applicable to {}", system.name)))?;
        Ok(Target { name: name.to_string(), system, choice })
    }

    /// Finds the targets with these names, without duplicates. `all` selects all that are applicable to the system.
    pub fn several(system: &'static SystemEntry, names: &[String]) -> Result<Vec<Target>, Error> {
        let mut targets: Vec<Target> = Vec::new();
        for name in names {
            let found = match name.as_str() {
                "all" => TARGETS.iter().filter_map(|target| Target::find(system, target.name, None).ok()).collect(),
                name => vec![Target::find(system, name, None)?],
            };
            for target in found {
                if targets.iter().all(|known| known.name != target.name) {
                    targets.push(target);
                }
            }
        }
        if targets.is_empty() {
            return Err(Error::usage(format!("no target is applicable to {}; name a scenario", system.name)));
        }
        Ok(targets)
    }

    /// The scenario in a file, used as a target.
    pub fn of_file(system: &'static SystemEntry, path: &Path) -> Result<Target, Error> {
        Target::of_scenario(system, scenario_file(path)?)
    }

    fn restricted(system: &'static SystemEntry, target: &FuzzTarget, only: &str) -> Result<Target, Error> {
        let kind = kind(only)?;
        if !target.scenarios.contains(&kind) {
            let names: Vec<_> = target.scenarios.iter().map(|kind| kind.name()).collect();
            let name = target.name;
            let names = names.join(", ");
            return Err(Error::usage(format!("scenario {only} is not in target {name}; it has {names}")));
        }
        Target::of_scenario(system, kind.create_scenario())
    }

    /// The target is named after the scenario. An input decodes to the same case whether the scenario was named
    /// directly or selected from a target.
    fn of_scenario(system: &'static SystemEntry, scenario: Scenario) -> Result<Target, Error> {
        if let Some(reason) = system.not_applicable(&scenario) {
            let message = format!("scenario {} is not applicable to {}, since {reason}", scenario.name, system.name);
            return Err(Error::usage(message));
        }
        Ok(Target { name: scenario.name.to_string(), system, choice: Choice::only(system.scenario(scenario)) })
    }

    /// Decodes an input to a case.
    pub fn case(&self, bugs: &[String], input: &[u8]) -> Case {
        let plan = codec::decode(input);
        self.choice.pick(plan.scenario).planned_case(self.system.name, bugs, &plan)
    }

    /// The canonical form of an input. It decodes to the same case, each choice in it is an index, and unused bytes are
    /// 0.
    pub fn canonical(&self, input: &[u8]) -> Vec<u8> {
        let mut plan = codec::decode(input);
        plan.scenario = self.choice.number(plan.scenario);
        codec::encode(&plan)
    }
}

fn unknown_target(name: &str) -> Error {
    if formats::is_format(name) {
        return Error::usage(format!(
            "`{name}` reads bytes and runs no cluster, so there are no states to guide by; `cargo fuzz run -s none {name}`"
        ));
    }
    let targets: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    let names = targets.iter().copied().chain(ScenarioType::ALL.iter().map(|kind| kind.name()));
    let otherwise = format!("the targets are {}, and every scenario is one", targets.join(", "));
    let next = suggestion(name, names, &otherwise);
    Error::usage(format!("unknown fuzz target `{}`; {next}", name.escape_debug()))
}
