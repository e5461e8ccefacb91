//! What the interface shows, apart from how: the screens, what is chosen on them, and what each key does. It starts no
//! process and reads no file: a key may ask for that with an [`Effect`], and `mod.rs` does it.

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

/// More lines of a campaign's news are forgotten.
const NEWS_MAX: usize = 200;
/// A longer text is not typed in by hand.
const TYPED_MAX: usize = 80;

/// The screens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// Pick a fuzz target or a scenario.
    Targets,
    /// Watch a campaign.
    Campaign,
    /// Browse failures.
    Failures,
    /// Step through one.
    Timeline,
}

/// What lies over the screen and takes the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlay {
    /// The keys.
    Help,
    /// The planted bugs.
    Bugs,
    /// A campaign is running: stop it and leave?
    Leave,
}

/// What a key asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Leave.
    Leave,
    /// Start a campaign in the data directory with these arguments.
    Start(Vec<String>),
    /// Stop the campaign.
    Stop,
    /// Record the run of this file of the data directory.
    Record(String),
    /// Record no more.
    Forget,
}

/// The campaign that was started here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// None, or it has ended.
    None,
    /// It runs.
    Running,
    /// It was asked to stop.
    Stopping,
}

/// All of it.
pub struct App {
    /// Which screen is shown.
    pub screen: Screen,
    /// What lies over it.
    pub overlay: Option<Overlay>,
    /// What is being typed, after `/`.
    pub typed: Option<String>,
    /// One line about what has just happened.
    pub message: String,
    /// The data directory.
    pub directory: PathBuf,
    /// What is in it.
    pub data: Data,
    /// What can be fuzzed.
    pub targets: Targets,
    /// Which campaign of the data directory is looked at; the newest, or the one that was started here, where none was chosen.
    chosen: Option<usize>,
    /// The target of it that is looked at.
    pub watched: usize,
    /// The campaign that was started here.
    pub own: Own,
    /// Its name.
    pub own_name: Option<String>,
    /// What it said.
    pub news: VecDeque<String>,
    /// The failures.
    pub failures: Failures,
    /// The file whose run is being recorded.
    pub recording: Option<String>,
    /// The run that is stepped through.
    pub timeline: Option<Timeline>,
}

impl App {
    /// Nothing chosen yet.
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

    /// Which campaign of the data directory is looked at. Others may run there, too.
    pub fn place(&self) -> Option<usize> {
        let last = self.data.campaigns.len().checked_sub(1)?;
        Some(self.chosen.or_else(|| self.own_place()).unwrap_or(last).min(last))
    }

    /// The campaign that is looked at.
    pub fn campaign(&self) -> Option<&Past> {
        self.data.campaigns.get(self.place()?)
    }

    /// Where the campaign that was started here is.
    fn own_place(&self) -> Option<usize> {
        self.own_name.as_ref()?;
        self.data.campaigns.iter().rposition(|past| past.name == self.own_name)
    }

    /// Whether the campaign that was started here is the one that is looked at.
    pub fn is_own(&self) -> bool {
        self.place().is_some() && self.place() == self.own_place()
    }

    /// Whether the campaign that was started here has not written anything yet.
    pub fn is_starting(&self) -> bool {
        self.own != Own::None && self.chosen.is_none() && self.own_place().is_none()
    }

    /// The data directory was read again.
    pub fn refresh(&mut self, data: Data) {
        self.failures.refresh(&self.data, &data);
        self.data = data;
        let targets = self.campaign().map_or(0, |past| past.progress.len());
        self.watched = self.watched.min(targets.saturating_sub(1));
    }

    /// The campaign said something.
    pub fn tell(&mut self, line: &str) {
        let plain = anstream::adapter::strip_str(line).to_string();
        self.news.push_back(format::printable(&plain));
        while self.news.len() > NEWS_MAX {
            self.news.pop_front();
        }
    }

    /// The campaign ended.
    pub fn campaign_ended(&mut self, how: &str) {
        self.own = Own::None;
        self.message = format!("the campaign ended: {}", format::printable(how));
    }

    /// A run was recorded, or could not be.
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

    /// A key was pressed.
    pub fn key(&mut self, key: KeyEvent) -> Option<Effect> {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return match key.code {
                KeyCode::Char('c') => Some(Effect::Leave),
                KeyCode::Char('f') => self.turn(KeyCode::PageDown),
                KeyCode::Char('b') => self.turn(KeyCode::PageUp),
                _ => None,
            };
        }
        self.turn(key.code)
    }

    fn turn(&mut self, code: KeyCode) -> Option<Effect> {
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
            KeyCode::Tab => self.screen = self.beside(1),
            KeyCode::BackTab => self.screen = self.beside(-1),
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

    /// The screen before or after this one.
    fn beside(&self, by: isize) -> Screen {
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
            KeyCode::Left | KeyCode::Char('h') => self.look_beside(-1),
            KeyCode::Right | KeyCode::Char('l') => self.look_beside(1),
            _ => {}
        }
        None
    }

    /// Looks at the campaign before this one or after it.
    fn look_beside(&mut self, by: isize) {
        let beside = self.place().and_then(|place| place.checked_add_signed(by));
        match beside.filter(|place| *place < self.data.campaigns.len()) {
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

    /// What the keys do now.
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
