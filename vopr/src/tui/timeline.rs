//! Stepping through a run: which step is looked at, and where the next one of a kind is.

use ratatui::crossterm::event::KeyCode;

use crate::tui::list::List;
use crate::tui::steps::{Kind, Recording, State, Step};

/// A run that is stepped through.
pub struct Timeline {
    /// The file that it is from.
    pub file: String,
    /// What happened.
    pub recording: Recording,
    /// The steps that are shown, as places in the recording.
    pub shown: Vec<usize>,
    /// Which of them is looked at.
    pub list: List,
    /// Whether only those are shown that are worth a line.
    pub notable_only: bool,
    /// What was searched for last.
    searched: String,
}

impl Timeline {
    /// At the first step.
    pub fn new(file: String, recording: Recording) -> Timeline {
        let mut timeline = Timeline {
            file,
            recording,
            shown: Vec::new(),
            list: List::default(),
            notable_only: false,
            searched: String::new(),
        };
        timeline.show(0);
        timeline
    }

    /// The place of the step that is looked at.
    pub fn at(&self) -> usize {
        self.shown.get(self.list.at).copied().unwrap_or_default()
    }

    /// The step that is looked at.
    pub fn step(&self) -> Option<&Step> {
        self.recording.steps.get(self.at())
    }

    /// What is known of each replica after it, and whether that step changed it.
    pub fn states(&self) -> Vec<(State, bool)> {
        let changed = self.step().filter(|step| step.state.is_some()).and_then(|step| step.who.replica());
        let states = self.recording.states(self.at()).into_iter();
        states.enumerate().map(|(index, state)| (state, changed.is_some_and(|it| it.index() == index))).collect()
    }

    /// Lists the steps anew and looks at this one, or at the first shown after it.
    fn show(&mut self, at: usize) {
        let notable = |step: &Step| !matches!(step.kind, Kind::Message | Kind::Other);
        let steps = self.recording.steps.iter().enumerate();
        self.shown = steps.filter(|(_, step)| !self.notable_only || notable(step)).map(|(place, _)| place).collect();
        self.list.resize(self.shown.len());
        self.list.at = self.shown.partition_point(|place| *place < at).min(self.shown.len().saturating_sub(1));
    }

    /// Looks at a step, even if it takes showing all.
    fn jump(&mut self, place: usize) {
        if self.shown.binary_search(&place).is_err() {
            self.notable_only = false;
        }
        self.show(place);
    }

    /// Looks at the nearest step, after or before this one, that is as wanted; else says so.
    fn seek(&mut self, forward: bool, what: &str, wanted: impl Fn(&Step) -> bool) -> Option<String> {
        let (at, steps) = (self.at(), &self.recording.steps);
        let found = if forward {
            (at + 1..steps.len()).find(|place| wanted(&steps[*place]))
        } else {
            (0..at).rev().find(|place| wanted(&steps[*place]))
        };
        if let Some(place) = found {
            self.jump(place);
            return None;
        }
        Some(format!("no {what} {} this one", if forward { "after" } else { "before" }))
    }

    /// Looks at the first step of the next event, or of the one before.
    fn event(&mut self, forward: bool) {
        let event_at = |row: usize| self.recording.steps[self.shown[row]].event;
        let Some(last) = self.shown.len().checked_sub(1) else { return };
        let now = event_at(self.list.at);
        let first_of = |event: u64| self.shown.partition_point(|place| self.recording.steps[*place].event < event);
        let row = if forward {
            self.shown.partition_point(|place| self.recording.steps[*place].event <= now)
        } else {
            let first = first_of(now);
            // From the middle of an event to its beginning, from there to the one before.
            if first < self.list.at { first } else { first_of(event_at(first.saturating_sub(1))) }
        };
        self.list.at = row.min(last);
    }

    /// Takes a key; what it did not find.
    pub fn key(&mut self, code: KeyCode) -> Option<String> {
        let kind = |wanted: Kind| move |step: &Step| step.kind == wanted;
        match code {
            KeyCode::Right | KeyCode::Char('l') => self.event(true),
            KeyCode::Left | KeyCode::Char('h') => self.event(false),
            KeyCode::Char('m') => return self.seek(true, "message", kind(Kind::Message)),
            KeyCode::Char('M') => return self.seek(false, "message", kind(Kind::Message)),
            KeyCode::Char('f') => return self.seek(true, "fault", kind(Kind::Fault)),
            KeyCode::Char('F') => return self.seek(false, "fault", kind(Kind::Fault)),
            KeyCode::Char('v') => return self.seek(true, "view change", kind(Kind::ViewChange)),
            KeyCode::Char('V') => return self.seek(false, "view change", kind(Kind::ViewChange)),
            KeyCode::Char('x') => {
                let violation = self.recording.steps.iter().position(|step| step.kind == Kind::Violation);
                let Some(place) = violation else { return Some("there is no violation in this run".to_string()) };
                self.jump(place);
            }
            KeyCode::Char('a') => {
                let at = self.at();
                self.notable_only = !self.notable_only;
                self.show(at);
            }
            KeyCode::Char('n') => return self.found(true),
            KeyCode::Char('N') => return self.found(false),
            code => {
                self.list.key(code);
            }
        }
        None
    }

    /// Looks for the next step with this text; for the same as before where there is none.
    pub fn search(&mut self, text: &str) -> Option<String> {
        if !text.is_empty() {
            self.searched = text.to_lowercase();
        }
        self.found(true)
    }

    fn found(&mut self, forward: bool) -> Option<String> {
        if self.searched.is_empty() {
            return Some("/ searches for a text first".to_string());
        }
        let wanted = self.searched.clone();
        self.seek(forward, &format!("`{wanted}`"), |step| line(step).to_lowercase().contains(&wanted))
    }
}

/// Who, in a few letters.
pub fn who(step: &Step) -> String {
    match step.who {
        _ if step.kind == Kind::Violation => "violation".to_string(),
        sim::Who::World => "world".to_string(),
        sim::Who::Replica(replica) => replica.to_string(),
        sim::Who::Client(client) => format!("client {}", client.0),
    }
}

/// A step as it is searched.
fn line(step: &Step) -> String {
    format!("{} {} {}", step.event, who(step), step.text)
}
