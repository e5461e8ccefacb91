//! The screens as a terminal shows them.

use expect_test::{Expect, expect};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;

use super::*;
use crate::tui::app::tests::{app, press, recording};

const PLAIN: Theme = Theme { colors: false };

fn picture(app: &App, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, app, PLAIN)).unwrap();
    let buffer = terminal.backend().buffer();
    let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_string();
    (0..height).map(line).collect::<Vec<_>>().join("\n")
}

/// A timeline with the cursor at the view change.
fn stepping() -> (App, tempfile::TempDir) {
    let (mut app, here) = app();
    app.directory = "./failures/".into();
    app.recording = Some("failure-1.min.kmb".to_string());
    app.recorded(Ok(recording()));
    press(&mut app, "v");
    (app, here)
}

fn check(app: &App, expected: &Expect) {
    expected.assert_eq(&picture(app, 80, 24));
}

#[test]
fn a_timeline_in_80_by_24() {
    let (app, _here) = stepping();
    check(&app, &expect![[""]]);
}

#[test]
fn a_timeline_in_a_wide_terminal() {
    let (app, _here) = stepping();
    expect![[""]].assert_eq(&picture(&app, 130, 12));
}

#[test]
fn failures_in_80_by_24() {
    let (mut app, _here) = stepping();
    press(&mut app, "3j");
    check(&app, &expect![[""]]);
}

#[test]
fn the_help_lies_over_the_targets() {
    let (mut app, _here) = stepping();
    press(&mut app, "1?");
    check(&app, &expect![[""]]);
}

#[test]
fn a_campaign_in_80_by_24() {
    let here = tempfile::tempdir().unwrap();
    let lines = [
        r#"{"at":1795420190,"kind":"started","version":"0.1.0","system":"vsr","system_version":"1","bugs":[],"targets":["combined"],"jobs":2,"seed":"7"}"#,
        r#"{"at":1795420200,"kind":"progress","target":"combined","milliseconds":10000,"runs":20000,"violated":0,"states":3000,"once":10,"twice":5,"regions":[],"corpus":300,"checks":[]}"#,
        r#"{"at":1795420210,"kind":"progress","target":"combined","milliseconds":20000,"runs":42000,"violated":1,"states":4000,"once":10,"twice":5,"regions":[],"corpus":400,"checks":[]}"#,
        r#"{"at":1795420211,"kind":"ended","interrupted":false}"#,
    ];
    std::fs::write(here.path().join("campaign.jsonl"), lines.join("\n")).unwrap();
    let (mut app, _here) = stepping();
    app.refresh(crate::data::Data::read(here.path()).unwrap());
    app.tell("combined 42000 20.00s 2100/s VIOLATED vsr_agreement");
    press(&mut app, "2");
    check(&app, &expect![[""]]);
}

/// On each screen and under each overlay, in every size, nothing panics; and nothing that a terminal would obey is drawn.
#[test]
fn no_terminal_is_too_small_and_no_file_reaches_it_raw() {
    let (mut app, _here) = stepping();
    app.tell("evil \u{1b}]0;title\u{7}");
    for keys in ["1", "1b", "q2", "3", "3G", "4", "4x", "4ga", "1?"] {
        app.overlay = None;
        press(&mut app, keys);
        for (width, height) in (1..60).map(|size| (size * 3, size)).chain((1..30).map(|size| (size, 40 - size))) {
            let picture = picture(&app, width, height);
            assert!(!picture.chars().any(|symbol| symbol.is_control() && symbol != '\n'), "{picture:?}");
        }
    }
}

#[test]
fn without_colours_there_are_none() {
    let (mut app, _here) = stepping();
    for (colors, expected) in [(true, true), (false, false)] {
        let mut any = false;
        for keys in ["1", "2", "3", "4"] {
            press(&mut app, keys);
            let mut terminal = Terminal::new(TestBackend::new(100, 30)).unwrap();
            terminal.draw(|frame| draw(frame, &app, Theme { colors })).unwrap();
            let cells = &terminal.backend().buffer().content;
            any |= cells.iter().any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset);
        }
        assert_eq!(any, expected);
    }
}
