//! What can be fuzzed, and how the next campaign is to be: the fuzz targets, then the scenarios.

use scenarios::{ScenarioType, TARGETS};

use crate::tui::list::List;
use engine::cases::systems::SystemEntry;

/// How long a campaign is, as `vopr fuzz --time` has it; the first is until it is stopped.
pub const TIMES: [&str; 5] = ["", "60s", "10m", "1h", "8h"];
/// More workers than this are for the command line.
const JOBS_MAX: usize = 64;

/// A fuzz target, or a scenario that stands for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// The phase, of a scenario.
    pub phase: Option<u8>,
    /// The scenarios that it has.
    pub scenarios: usize,
}

/// The choice.
pub struct Targets {
    /// The system under test.
    pub system: &'static SystemEntry,
    /// All that is applicable to it.
    all: Vec<Target>,
    /// What is left of them by the filter.
    pub shown: Vec<Target>,
    /// What their names or descriptions have to contain.
    pub filter: String,
    /// Which of `shown` is chosen.
    pub list: List,
    /// The bug that the cursor is at.
    pub bugs: List,
    /// The planted bugs that are switched on, by their places in the system's list.
    pub switched_on: Vec<bool>,
    /// How many workers.
    pub jobs: usize,
    /// How long, as a place in [`TIMES`].
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
        // `combined` is both.
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

    /// Shows those only that have this text in them.
    pub fn filter(&mut self, text: &str) {
        let wanted = text.to_lowercase();
        let chosen = self.chosen().map(|target| target.name);
        let matches = |it: &&Target| it.name.contains(&wanted) || it.description.to_lowercase().contains(&wanted);
        self.shown = self.all.iter().filter(matches).copied().collect();
        self.filter = text.to_string();
        self.list.resize(self.shown.len());
        self.list.at = self.shown.iter().position(|target| Some(target.name) == chosen).unwrap_or(0);
    }

    /// The one that is chosen.
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

    /// The next length of a campaign.
    pub fn next_time(&mut self) {
        self.time = (self.time + 1) % TIMES.len();
    }

    /// More workers, or fewer.
    pub fn more_jobs(&mut self, by: isize) {
        self.jobs = self.jobs.saturating_add_signed(by).clamp(1, JOBS_MAX);
    }

    /// The arguments of the campaign, but for the data directory; `None` where nothing is chosen.
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
