//! The engine: runs a case of any system that is built in. Every command goes through it.

use std::sync::OnceLock;

use scenarios::Scenario;
use sim::observers::outcomes::Outcomes;
use sim::protocol::lie::LieRule;
use sim::{Branch, Bug, Case, Outcome, Seen, System, World};

use crate::base::error::{Error, suggestion};
use crate::base::format;
use crate::cases::limits;

/// A world of some system, its type forgotten.
trait Runner {
    fn run(&mut self, case: &Case, branch: Option<Branch>, record: bool) -> Outcome;
    fn reached(&self) -> &[u32];
    fn recorded(&self) -> &[Seen];
    fn outcomes(&self) -> &Outcomes;
    fn checks(&self) -> Vec<u64>;
}

impl<S: System> Runner for World<S> {
    fn run(&mut self, case: &Case, branch: Option<Branch>, record: bool) -> Outcome {
        World::run_branch(self, case, branch, record)
    }
    fn reached(&self) -> &[u32] {
        self.coverage().reached()
    }
    fn recorded(&self) -> &[Seen] {
        self.trace().recorded()
    }
    fn outcomes(&self) -> &Outcomes {
        World::outcomes(self)
    }
    fn checks(&self) -> Vec<u64> {
        self.checkers().checks()
    }
}

/// A world for a system that reads clocks and draws random numbers by itself: each run is inside of `hermetic::run`, on a
/// thread of its own, in a world of its own.
#[cfg(feature = "kimberlite")]
struct Hermetic<S: System> {
    system: std::marker::PhantomData<S>,
    reached: Vec<u32>,
    recorded: Vec<Seen>,
    outcomes: Outcomes,
    checks: Vec<u64>,
}

#[cfg(feature = "kimberlite")]
impl<S: System> Runner for Hermetic<S> {
    fn run(&mut self, case: &Case, branch: Option<Branch>, record: bool) -> Outcome {
        let outcome;
        (outcome, self.reached, self.recorded, self.outcomes, self.checks) = hermetic::run(case.seed, || {
            let mut world = World::<S>::new();
            let outcome = world.run_branch(case, branch, record);
            let (reached, recorded) = (world.coverage().reached().to_vec(), world.trace().recorded().to_vec());
            (outcome, reached, recorded, world.outcomes().clone(), world.checkers().checks())
        });
        outcome
    }
    fn reached(&self) -> &[u32] {
        &self.reached
    }
    fn recorded(&self) -> &[Seen] {
        &self.recorded
    }
    fn outcomes(&self) -> &Outcomes {
        &self.outcomes
    }
    fn checks(&self) -> Vec<u64> {
        self.checks.clone()
    }
}

/// A system under test that is built in.
pub struct SystemEntry {
    /// Its name on the command line and in `.kmb` files.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The planted bugs that can be switched on in it.
    pub bugs: &'static [Bug],
    lies: &'static [LieRule],
    not_applicable: fn(&Case) -> Option<&'static str>,
    /// Whether its runs can be deterministic on this machine; if not, why.
    supported: fn() -> Result<(), &'static str>,
    create: fn() -> Box<dyn Runner>,
}

impl SystemEntry {
    /// A system.
    pub const fn of<S: System>() -> Self {
        SystemEntry {
            name: S::NAME,
            version: S::VERSION,
            bugs: S::BUGS,
            lies: S::LIES,
            not_applicable: S::not_applicable,
            supported: || Ok(()),
            create: || Box::new(World::<S>::new()),
        }
    }

    /// A system that reads clocks and draws random numbers by itself.
    #[cfg(feature = "kimberlite")]
    const fn hermetic<S: System>() -> Self {
        let create: fn() -> Box<dyn Runner> = || {
            let system = std::marker::PhantomData::<S>;
            let (reached, recorded, outcomes, checks) = Default::default();
            Box::new(Hermetic { system, reached, recorded, outcomes, checks })
        };
        SystemEntry { supported: hermetic::supported, create, ..SystemEntry::of::<S>() }
    }

    /// The scenario as it is for this system: liars may tell the system's own lies, too.
    pub fn scenario(&self, mut scenario: Scenario) -> Scenario {
        scenario.palette.system_lies = if scenario.palette.lies.is_empty() { &[] } else { self.lies };
        scenario
    }

