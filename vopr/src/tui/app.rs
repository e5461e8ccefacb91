//! The state of the terminal interface, independent of drawing: the screens, the selections on them, and the effect of
//! each key. It starts no process and reads no file. A key returns an [`Effect`] that `mod.rs` carries out.

use std::collections::VecDeque;
use std::path::PathBuf;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::tui::failures::Failures;
use crate::tui::keys::Scope;
use crate::tui::steps::Recording;
use crate::tui::targets::Targets;
use crate::tui::timeline::Timeline;
use engine::base::format;
use engine::campaigns::data_dir::{Data, Past};
use engine::cases::systems::SystemEntry;

/// The number of lines of campaign output that are kept.
const NEWS_MAX: usize = 200;
/// The maximum length of typed text.
const TYPED_MAX: usize = 80;

/// The screens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// Select a fuzz target or a scenario.
    Targets,
    /// Watch a campaign.
    Campaign,
    /// Browse failures.
    Failures,
    /// Step through the run of a failure.
    Timeline,
}

/// An overlay above the screen that receives the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlay {
    /// The list of keys.
    Help,
    /// The list of planted bugs.
    Bugs,
    /// Asks whether to stop the running campaign and leave.
    Leave,
}

/// An action requested by a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Leave the interface.
    Leave,
    /// Start a campaign in the data directory with these arguments.
    Start(Vec<String>),
    /// Stop the campaign.
    Stop,
    /// Record the run of this file of the data directory.
    Record(String),
    /// Cancel the recording.
    Forget,
}

/// The state of the campaign that this interface started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// None, or it has ended.
    None,
    /// It is running.
    Running,
    /// It was asked to stop.
    Stopping,
}

/// The state of the interface.
pub struct App {
    /// Which screen is shown.
    pub screen: Screen,
    /// The overlay, if there is one.
    pub overlay: Option<Overlay>,
    /// The text being typed after `/`.
    pub typed: Option<String>,
    /// A message about the last action, in one line.
    pub message: String,
    /// The data directory.
    pub directory: PathBuf,
    /// The content of the data directory.
    pub data: Data,
    /// The targets that can be fuzzed.
    pub targets: Targets,
    /// The index of the selected campaign of the data directory. If there is none, the campaign that was started here
    /// is shown, or else the newest.
    chosen: Option<usize>,
    /// The index of the selected target of the campaign.
    pub watched: usize,
    /// The state of the campaign that was started here.
    pub own: Own,
    /// Its name.
    pub own_name: Option<String>,
    /// Its output.
    pub news: VecDeque<String>,
    /// The failures.
    pub failures: Failures,
    /// The file whose run is being recorded.
    pub recording: Option<String>,
    /// The run that is being stepped through.
    pub timeline: Option<Timeline>,
}

impl App {
    /// The initial state, without selections.
    pub fn new(directory: PathBuf, system: &'static SystemEntry, bugs: &[String], jobs: usize) -> App {
        App {
            screen: Screen::Targets,
            overlay: None,
            typed: None,
            message: "? lists the keys".to_string(),
            directory,
            data: Data::default(),
            targets: Targets::new(system, bugs, jobs),
            chosen: None,
            watched: 0,
            own: Own::None,
            own_name: None,
            news: VecDeque::new(),
            failures: Failures::default(),
            recording: None,
            timeline: None,
        }
    }

    /// The index of the shown campaign of the data directory. Other campaigns may run in the directory at the same
    /// time.
    pub fn place(&self) -> Option<usize> {
        let last = self.data.campaigns.len().checked_sub(1)?;
        Some(self.chosen.or_else(|| self.own_place()).unwrap_or(last).min(last))
    }

    /// The shown campaign.
    pub fn campaign(&self) -> Option<&Past> {
        self.data.campaigns.get(self.place()?)
    }

    /// The index of the campaign that was started here.
    fn own_place(&self) -> Option<usize> {
        self.own_name.as_ref()?;
        self.data.campaigns.iter().rposition(|past| past.name == self.own_name)
    }

    /// Whether the shown campaign is the one that was started here.
    pub fn is_own(&self) -> bool {
        self.place().is_some() && self.place() == self.own_place()
    }

    /// Whether the campaign that was started here has not written anything yet.
    pub fn is_starting(&self) -> bool {
        self.own != Own::None && self.chosen.is_none() && self.own_place().is_none()
    }

    /// Updates the state after the data directory was read again.
    pub fn refresh(&mut self, data: Data) {
        self.failures.refresh(&self.data, &data);
        self.data = data;
        let targets = self.campaign().map_or(0, |past| past.progress.len());
        self.watched = self.watched.min(targets.saturating_sub(1));
    }

