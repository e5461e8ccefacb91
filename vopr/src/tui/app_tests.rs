//! Tests of the state of the interface: they press keys and check the result.

use std::path::Path;

use super::*;
use crate::tui::steps::{Kind, Recording, State, Step};
use engine::cases::systems::SYSTEMS;

/// A data directory with a failure, its minimized version, and files that are not failures.
fn directory() -> tempfile::TempDir {
    let here = tempfile::tempdir().unwrap();
    let regressions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/regressions");
    let copy = |from: &str, to: &str| std::fs::copy(regressions.join(from), here.path().join(to)).unwrap();
    copy("view-led-twice.kmb", "failure-1.kmb");
    copy("view-led-twice.kmb", "failure-1.min.kmb");
    copy("repair-gives-up.kmb", "failure-2.kmb");
    std::fs::write(here.path().join("evil\u{1b}[2J.kmb"), "nonsense").unwrap();
    std::fs::write(
        here.path().join("short.kmb"),
        &std::fs::read(regressions.join("view-led-twice.kmb")).unwrap()[..99],
    )
    .unwrap();
    here
}

/// The interface with such a data directory.
pub fn app() -> (App, tempfile::TempDir) {
    let here = directory();
    let mut app = App::new(here.path().to_path_buf(), &SYSTEMS[0], &[], 2);
    app.refresh(Data::read(here.path()).unwrap());
    (app, here)
}

/// An artificial run of two replicas: two events of three steps each, then the violation.
pub fn recording() -> Recording {
    let step = |event: u64, kind: Kind, text: &str, view: Option<u64>| Step {
        at: event * 1_000_000,
        event,
        who: sim::Who::Replica(sim::ReplicaId((event % 2) as u8)),
        text: text.to_string(),
        kind,
        state: view.map(|view| State { view, op: 7, commit: 6, ..State::default() }),
    };
    Recording {
        initial: vec![State::default(); 2],
        liars: vec![1],
        steps: vec![
            step(1, Kind::Message, "delivered (from: ReplicaId(0), kind: Prepare)", None),
            step(1, Kind::Other, "appended (op: 7)", Some(0)),
            step(1, Kind::Message, "sent (to: ReplicaId(0), kind: PrepareOk)", None),
            step(2, Kind::Fault, "crashed", None),
            step(2, Kind::ViewChange, "view change started (view: 1)", Some(1)),
            step(2, Kind::Notable, "evil \u{1b}[2J \u{7}", None),
            step(2, Kind::Violation, "vsr_agreement: two histories", None),
        ],
        left_out: 0,
        violation: Some(("vsr_agreement".to_string(), "two histories".to_string())),
        comparison: "reproduced".to_string(),
    }
}

/// Presses the keys of these letters.
pub fn press(app: &mut App, keys: &str) -> Vec<Effect> {
    keys.chars().filter_map(|key| app.key(KeyEvent::from(KeyCode::Char(key)))).collect()
}

fn code(app: &mut App, code: KeyCode) -> Option<Effect> {
    app.key(KeyEvent::from(code))
}

