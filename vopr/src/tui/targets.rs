//! The targets that can be fuzzed (the fuzz targets, then the scenarios), and the options of the next campaign.

use scenarios::{ScenarioType, TARGETS};

use crate::tui::list::List;
use engine::cases::systems::SystemEntry;

/// The durations of a campaign, as for `vopr fuzz --time`. The first one means until it is stopped.
pub const TIMES: [&str; 5] = ["", "60s", "10m", "1h", "8h"];
/// The maximum number of workers in the interface.
const JOBS_MAX: usize = 64;

/// A fuzz target, or a scenario used as a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Its description.
    pub description: &'static str,
    /// The phase, if it is a scenario.
    pub phase: Option<u8>,
    /// The number of its scenarios.
    pub scenarios: usize,
}

/// The list of targets and the selected options.
pub struct Targets {
    /// The system under test.
    pub system: &'static SystemEntry,
    /// All targets that are applicable to the system.
    all: Vec<Target>,
    /// The targets that match the filter.
    pub shown: Vec<Target>,
    /// The text that names or descriptions have to contain.
    pub filter: String,
    /// The selected row of `shown`.
    pub list: List,
    /// The selected bug.
    pub bugs: List,
    /// Whether each planted bug is switched on, in the order of the system's list.
    pub switched_on: Vec<bool>,
    /// The number of workers.
    pub jobs: usize,
    /// The duration, as an index into [`TIMES`].
    pub time: usize,
}

impl Targets {
    /// All targets of a system.
    pub fn new(system: &'static SystemEntry, bugs: &[String], jobs: usize) -> Targets {
        let applicable = |kind: &ScenarioType| system.not_applicable(&kind.create_scenario()).is_none();
        let targets = TARGETS.iter().map(|target| Target {
            name: target.name,
            description: target.description,
            phase: None,
            scenarios: target.scenarios.iter().filter(|kind| applicable(kind)).count(),
        });
        let scenarios = ScenarioType::ALL.iter().filter(|kind| applicable(kind)).map(|kind| {
            let scenario = kind.create_scenario();
            Target { name: scenario.name, description: scenario.description, phase: Some(scenario.phase), scenarios: 1 }
        });
        // `combined` is the name of a target and of a scenario.
        let taken = |name: &str| TARGETS.iter().any(|target| target.name == name);
        let all: Vec<_> = targets
            .filter(|target| target.scenarios > 0)
            .chain(scenarios.filter(|scenario| !taken(scenario.name)))
            .collect();
        Targets {
            system,
            shown: all.clone(),
            list: List::new(all.len()),
            all,
            filter: String::new(),
            bugs: List::new(system.bugs.len()),
            switched_on: system.bugs.iter().map(|bug| bugs.iter().any(|name| name == bug.name)).collect(),
            jobs: jobs.clamp(1, JOBS_MAX),
            time: 0,
        }
    }

    /// Shows only the targets that contain this text.
    pub fn filter(&mut self, text: &str) {
        let wanted = text.to_lowercase();
        let chosen = self.chosen().map(|target| target.name);
        let matches = |it: &&Target| it.name.contains(&wanted) || it.description.to_lowercase().contains(&wanted);
        self.shown = self.all.iter().filter(matches).copied().collect();
        self.filter = text.to_string();
        self.list.resize(self.shown.len());
        self.list.at = self.shown.iter().position(|target| Some(target.name) == chosen).unwrap_or(0);
    }

    /// The selected target.
    pub fn chosen(&self) -> Option<&Target> {
        self.shown.get(self.list.at)
    }

    /// Switches the bug at the cursor on or off.
    pub fn toggle_bug(&mut self) {
        if let Some(on) = self.switched_on.get_mut(self.bugs.at) {
            *on = !*on;
        }
    }

    /// The names of the bugs that are switched on.
    pub fn bug_names(&self) -> Vec<&'static str> {
        self.system.bugs.iter().zip(&self.switched_on).filter(|(_, on)| **on).map(|(bug, _)| bug.name).collect()
    }

    /// Selects the next duration.
    pub fn next_time(&mut self) {
        self.time = (self.time + 1) % TIMES.len();
    }

    /// Changes the number of workers.
    pub fn more_jobs(&mut self, by: isize) {
        self.jobs = self.jobs.saturating_add_signed(by).clamp(1, JOBS_MAX);
    }

    /// The arguments of the campaign without the data directory; `None` if no target is selected.
    pub fn arguments(&self) -> Option<Vec<String>> {
        let mut arguments = vec!["fuzz".to_string(), self.chosen()?.name.to_string()];
        let mut option = |name: &str, value: &str| arguments.extend([format!("--{name}"), value.to_string()]);
        option("system", self.system.name);
        for bug in self.bug_names() {
            option("bug", bug);
        }
        option("jobs", &self.jobs.to_string());
        if self.time > 0 {
            option("time", TIMES[self.time]);
        }
        option("format", "compact");
        option("color", "never");
        arguments.push("--stop-at-eof".to_string());
        Some(arguments)
    }
}