    /// Why the scenario makes no sense for the system; `None` where it does.
    pub fn not_applicable(&self, scenario: &Scenario) -> Option<&'static str> {
        (self.not_applicable)(&scenario.random_case(self.name, &[], 0))
    }

    /// The system with this name.
    pub fn find(name: &str) -> Result<&'static SystemEntry, Error> {
        let found = systems().find(|system| system.name == name).ok_or_else(|| {
            let names: Vec<_> = systems().map(|system| system.name).collect();
            let next = suggestion(name, names.iter().copied(), &format!("there is {}", names.join(", ")));
            Error::usage(format!("unknown system `{}`; {next}", name.escape_debug()))
        })?;
        (found.supported)().map_err(|why| Error::usage(format!("system {name} cannot be run here: {why}")))?;
        Ok(found)
    }

    /// The bug with this name.
    pub fn find_bug(&self, name: &str) -> Result<&'static Bug, Error> {
        self.bugs.iter().find(|bug| bug.name == name).ok_or_else(|| {
            let next = suggestion(name, self.bugs.iter().map(|bug| bug.name), "`vopr bugs` lists them");
            Error::usage(format!("unknown bug `{}` of system {}; {next}", name.escape_debug(), self.name))
        })
    }

    /// The bugs in the order of the system's list, each once: however they were named, the cases are the same.
    pub fn normalized_bugs(&self, names: &[String]) -> Result<Vec<String>, Error> {
        for name in names {
            self.find_bug(name)?;
        }
        let switched_on = |bug: &&Bug| names.iter().any(|name| name == bug.name);
        Ok(self.bugs.iter().filter(switched_on).map(|bug| bug.name.to_string()).collect())
    }
}

/// The systems that are built in; the first is the default. The others are behind Cargo features (docs/systems.md).
pub const SYSTEMS: &[SystemEntry] = &[
    SystemEntry::of::<vsr::Vsr>(),
    #[cfg(feature = "kimberlite")]
    SystemEntry::hermetic::<kimberlite::Kimberlite>(),
    #[cfg(feature = "primary-backup")]
    SystemEntry::of::<primary_backup::PrimaryBackup>(),
    #[cfg(feature = "raft")]
    SystemEntry::of::<raft_system::Raft>(),
    #[cfg(feature = "raft")]
    SystemEntry::of::<raft_system::RaftAlpha>(),
    #[cfg(feature = "omnipaxos")]
    SystemEntry::of::<omnipaxos_system::OmniPaxos>(),
    #[cfg(feature = "omnipaxos")]
    SystemEntry::of::<omnipaxos_system::OmniPaxosStrict>(),
];

/// The option that names a system other than the default, with a space before it.
pub fn system_option(name: &str) -> String {
    if name == SYSTEMS[0].name { String::new() } else { format!(" --system {}", format::printable(name)) }
}

/// Systems that are built in elsewhere.
static ADDED: OnceLock<&'static [SystemEntry]> = OnceLock::new();

/// Adds systems that are no part of this repository's `vopr`: a program of its own calls this before [`vopr::main`], once.
pub fn add(systems: &'static [SystemEntry]) {
    assert!(ADDED.set(systems).is_ok(), "systems are added once");
}

fn systems() -> impl Iterator<Item = &'static SystemEntry> {
    SYSTEMS.iter().chain(ADDED.get().copied().unwrap_or_default())
}

/// Runs cases of one system, one after another.
pub struct Engine {
    system: &'static SystemEntry,
    runner: Box<dyn Runner>,
}

impl Engine {
    /// An engine for this system.
    pub fn new(system: &'static SystemEntry) -> Self {
        // Here, since everything that could install a hook of its own (libFuzzer does) has done so by now.
        sim::base::panics::silence();
        Engine { system, runner: (system.create)() }
    }

    /// An engine for the system that `case` is about, if the case can be run: everything in it is known and in bounds.
    pub fn for_case(case: &Case) -> Result<Self, Error> {
        let system = SystemEntry::find(&case.system)?;
        for bug in &case.bugs {
            system.find_bug(bug)?;
        }
        limits::check(case).map_err(Error::Usage)?;
        Ok(Engine::new(system))
    }

    /// The system.
    pub fn system(&self) -> &'static SystemEntry {
        self.system
    }

    /// Runs a case; with `record`, every observation is kept.
    pub fn run(&mut self, case: &Case, record: bool) -> Outcome {
        self.run_branch(case, None, record)
    }

    /// Runs a case that becomes another run at some event; with `record`, every observation is kept.
    pub fn run_branch(&mut self, case: &Case, branch: Option<Branch>, record: bool) -> Outcome {
        debug_assert_eq!(case.system, self.system.name, "an engine runs the cases of its own system");
        self.runner.run(case, branch, record)
    }

    /// The coverage slots that the last run reached, each once.
    pub fn reached(&self) -> &[u32] {
        self.runner.reached()
    }

    /// The observations of the last run, if it was recorded.
    pub fn recorded(&self) -> &[Seen] {
        self.runner.recorded()
    }

    /// What became of the last run's actions and, if it was recorded, of its messages.
    pub fn outcomes(&self) -> &Outcomes {
        self.runner.outcomes()
    }

    /// How often each invariant was checked in the last run, in the order of `sim::invariants::NAMES`.
    pub fn checks(&self) -> Vec<u64> {
        self.runner.checks()
    }
}
