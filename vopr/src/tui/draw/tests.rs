//! Tests of the screens as rendered by a terminal.

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
    check(
        &app,
        &expect![[r"
             vopr   1 Targets   2 Campaign   3 Failures (4)   4 Timeline   ./failures/
            failure-1.min.kmb  vsr_agreement: two histories  (reproduced)
            ┌ After event 2 at 2.000 ms ───────────────────────────────────────────────────┐
            │replica   role     status           view     op commit                        │
            │> 0       -        recovering          1      7      6                        │
            │  1 liar  -        recovering          0      7      6                        │
            └──────────────────────────────────────────────────────────────────────────────┘
            ┌ Step 5 of 7 ─────────────────────────────────────────────────────────────────┐
            │      1     1.000 ms replica 1 delivered (from: ReplicaId(0), kind: Prepare)  │
            │                     replica 1 appended (op: 7)                               │
            │                     replica 1 sent (to: ReplicaId(0), kind: PrepareOk)       │
            │      2     2.000 ms replica 0 crashed                                        │
            │                     replica 0 view change started (view: 1)                  │
            │                     replica 0 evil �[2J �                                    │
            │                     violation vsr_agreement: two histories                   │
            │                                                                              │
            │                                                                              │
            │                                                                              │
            │                                                                              │
            └──────────────────────────────────────────────────────────────────────────────┘
            replica 0: view change started (view: 1)


            ? help  q leave  ↓ ↑ j k step  → ← l h event  m M message  f F fault  v V view"]],
    );
}

#[test]
fn a_timeline_in_a_wide_terminal() {
    let (app, _here) = stepping();
    expect![[r"
         vopr   1 Targets   2 Campaign   3 Failures (4)   4 Timeline   ./failures/
        failure-1.min.kmb  vsr_agreement: two histories  (reproduced)
        ┌ Step 5 of 7 ───────────────────────────────────────────────────────────┐┌ After event 2 at 2.000 ms ───────────────────────────┐
        │                     replica 1 appended (op: 7)                         ││replica   role     status           view     op commit│
        │                     replica 1 sent (to: ReplicaId(0), kind: PrepareOk) ││> 0       -        recovering          1      7      6│
        │      2     2.000 ms replica 0 crashed                                  ││  1 liar  -        recovering          0      7      6│
        │                     replica 0 view change started (view: 1)            ││                                                      │
        │                     replica 0 evil �[2J �                              ││                                                      │
        │                     violation vsr_agreement: two histories             ││                                                      │
        └────────────────────────────────────────────────────────────────────────┘└──────────────────────────────────────────────────────┘

        ? help  q leave  ↓ ↑ j k step  → ← l h event  m M message  f F fault  v V view  x violation  a all  / n N search"]].assert_eq(&picture(&app, 130, 12));
}

#[test]
fn failures_in_80_by_24() {
    let (mut app, _here) = stepping();
    press(&mut app, "3j");
    check(
        &app,
        &expect![[r"
             vopr   1 Targets   2 Campaign   3 Failures (4)   4 Timeline   ./failures/
            ┌ 2 failures ──────────────────────────────────────────────────────────────────┐
            │vsr_view_change_safety: Burst + Crash + Isolate + Pause + PowerLoss           │
            │  failure-1.kmb                      14 of 14 actions, crash_during_view_chang│
            │liveness: Burst + Clog + Crash + Cut + Isolate + Loss + Reorder + lie about Re│
            │  failure-2.kmb                      18 actions, byzantine_invalid_repair_rang│
            │unreadable  evil�[2J.kmb: not a .kmb file (for a raw fuzzer input, say of whic│
            │unreadable  short.kmb: cut off or overlong: the body has 49 bytes instead of 1│
            │                                                                              │
            │                                                                              │
            │                                                                              │
            └──────────────────────────────────────────────────────────────────────────────┘
            ┌ failure-1.min.kmb ───────────────────────────────────────────────────────────┐
            │vsr_view_change_safety: committed past a view that started without it         │
            │at 812.221 ms, event 713, replica 1                                           │
            │expected: an entry of view 0 that commits at op 21 is in the log of view 1    │
            │seen:     replica 1 committed it; view 1 started with 20 entries              │
            │crash_during_view_change in vsr 0.1.0, bugs: view-led-twice                   │
            │  1. at 204.651 ms: isolate the primary for 455.962 ms                        │
            │  2. at 895.989 ms: crash the primary for 406.774 ms                          │
            │  3. at 1.541 s: isolate the primary for 401.47 ms                            │
            └──────────────────────────────────────────────────────────────────────────────┘

            ? help  q leave  Enter step through  o original"]],
    );
}

#[test]
fn the_help_is_drawn_above_the_targets() {
    let (mut app, _here) = stepping();
    press(&mut app, "1?");
    check(
        &app,
        &expect![[r"
             vopr   1 Targets   2 Campaign   3 Failures (4)   4 Timeline   ./failures/
            ┌ 60 targets and scenarios ────────────────────────────────────────────────────┐
            │target   byzantine_dvc                      A liar's DoViewChange makes a new │
            │target   byzantine_start_view               A lying primary's StartView makes │
            │target   byzantine_prepare                  A lying primary's Prepare brings e│
            │target   byzantine_repair                   A liar's repair traffic crashes, f│
            │t┌Keys (any key goes back)──────────────────────────────────────────────────┐c│
            │t│?                 this help                                               │s│
            │t│q                 leave; so does Ctrl-C, without a question               │t│
            │t│Enter             start a campaign with the chosen target                 │e│
            │t│b                 choose planted bugs                                     │ │
            └─│t                 how long the campaign is to be                          │─┘
            ┌ │+ -               how many workers it has                                 │─┐
            │b│/                 show only targets with a text in them; Esc shows all    │ │
            │A│1 2 3 4 Tab       targets, campaign, failures, timeline; the next screen  │ │
            │s│↑ ↓ k j           move; PgUp PgDn by ten; g G Home End to the ends        │ │
            │b└──────────────────────────────────────────────────────────────────────────┘ │
            │jobs    2                                                                     │
            │time    until it is stopped                                                   │
            │                                                                              │
            │                                                                              │
            └──────────────────────────────────────────────────────────────────────────────┘

            ? help  q leave  Enter start  b bugs  t time  + - jobs  / filter"]],
    );
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
    app.refresh(engine::campaigns::data_dir::Data::read(here.path()).unwrap());
    app.tell("combined 42000 20.00s 2100/s VIOLATED vsr_agreement");
    press(&mut app, "2");
    check(
        &app,
        &expect![[r"
             vopr   1 Targets   2 Campaign   3 Failures (0)   4 Timeline   ./failures/
            ended 2026-11-23 07:50:11   began 2026-11-23 07:49:50 (UTC)   0 found
            vsr 1, no bugs, jobs 2, seed 7
            target                       time         runs  runs/s  states  corpus   broken
            combined                     20 s       42,000   2,200   4,000     400        1
            ┌ combined: 4,000 states, estimated at least 4,007 ────────────────────────────┐
            │4,000│                                              ⢀⣀⣀⣀⣀⣀⣀⣀⠤⠤⠤⠤⠤⠤⠤⠒⠒⠒⠒⠒⠒⠒⠉⠉⠉⠉│
            │     │                  ⣀⣀⣀⣀⣀⣀⣀⡠⠤⠤⠤⠤⠤⠤⠔⠒⠒⠒⠒⠒⠒⠊⠉⠉⠉⠉⠉⠉⠁                         │
            │     │⠤⠤⠤⠤⠒⠒⠒⠒⠒⠒⠒⠉⠉⠉⠉⠉⠉⠉                                                      │
            │     │                                                                        │
            │     │                                                                        │
            │     │                                                                        │
            │     │                                                                        │
            │     │                                                                        │
            │     │                                                                        │
            │0    │                                                                        │
            │     └────────────────────────────────────────────────────────────────────────│
            │  10 s                                                                    20 s│
            └──────────────────────────────────────────────────────────────────────────────┘
            ┌ What it says ────────────────────────────────────────────────────────────────┐
            │combined 42000 20.00s 2100/s VIOLATED vsr_agreement                           │
            └──────────────────────────────────────────────────────────────────────────────┘

            ? help  q leave  s stop  ↑ ↓ k j target  ← → h l campaign"]],
    );
}

/// Draws each screen and overlay in every size: nothing panics, and no control character is drawn.
#[test]
fn every_terminal_size_works_and_texts_from_files_are_escaped() {
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
fn a_campaign_shows_which_of_several_it_is() {
    let (mut app, here) = app();
    crate::tui::app::tests::log_of_two(here.path());
    app.refresh(engine::campaigns::data_dir::Data::read(here.path()).unwrap());
    press(&mut app, "2");
    let heading = |app: &App| picture(app, 100, 24).lines().nth(1).unwrap().to_string();
    assert!(heading(&app).contains("campaign there (2 of 2)"), "{}", heading(&app));
    press(&mut app, "h");
    assert!(heading(&app).starts_with("ended 1970-01-01 00:00:01   campaign here (1 of 2)"), "{}", heading(&app));
}

#[test]
fn without_colours_none_are_used() {
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