#[test]
fn a_campaign_is_picked_started_watched_and_stopped() {
    let (mut app, _here) = app();
    assert_eq!(app.targets.shown[0].name, "byzantine_dvc");
    press(&mut app, "jjk+tt/CRASH_REC");
    assert_eq!(app.typed.as_deref(), Some("CRASH_REC"), "letters are no keys while one types");
    code(&mut app, KeyCode::Enter);
    assert_eq!(app.targets.chosen().unwrap().name, "crash_recovery");
    press(&mut app, "b jb");
    assert_eq!((app.overlay, app.targets.bug_names().len()), (None, 1), "space switches one on, b leaves");
    let Some(Effect::Start(arguments)) = code(&mut app, KeyCode::Enter) else { panic!("it starts") };
    let bug = app.targets.bug_names()[0];
    let arguments = arguments.join(" ");
    let expected = format!(
        "fuzz crash_recovery --system vsr --bug {bug} --jobs 3 --time 10m --format compact --color never --stop-at-eof"
    );
    assert_eq!((arguments, app.screen, app.own), (expected, Screen::Campaign, Own::Running));
    press(&mut app, "1");
    assert_eq!(code(&mut app, KeyCode::Enter), None, "one at a time");
    app.tell("\u{1b}[31mfound\u{1b}[0m \u{7}it");
    assert_eq!(app.news, ["found it"]);
    assert_eq!(press(&mut app, "2q"), []);
    assert_eq!(app.overlay, Some(Overlay::Leave));
    assert_eq!(press(&mut app, "n"), []);
    assert_eq!(press(&mut app, "ss"), [Effect::Stop], "stopping takes one key");
    app.campaign_ended("nothing found");
    assert_eq!(app.own, Own::None);
    assert_eq!(press(&mut app, "q"), [Effect::Leave]);
}

/// A log to which two campaigns write alternately.
pub fn log_of_two(directory: &Path) {
    let line = |name: &str, rest: &str| format!("{{\"at\":1,\"campaign\":\"{name}\",{rest}}}\n");
    let started = "\"kind\":\"started\",\"version\":\"1\",\"system\":\"vsr\",\"system_version\":\"1\",\"bugs\":[],\
                   \"targets\":[\"clock\"],\"jobs\":1,\"seed\":\"1\"";
    let lines = [("here", started), ("there", started), ("here", "\"kind\":\"ended\",\"interrupted\":false")];
    let text: String = lines.into_iter().map(|(name, rest)| line(name, rest)).collect();
    std::fs::write(directory.join(engine::campaigns::campaign_log::NAME), text).unwrap();
}

#[test]
fn of_concurrent_campaigns_the_own_one_is_shown_by_default() {
    let (mut app, here) = app();
    let name = |app: &App| app.campaign().unwrap().called();
    log_of_two(here.path());
    app.refresh(Data::read(here.path()).unwrap());
    assert_eq!((name(&app).as_str(), app.is_own()), ("there", false), "the newest");
    code(&mut app, KeyCode::Enter);
    assert!(app.is_starting(), "whatever others do");
    app.own_name = Some("here".to_string());
    assert_eq!((name(&app).as_str(), app.is_own(), app.is_starting()), ("here", true, false));
    press(&mut app, "l");
    assert_eq!((name(&app).as_str(), app.is_own()), ("there", false));
    press(&mut app, "l");
    assert_eq!((name(&app).as_str(), app.message.as_str()), ("there", "there is no campaign after this one"));
    press(&mut app, "h");
    assert_eq!((name(&app).as_str(), app.is_own()), ("here", true));
}

#[test]
fn leaving_during_a_campaign_asks_for_confirmation() {
    let (mut app, _here) = app();
    code(&mut app, KeyCode::Enter);
    assert_eq!(press(&mut app, "qy"), [Effect::Leave]);
    let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(app.key(control_c), Some(Effect::Leave), "but not with Ctrl-C");
}

