//! Scenario files: a scenario in TOML, with the same parts as a built-in one. docs/scenario-files.md describes the
//! format.
//!
//! A setting that is not given has the value of [`Config::default`]. The scenario's own faults are the script of a
//! built-in scenario, rules of the file (`rule.rs`), or both. A scenario that was read is never freed.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;
use sim::config::settings::Setting;
use sim::protocol::lie::LieRule;
use sim::protocol::observation::Fault;
use sim::{Config, Mark, invariants};
use toml::{Spanned, Value};

use crate::palette::Palette;
use crate::rule::{Rule, time};
use crate::{Own, Scenario, ScenarioType};

/// Why a text is not a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// The line, from 1.
    pub line: usize,
    /// The error, in one line.
    pub message: String,
}

type Section = BTreeMap<Spanned<String>, Spanned<Value>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Spanned<String>,
    description: String,
    #[serde(default)]
    faults: String,
    #[serde(default)]
    phase: u8,
    #[serde(default)]
    invariants: Vec<Spanned<String>>,
    script: Option<Spanned<String>>,
    #[serde(default)]
    marks: Vec<Mark>,
    heal_at: Option<Spanned<Value>>,
    heal_max: Option<Spanned<Value>>,
    #[serde(default)]
    palette: PaletteFile,
    #[serde(default)]
    cluster: Section,
    #[serde(default)]
    network: Section,
    #[serde(default)]
    disk: Section,
    #[serde(default)]
    clock: Section,
    #[serde(default)]
    workload: Section,
    #[serde(default)]
    actions: Vec<Spanned<Rule>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PaletteFile {
    #[serde(default)]
    faults: Vec<Fault>,
    #[serde(default)]
    lies: Vec<LieRule>,
}

/// Where a setting was given: its name, and its offset in the text.
type Given = (String, usize);

impl Scenario {
    /// Reads a scenario from the text of a file.
    ///
    /// # Errors
    /// The first error in the text.
    pub fn from_toml(text: &str) -> Result<Scenario, FileError> {
        let wrong = |at: usize, message: String| FileError { line: line_of(text, at), message };
        let file: File = toml::from_str(text).map_err(|error| {
            wrong(error.span().map_or(0, |span| span.start), error.message().trim().replace('\n', " "))
        })?;
        let (config, given) = file.config().map_err(|(at, message)| wrong(at, message))?;
        config.check().map_err(|message| {
            let about = |(name, _): &&Given| message.contains(name.rsplit('.').next().unwrap_or(name));
            wrong(given.iter().find(about).map_or(0, |(_, at)| *at), message.clone())
        })?;
        let name = file.name.get_ref();
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) {
            return Err(wrong(file.name.span().start, "the name has to be of letters, digits, _ and -".to_string()));
        }
        let mut owed = Vec::new();
        for invariant in &file.invariants {
            let known = invariants::NAMES.iter().find(|known| *known == invariant.get_ref());
            let unknown = || wrong(invariant.span().start, format!("there is no invariant {}", invariant.get_ref()));
            owed.push(*known.ok_or_else(unknown)?);
        }
        let script = match &file.script {
            None => None,
            Some(script) => {
                let kind = ScenarioType::from_name(script.get_ref());
                let unknown = || wrong(script.span().start, format!("there is no scenario {}", script.get_ref()));
                Some(kind.ok_or_else(unknown)?)
            }
        };
        let mut rules = Vec::new();
        for rule in file.actions {
            let at = rule.span().start;
            rules.push(rule.into_inner().checked().map_err(|message| wrong(at, message))?);
        }
        if file.palette.lies.is_empty() == file.palette.faults.contains(&Fault::Lie) {
            let message = "palette: lies are needed where `Lie` is among the faults, and only there".to_string();
            return Err(wrong(text.find("[palette]").unwrap_or(0), message));
        }
        Ok(Scenario {
            kind: None,
            name: String::leak(name.clone()),
            phase: file.phase,
            description: String::leak(file.description),
            faults: String::leak(file.faults),
            invariants: Vec::leak(owed),
            config,
            marks: file.marks,
            palette: Palette::with_lies(Vec::leak(file.palette.faults), Vec::leak(file.palette.lies)),
            own: Own { script: script.map(|kind| (kind.name(), kind.script())), rules },
        })
    }

    /// The scenario as the text of a file. The script of a built-in scenario is named, not written out.
    pub fn to_toml(&self) -> String {
        let mut text = format!("# {} as a file. What is left out here has its default.\n", self.name);
        let mut line = |key: &str, value: Value| {
            let _ = writeln!(text, "{key} = {value}");
        };
        line("name", Value::from(self.name));
        line("description", Value::from(self.description));
        line("faults", Value::from(self.faults));
        line("phase", Value::from(i64::from(self.phase)));
        line("invariants", Value::from(self.invariants.to_vec()));
        if let Some((script, _)) = self.own.script {
            line("script", Value::from(script));
        }
        let plain = |value: Result<Value, toml::ser::Error>| value.unwrap_or_else(|_| Value::from(""));
        line("marks", plain(Value::try_from(&self.marks)));
        let settings = self.config.settings();
        let value = |setting: &Setting| {
            if setting.is_time { Value::from(units(setting.value)) } else { Value::from(setting.value as i64) }
        };
        for setting in settings.iter().filter(|setting| !setting.name.contains('.')) {
            line(setting.name, value(setting));
        }
        let mut section = "";
        for setting in &settings {
            let Some((part, name)) = setting.name.split_once('.') else { continue };
            if part != section {
                section = part;
                let _ = writeln!(text, "\n[{part}]");
            }
            let _ = writeln!(text, "{name} = {}", value(setting));
        }
        let _ = writeln!(text, "\n[palette]");
        let _ = writeln!(text, "faults = {}", plain(Value::try_from(self.palette.faults)));
        let _ = writeln!(text, "lies = {}", plain(Value::try_from(self.palette.lies)));
        text
    }
}

