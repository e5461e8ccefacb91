//! The terminal interface behind `vopr tui`. `app.rs` has its state and the effects of keys, and `draw/` draws it. This
//! file connects it to the terminal, the data directory, a campaign, and the recording of a run. None of these blocks
//! the interface, because they are other processes or threads.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::TryRecvError;
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEventKind};

use self::app::{App, Effect};
use self::child::Campaign;
use self::draw::Theme;
use self::follow::Read;
use self::steps::Recorder;
use engine::base::error::Error;
use engine::base::exit;
use engine::campaigns::campaign_log::fresh_name;

mod app;
mod child;
mod draw;
mod failures;
mod follow;
mod keys;
mod list;
pub mod steps;
mod targets;
mod timeline;

pub use app::App as Interface;

/// The interval at which updates are checked while no key is pressed.
const TICK: Duration = Duration::from_millis(100);
/// The time allowed for a clean exit before the process is terminated.
const GRACE: Duration = Duration::from_secs(2);

/// Runs the interface until the user leaves it.
///
/// # Errors
/// If there is no terminal, or if it is closed.
pub fn run(app: App, colors: bool) -> Result<(), Error> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        let next = "in a pipe, use vopr stats, vopr show and vopr fuzz";
        return Err(Error::usage(format!("vopr tui needs a terminal as its standard input and output; {next}")));
    }
    let stop = stop_at_signals()?;
    let over = Arc::new(AtomicBool::new(false));
    watch_the_terminal(stop.clone(), over.clone());
    let cannot = |error: std::io::Error| Error::Io(format!("cannot use the terminal: {error}; try another one"));
    // A panic restores the terminal as well, which `try_init` sets up.
    let terminal = ratatui::try_init().map_err(|error| {
        let _ = ratatui::try_restore();
        cannot(error)
    })?;
    ratatui::crossterm::style::force_color_output(colors);
    let mut session = Session {
        data: follow::follow(app.directory.clone()),
        app,
        theme: Theme { colors },
        campaign: None,
        recorder: None,
    };
    let result = session.run(terminal, &stop);
    // Restores the terminal before it waits for the campaign, so that the user sees the effect of leaving at once.
    let _ = ratatui::try_restore();
    over.store(true, Ordering::Relaxed);
    if let Some(campaign) = session.campaign.take() {
        engine::base::terminal::tell("the campaign is being stopped; the corpus and all findings are kept");
        campaign.close();
    }
    result.map_err(cannot)
}

/// A flag that is set by signals that ask this process to end. In raw mode, Ctrl-C is an ordinary key.
fn stop_at_signals() -> Result<Arc<AtomicBool>, Error> {
    let stop = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    let signals = [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP];
    #[cfg(not(unix))]
    let signals = [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM];
    for signal in signals {
        signal_hook::flag::register(signal, stop.clone())
            .map_err(|error| Error::Internal(format!("no handler for signals: {error}")))?;
    }
    Ok(stop)
}

/// Ends the process when its terminal is closed, and when a signal asked for it. Reading from a closed terminal may
/// block forever (crossterm's read does). A campaign ends with the process.
fn watch_the_terminal(stop: Arc<AtomicBool>, over: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        while std::io::stdin().is_terminal() && !stop.load(Ordering::Relaxed) {
            std::thread::sleep(TICK);
        }
        stop.store(true, Ordering::Relaxed);
        std::thread::sleep(GRACE);
        if !over.load(Ordering::Relaxed) {
            let _ = ratatui::try_restore();
            std::process::exit(exit::IO.into());
        }
    });
}

/// The interface with its connections.
struct Session {
    app: App,
    theme: Theme,
    data: std::sync::mpsc::Receiver<Read>,
    campaign: Option<Campaign>,
    recorder: Option<Recorder>,
}

impl Session {
    fn run(&mut self, mut terminal: DefaultTerminal, stop: &AtomicBool) -> std::io::Result<()> {
        while !stop.load(Ordering::Relaxed) {
            self.receive_updates();
            terminal.draw(|frame| draw::draw(frame, &self.app, self.theme))?;
            // Handles all pending keys before it draws once.
            let mut wait = TICK;
            while event::poll(wait)? {
                if let Event::Key(key) = event::read()?
                    && key.kind != KeyEventKind::Release
                    && let Some(effect) = self.app.key(key)
                    && self.carry_out(effect)
                {
                    return Ok(());
                }
                wait = Duration::ZERO;
            }
        }
        Ok(())
    }

    /// Receives updates from the other threads and processes.
    fn receive_updates(&mut self) {
        match self.data.try_recv() {
            Ok(Ok(data)) => self.app.refresh(data),
            Ok(Err(why)) => self.app.message = engine::base::format::printable(&why),
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => self.app.message = "the data directory is not followed any more".into(),
        }
        if let Some(campaign) = &mut self.campaign {
            let ended = campaign.ended();
            for line in campaign.lines() {
                self.app.tell(&line);
            }
            if let Some(how) = ended {
                self.app.campaign_ended(&how);
                self.campaign = None;
            }
        }
        if let Some(result) = self.recorder.as_mut().and_then(Recorder::poll) {
            self.recorder = None;
            self.app.recorded(result);
        }
    }

    /// Carries out the effect of a key. Returns whether the effect is to leave.
    fn carry_out(&mut self, effect: Effect) -> bool {
        match effect {
            Effect::Leave => return true,
            Effect::Start(mut arguments) => {
                // The name distinguishes it from other campaigns in the same log.
                let name = fresh_name();
                arguments.extend(["--campaign".to_string(), name.clone()]);
                self.app.own_name = Some(name);
                match Campaign::start(&arguments, &self.app.directory) {
                    Ok(campaign) => self.campaign = Some(campaign),
                    Err(error) => self.app.campaign_ended(&format!("it did not start: {error}")),
                }
            }
            Effect::Stop => self.campaign.iter_mut().for_each(Campaign::stop),
            Effect::Record(file) => match Recorder::start(&self.app.directory.join(file)) {
                Ok(recorder) => self.recorder = Some(recorder),
                Err(error) => self.app.recorded(Err(error.to_string())),
            },
            Effect::Forget => self.recorder = None,
        }
        false
    }
}
