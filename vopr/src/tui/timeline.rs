//! Stepping through a run: the selected step, and the search for other steps.

use ratatui::crossterm::event::KeyCode;

use crate::tui::list::List;
use crate::tui::steps::{Kind, Recording, State, Step};

/// A run that is stepped through.
pub struct Timeline {
    /// The file of the failure.
    pub file: String,
    /// The recorded run.
    pub recording: Recording,
    /// The shown steps, as indices into the recording.
    pub shown: Vec<usize>,
    /// The selected one of them.
    pub list: List,
    /// Whether only notable steps are shown.
    pub notable_only: bool,
    /// The text of the last search.
    searched: String,
}

impl Timeline {
    /// Selects the first step.
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

    /// The index of the selected step.
    pub fn at(&self) -> usize {
        self.shown.get(self.list.at).copied().unwrap_or_default()
    }

    /// The selected step.
    pub fn step(&self) -> Option<&Step> {
        self.recording.steps.get(self.at())
    }

    /// The state of each replica after the selected step, and whether that step changed it.
    pub fn states(&self) -> Vec<(State, bool)> {
        let changed = self.step().filter(|step| step.state.is_some()).and_then(|step| step.who.replica());
        let states = self.recording.states(self.at()).into_iter();
        states.enumerate().map(|(index, state)| (state, changed.is_some_and(|it| it.index() == index))).collect()
    }

    /// Rebuilds the list of steps and selects this one, or the first shown one after it.
    fn show(&mut self, at: usize) {
        let notable = |step: &Step| !matches!(step.kind, Kind::Message | Kind::Other);
        let steps = self.recording.steps.iter().enumerate();
        self.shown = steps.filter(|(_, step)| !self.notable_only || notable(step)).map(|(place, _)| place).collect();
        self.list.resize(self.shown.len());
        self.list.at = self.shown.partition_point(|place| *place < at).min(self.shown.len().saturating_sub(1));
    }

    /// Selects a step. Shows all steps if this one is hidden.
    fn jump(&mut self, place: usize) {
        if self.shown.binary_search(&place).is_err() {
            self.notable_only = false;
        }
        self.show(place);
    }

    /// Selects the nearest step after or before the current one that satisfies `wanted`. Otherwise returns a message.
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

    /// Selects the first step of the next event, or of the previous one.
    fn event(&mut self, forward: bool) {
        let event_at = |row: usize| self.recording.steps[self.shown[row]].event;
        let Some(last) = self.shown.len().checked_sub(1) else { return };
        let now = event_at(self.list.at);
        let first_of = |event: u64| self.shown.partition_point(|place| self.recording.steps[*place].event < event);
        let row = if forward {
            self.shown.partition_point(|place| self.recording.steps[*place].event <= now)
        } else {
            let first = first_of(now);
            // From within an event, this goes to its first step; from there, to the event before.
            if first < self.list.at { first } else { first_of(event_at(first.saturating_sub(1))) }
        };
        self.list.at = row.min(last);
    }

    /// Handles a key. Returns a message if a search found nothing.
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

    /// Searches for the next step with this text. An empty text repeats the last search.
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

/// An abbreviation of the replica, client or world.
pub fn who(step: &Step) -> String {
    match step.who {
        _ if step.kind == Kind::Violation => "violation".to_string(),
        sim::Who::World => "world".to_string(),
        sim::Who::Replica(replica) => replica.to_string(),
        sim::Who::Client(client) => format!("client {}", client.0),
    }
}

/// The text of a step that is searched.
fn line(step: &Step) -> String {
    format!("{} {} {}", step.event, who(step), step.text)
}