impl File {
    /// The configuration and the offset of each setting in it, or the offset of an error.
    fn config(&self) -> Result<(Config, Vec<Given>), (usize, String)> {
        let mut config = Config::default();
        let mut given = Vec::new();
        let mut set = |name: String, at: usize, value: &Value| {
            let number = match value {
                Value::Integer(number) => u64::try_from(*number).ok(),
                Value::String(text) => time(text),
                _ => None,
            };
            let number =
                number.ok_or_else(|| (at, format!("{name} is {value}; a number is needed, or a time like 120ms")))?;
            config.set(&name, number).map_err(|message| (at, message))?;
            given.push((name, at));
            Ok(())
        };
        let parts = [
            ("cluster", &self.cluster),
            ("network", &self.network),
            ("disk", &self.disk),
            ("clock", &self.clock),
            ("workload", &self.workload),
        ];
        for (part, section) in parts {
            for (name, value) in section {
                set(format!("{part}.{}", name.get_ref()), name.span().start, value.get_ref())?;
            }
        }
        for (name, value) in [("heal_at", &self.heal_at), ("heal_max", &self.heal_max)] {
            if let Some(value) = value {
                set(name.to_string(), value.span().start, value.get_ref())?;
            }
        }
        Ok((config, given))
    }
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

/// A time in the largest unit in which it is an integer.
fn units(time: u64) -> String {
    for (unit, name) in [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")] {
        if time.is_multiple_of(unit) {
            return format!("{}{name}", time / unit);
        }
    }
    format!("{time}ns")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_written_to_a_file_and_read_again_makes_the_same_cases() {
        for kind in ScenarioType::ALL {
            let built_in = kind.create_scenario();
            let text = built_in.to_toml();
            let read = Scenario::from_toml(&text).unwrap_or_else(|error| panic!("{error:?}\n{text}"));
            assert_eq!((read.name, &read.config, &read.marks), (built_in.name, &built_in.config, &built_in.marks));
            for seed in 0..20 {
                assert_eq!(read.random_case("vsr", &[], seed), built_in.random_case("vsr", &[], seed), "{text}");
            }
        }
    }

    const WHOLE: &str = r#"name = "mine"
description = "The primary crashes."
marks = ["Retried", { Committed = 5 }]
heal_at = "900ms"

[cluster]
replicas = 5
replication_quorum = 3
view_change_quorum = 3
heartbeat = "25ms"

[palette]
faults = ["Crash"]

[[actions]]
when = { At = { between = ["50ms", "80ms"] } }
what = { Crash = { target = "Primary", down = "300ms" } }
"#;

    #[test]
    fn a_users_own_scenario_has_its_own_actions() {
        let scenario = Scenario::from_toml(WHOLE).unwrap();
        assert_eq!((scenario.kind, scenario.config.cluster.replicas, scenario.config.heal_at), (None, 5, 900_000_000));
        let (one, other) = (scenario.random_case("vsr", &[], 1), scenario.random_case("vsr", &[], 2));
        assert_eq!(one.check(), Ok(()));
        assert_ne!(one.actions[0], other.actions[0], "the time is drawn");
        assert_eq!(one.marks, [Mark::Retried, Mark::Committed(5)]);
    }

    #[test]
    fn each_error_names_its_line() {
        let error = |from: &str, to: &str| {
            assert!(WHOLE.contains(from));
            let FileError { line, message } = Scenario::from_toml(&WHOLE.replacen(from, to, 1)).unwrap_err();
            assert!(!message.contains('\n'), "{message}");
            (line, message)
        };
        assert_eq!(error("replicas = 5", "replicas = 50").0, 7);
        assert_eq!(
            error("replicas = 5", "replicas = 5000"),
            (7, "cluster.replicas is 5000, which is too large".into())
        );
        assert_eq!(error("replicas = 5", "replicas = 2").0, 8, "the quorum does not fit");
        assert_eq!(error("heartbeat", "heartbeets"), (10, "there is no setting cluster.heartbeets".into()));
        assert_eq!(error("\"25ms\"", "\"25 minutes\"").0, 10);
        assert_eq!(error("\"Retried\"", "\"Retired\"").0, 3);
        assert_eq!(error("\"Crash\"", "\"Crush\"").0, 13);
        assert_eq!(error("[\"Crash\"]", "[\"Lie\"]").0, 12);
        assert_eq!(error("\"Primary\"", "\"Secondary\"").0, 15);
        assert_eq!(error("\"mine\"", "\"my own\"").0, 1);
        assert_eq!(error("heal_at", "script = \"nothing\"\nheal_at").0, 4);
        assert_eq!(error("heal_at", "invariants = [\"nothing\"]\nheal_at").0, 4);
        assert_eq!(error("heal_at", "planets = 3\nheal_at").0, 4);
        assert_eq!(error("[palette]", "[palette").0, 12);
    }
}