    /// Adds a line of the campaign's output.
    pub fn tell(&mut self, line: &str) {
        let plain = anstream::adapter::strip_str(line).to_string();
        self.news.push_back(format::printable(&plain));
        while self.news.len() > NEWS_MAX {
            self.news.pop_front();
        }
    }

    /// Records that the campaign ended.
    pub fn campaign_ended(&mut self, how: &str) {
        self.own = Own::None;
        self.message = format!("the campaign ended: {}", format::printable(how));
    }

    /// Shows a recorded run, or the reason why it could not be recorded.
    pub fn recorded(&mut self, result: Result<Recording, String>) {
        let file = format::printable(&self.recording.take().unwrap_or_default());
        match result {
            Ok(recording) if recording.steps.is_empty() => self.message = format!("{file}: nothing happened in it"),
            Ok(recording) => {
                self.timeline = Some(Timeline::new(file, recording));
                self.screen = Screen::Timeline;
                self.message.clear();
            }
            Err(why) => self.message = format!("{file}: {}", format::printable(&why)),
        }
    }

    /// Handles a key.
    pub fn key(&mut self, key: KeyEvent) -> Option<Effect> {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return match key.code {
                KeyCode::Char('c') => Some(Effect::Leave),
                KeyCode::Char('f') => self.handle_key(KeyCode::PageDown),
                KeyCode::Char('b') => self.handle_key(KeyCode::PageUp),
                _ => None,
            };
        }
        self.handle_key(key.code)
    }

    fn handle_key(&mut self, code: KeyCode) -> Option<Effect> {
        if let Some(overlay) = self.overlay {
            return self.in_overlay(overlay, code);
        }
        if self.typed.is_some() {
            self.type_in(code);
            return None;
        }
        self.message.clear();
        match code {
            KeyCode::Char('q') => return self.leave(),
            KeyCode::Char('?') | KeyCode::F(1) => self.overlay = Some(Overlay::Help),
            KeyCode::Char('1') => self.screen = Screen::Targets,
            KeyCode::Char('2') => self.screen = Screen::Campaign,
            KeyCode::Char('3') => self.screen = Screen::Failures,
            KeyCode::Char('4') if self.timeline.is_some() => self.screen = Screen::Timeline,
            KeyCode::Tab => self.screen = self.adjacent_screen(1),
            KeyCode::BackTab => self.screen = self.adjacent_screen(-1),
            KeyCode::Esc if self.recording.is_some() => {
                self.recording = None;
                return Some(Effect::Forget);
            }
            KeyCode::Esc | KeyCode::Backspace if self.screen == Screen::Timeline => self.screen = Screen::Failures,
            KeyCode::Esc if self.screen == Screen::Targets => self.targets.filter(""),
            KeyCode::Char('/') if matches!(self.screen, Screen::Targets | Screen::Timeline) => {
                self.typed = Some(String::new());
            }
            code => return self.on_screen(code),
        }
        None
    }

    fn on_screen(&mut self, code: KeyCode) -> Option<Effect> {
        match self.screen {
            Screen::Targets => self.on_targets(code),
            Screen::Campaign => self.on_campaign(code),
            Screen::Failures => self.on_failures(code),
            Screen::Timeline => {
                if let Some(timeline) = &mut self.timeline
                    && let Some(missing) = timeline.key(code)
                {
                    self.message = missing;
                }
                None
            }
        }
    }

    fn leave(&mut self) -> Option<Effect> {
        if self.own == Own::None {
            return Some(Effect::Leave);
        }
        self.overlay = Some(Overlay::Leave);
        None
    }

    /// The screen before or after the current one.
    fn adjacent_screen(&self, by: isize) -> Screen {
        let mut screens = vec![Screen::Targets, Screen::Campaign, Screen::Failures];
        screens.extend(self.timeline.is_some().then_some(Screen::Timeline));
        let at = screens.iter().position(|screen| *screen == self.screen).unwrap_or_default();
        screens[(at + screens.len()).saturating_add_signed(by) % screens.len()]
    }

    fn in_overlay(&mut self, overlay: Overlay, code: KeyCode) -> Option<Effect> {
        match (overlay, code) {
            (Overlay::Leave, KeyCode::Char('y') | KeyCode::Enter) => return Some(Effect::Leave),
            (Overlay::Bugs, KeyCode::Char(' ')) => self.targets.toggle_bug(),
            (Overlay::Bugs, code) if self.targets.bugs.key(code) => {}
            (Overlay::Bugs, KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q' | 'b'))
            | (Overlay::Help | Overlay::Leave, _) => self.overlay = None,
            (Overlay::Bugs, _) => {}
        }
        None
    }

    fn type_in(&mut self, code: KeyCode) {
        let Some(typed) = &mut self.typed else { return };
        match code {
            KeyCode::Char(symbol) if typed.len() < TYPED_MAX && !symbol.is_control() => typed.push(symbol),
            KeyCode::Backspace => {
                typed.pop();
            }
            KeyCode::Esc => self.typed = None,
            KeyCode::Enter => {
                let text = self.typed.take().unwrap_or_default();
                match (self.screen, &mut self.timeline) {
                    (Screen::Timeline, Some(timeline)) => {
                        if let Some(missing) = timeline.search(&text) {
                            self.message = missing;
                        }
                    }
                    _ => self.targets.filter(&text),
                }
            }
            _ => {}
        }
    }

    fn on_targets(&mut self, code: KeyCode) -> Option<Effect> {
        match code {
            KeyCode::Char('b') => {
                if self.targets.system.bugs.is_empty() {
                    self.message = format!("{} has no planted bugs", self.targets.system.name);
                } else {
                    self.overlay = Some(Overlay::Bugs);
                }
            }
            KeyCode::Char('t') => self.targets.next_time(),
            KeyCode::Char('+' | '=') => self.targets.more_jobs(1),
            KeyCode::Char('-') => self.targets.more_jobs(-1),
            KeyCode::Enter | KeyCode::Char(' ') => return self.start(),
            code => {
                self.targets.list.key(code);
            }
        }
        None
    }

    fn start(&mut self) -> Option<Effect> {
        if self.own != Own::None {
            self.message = "a campaign is running; s on screen 2 stops it".to_string();
            return None;
        }
        let arguments = self.targets.arguments()?;
        self.news.clear();
        (self.own, self.own_name, self.chosen) = (Own::Running, None, None);
        (self.screen, self.watched) = (Screen::Campaign, 0);
        Some(Effect::Start(arguments))
    }

    fn on_campaign(&mut self, code: KeyCode) -> Option<Effect> {
        let count = self.campaign().map_or(0, |past| past.progress.len());
        match code {
            KeyCode::Char('s') if self.own == Own::Running => {
                self.own = Own::Stopping;
                self.message = "stopping: the corpus and all findings are kept".to_string();
                return Some(Effect::Stop);
            }
            KeyCode::Char('s') => self.message = "no campaign was started here".to_string(),
            KeyCode::Down | KeyCode::Char('j') => self.watched = (self.watched + 1).min(count.saturating_sub(1)),
            KeyCode::Up | KeyCode::Char('k') => self.watched = self.watched.saturating_sub(1),
            KeyCode::Left | KeyCode::Char('h') => self.select_adjacent_campaign(-1),
            KeyCode::Right | KeyCode::Char('l') => self.select_adjacent_campaign(1),
            _ => {}
        }
        None
    }

    /// Selects the campaign before or after the shown one.
    fn select_adjacent_campaign(&mut self, by: isize) {
        let adjacent_screen = self.place().and_then(|place| place.checked_add_signed(by));
        match adjacent_screen.filter(|place| *place < self.data.campaigns.len()) {
            Some(place) => (self.chosen, self.watched) = (Some(place), 0),
            None => {
                self.message = format!("there is no campaign {} this one", if by < 0 { "before" } else { "after" });
            }
        }
    }

    fn on_failures(&mut self, code: KeyCode) -> Option<Effect> {
        let original = code == KeyCode::Char('o');
        if !original && !matches!(code, KeyCode::Enter | KeyCode::Char(' ' | 'l') | KeyCode::Right) {
            self.failures.list.key(code);
            return None;
        }
        match self.failures.file(&self.data, original) {
            Ok(file) => {
                self.recording = Some(file.clone());
                Some(Effect::Record(file))
            }
            Err(message) => {
                self.message = message;
                None
            }
        }
    }

    /// The scope of the keys that are valid now.
    pub fn scope(&self) -> Scope {
        match (self.overlay, self.screen) {
            (Some(Overlay::Bugs), _) => Scope::Bugs,
            (_, Screen::Targets) => Scope::Targets,
            (_, Screen::Campaign) => Scope::Campaign,
            (_, Screen::Failures) => Scope::Failures,
            (_, Screen::Timeline) => Scope::Timeline,
        }
    }
}

#[cfg(test)]
#[path = "app_tests.rs"]
pub mod tests;