#[test]
fn failures_are_grouped_and_the_smallest_is_stepped_through() {
    use crate::tui::failures::Row;
    let (mut app, here) = app();
    press(&mut app, "3");
    let rows = &app.failures.rows;
    let causes = rows.iter().filter(|row| matches!(row, Row::Cause { .. })).count();
    let unreadable: Vec<_> = rows.iter().filter(|row| matches!(row, Row::Unreadable(..))).collect();
    assert_eq!((causes, unreadable.len(), rows.len()), (2, 2, 6));
    assert!(matches!(unreadable[0], Row::Unreadable(file, _) if file == "evil\u{FFFD}[2J.kmb"));
    press(&mut app, "G");
    assert_eq!(code(&mut app, KeyCode::Enter), None);
    assert!(app.message.starts_with("short.kmb: cut off"), "{}", app.message);
    let first = |file: &str| rows_of(file, &app);
    let row = first("failure-1.kmb");
    app.failures.list.at = row;
    assert_eq!(press(&mut app, "o"), [Effect::Record("failure-1.kmb".to_string())]);
    assert_eq!(code(&mut app, KeyCode::Enter), Some(Effect::Record("failure-1.min.kmb".to_string())));
    // A new file is sorted first. The selection stays on the same failure.
    std::fs::copy(here.path().join("failure-2.kmb"), here.path().join("failure-0.kmb")).unwrap();
    app.refresh(Data::read(here.path()).unwrap());
    assert_eq!((app.failures.rows.len(), app.failures.list.at), (7, rows_of("failure-1.kmb", &app)));
    app.recorded(Err("it did\u{1b} not end".to_string()));
    assert_eq!((app.screen, app.message.as_str()), (Screen::Failures, "failure-1.min.kmb: it did\u{FFFD} not end"));
}

fn rows_of(file: &str, app: &App) -> usize {
    use crate::tui::failures::Row;
    let is = |row: &Row| matches!(row, Row::Failure(number) if app.data.failures[*number].file == file);
    app.failures.rows.iter().position(is).unwrap()
}

#[test]
fn a_run_is_stepped_through_searched_and_filtered() {
    let (mut app, _here) = app();
    app.recording = Some("x.kmb".to_string());
    app.recorded(Ok(recording()));
    assert_eq!(app.screen, Screen::Timeline);
    let mut at = |keys: &str| {
        press(&mut app, keys);
        app.timeline.as_ref().unwrap().at()
    };
    assert_eq!((at(""), at("j"), at("l"), at("k"), at("h")), (0, 1, 3, 2, 0), "steps and events");
    assert_eq!((at("jm"), at("M"), at("f"), at("v"), at("x"), at("h")), (2, 0, 3, 4, 6, 3));
    assert_eq!((at("g"), at("f"), at("f")), (0, 3, 3));
    assert_eq!(app.message, "no fault after this one");
    press(&mut app, "g/HISTORIES");
    code(&mut app, KeyCode::Enter);
    let timeline = |app: &App| app.timeline.as_ref().map(|it| (it.at(), it.shown.len(), it.notable_only)).unwrap();
    assert_eq!(timeline(&app), (6, 7, false), "found");
    press(&mut app, "ga");
    assert_eq!(timeline(&app), (3, 4, true), "without the mail, the first that is left");
    press(&mut app, "M");
    assert_eq!(timeline(&app), (2, 7, false), "a message is shown with all the others");
    let states = app.timeline.as_ref().unwrap().states();
    assert_eq!((states[0].0.op, states[1].0.op, states[1].1), (0, 7, false));
    press(&mut app, "x");
    let states = app.timeline.as_ref().unwrap().states();
    assert_eq!((states[0].0.view, states[1].0.view), (1, 0));
    code(&mut app, KeyCode::Esc);
    assert_eq!(app.screen, Screen::Failures);
    code(&mut app, KeyCode::Tab);
    assert_eq!(app.screen, Screen::Timeline, "it is kept");
}

#[test]
fn no_key_panics_on_any_screen() {
    let (mut app, here) = app();
    app.recorded(Ok(recording()));
    let codes = [
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::PageUp,
        KeyCode::PageDown,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Backspace,
        KeyCode::Delete,
        KeyCode::F(12),
    ];
    let codes: Vec<_> = codes.into_iter().chain((' '..='~').map(KeyCode::Char)).collect();
    let mut state = 1_u64;
    for _ in 0..50_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        app.key(KeyEvent::from(codes[(state >> 33) as usize % codes.len()]));
        if state.is_multiple_of(97) {
            app.refresh(if state.is_multiple_of(2) { Data::default() } else { Data::read(here.path()).unwrap() });
        }
    }
}
