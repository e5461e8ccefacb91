//! Tests with the failures in the repository, and with malicious names.

use std::path::{Path, PathBuf};

use sim::Time;

use crate::analysis::timeline::model::{MarkKind, State};
use crate::analysis::timeline::text::Show;
use crate::analysis::timeline::{build, page, svg, text};
use crate::cases::kmb::Kmb;

const ALL: Show = Show { messages: true, faults: true };

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn example() -> Kmb {
    Kmb::read(&repository("docs/examples/view-led-twice.kmb")).expect("it is well formed")
}

fn regressions() -> Vec<Kmb> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(repository("corpus/regressions"))
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files.iter().map(|file| Kmb::read(file).expect("it is well formed")).collect()
}

/// Parses strict XML, and returns the texts of all elements of this class.
fn texts<'a>(document: &'a roxmltree::Document<'_>, class: &str) -> Vec<&'a str> {
    let has_class = |node: &roxmltree::Node<'_, '_>| {
        node.attribute("class").is_some_and(|classes| classes.split(' ').any(|it| it == class))
    };
    document.descendants().filter(has_class).filter_map(|node| node.text()).collect()
}

#[test]
fn every_regression_can_be_drawn_and_its_lanes_have_no_gaps() {
    for kmb in regressions() {
        let timeline = build::replay(&kmb).expect("it runs");
        let broken = timeline.finding.as_ref().is_some_and(|finding| finding.owed);
        assert_eq!(broken, !kmb.case.bugs.is_empty(), "{}", kmb.case.scenario);
        for lane in &timeline.lanes {
            let mut at = 0;
            for span in &lane.spans {
                assert_eq!(span.from, at, "replica {} of {}", lane.replica, kmb.case.scenario);
                assert!(span.to > span.from);
                at = span.to;
            }
            assert_eq!(at, timeline.to);
            assert!(lane.commits.is_sorted_by_key(|commit| commit.at));
        }
        for message in &timeline.messages {
            assert!(message.end.is_none_or(|end| end >= message.sent), "{message:?}");
            assert!(message.lost.is_none() || message.end.is_some(), "{message:?}");
        }
        assert!(timeline.messages.iter().any(|message| message.end > Some(message.sent)));
        assert!(timeline.requests.iter().any(|request| request.answered.is_some()) || kmb.case.bugs.len() == 1);
        assert_eq!(timeline.faults.len(), kmb.case.actions.len());
        let drawing = svg::file(&timeline);
        let document = roxmltree::Document::parse(&drawing).expect("well-formed XML");
        if let Some(finding) = &timeline.finding {
            assert!(texts(&document, "violation")[0].starts_with(&finding.invariant));
        }
        for width in [60, 110, 300] {
            let text = text::render(&timeline, width, ALL);
            let plain = anstream::adapter::strip_str(&text).to_string();
            let body = plain.lines().skip_while(|line| !line.starts_with("ms"));
            for line in body.take_while(|line| !line.is_empty()) {
                assert!(line.is_ascii() && line.len() <= width, "{} of {width}: {line}", line.len());
            }
        }
    }
}

#[test]
fn a_lane_shows_the_states_of_its_replica() {
    let timeline = build::replay(&example()).expect("it runs");
    let states: Vec<(State, Option<u64>)> =
        timeline.lanes[1].spans.iter().map(|span| (span.state, span.view)).collect();
    let expected = [
        (State::Loading, None),
        (State::Backup, Some(0)),
        (State::Down, None),
        (State::Loading, None),
        (State::Recovering, Some(0)),
        (State::ViewChange, Some(1)),
        (State::Down, None),
        (State::Loading, None),
        (State::ViewChange, Some(1)),
        (State::Primary, Some(1)),
    ];
    assert_eq!(states, expected);
    let crashes = timeline.lanes[1].marks.iter().filter(|mark| mark.kind == MarkKind::Crash).count();
    assert_eq!(crashes, 2);
    assert_eq!(timeline.finding.as_ref().expect("it is found").replicas, [1]);
    assert!(timeline.faults.iter().all(|fault| fault.at.is_some() && fault.skipped.is_none()));
}

#[test]
fn messages_show_lies_and_skipped_faults_show_the_reason() {
    let lying = regressions().into_iter().find(|kmb| kmb.case.bugs == ["repair-gives-up"]).expect("it is there");
    let timeline = build::replay(&lying).expect("it runs");
    assert!(timeline.lanes[0].liar);
    let told = timeline.messages.iter().filter(|message| message.lie.is_some());
    assert!(told.clone().count() > 0 && told.clone().all(|message| message.from == 0));
    let skipping = regressions().into_iter().map(|kmb| build::replay(&kmb).expect("it runs"));
    let skipped: Vec<_> = skipping.flat_map(|timeline| timeline.faults).filter(|it| it.skipped.is_some()).collect();
    assert!(!skipped.is_empty() && skipped.iter().all(|fault| fault.at.is_some() && fault.until.is_none()));
}

#[test]
fn a_range_and_a_set_of_replicas_filter_the_timeline() {
    let mut timeline = build::replay(&example()).expect("it runs");
    let (from, to): (Time, Time) = (200_000_000, 300_000_000);
    timeline.keep_range(from, to);
    timeline.keep_replicas(&[0, 2]);
    assert_eq!(timeline.lanes.iter().map(|lane| lane.replica).collect::<Vec<_>>(), [0, 2]);
    assert!(timeline.finding.is_none(), "it comes later");
    for lane in &timeline.lanes {
        assert_eq!((lane.spans[0].from, lane.spans.last().map(|span| span.to)), (from, Some(to)));
        assert!(lane.marks.iter().all(|mark| (from..=to).contains(&mark.at)));
    }
    assert!(!timeline.messages.is_empty());
    assert!(timeline.messages.iter().all(|message| message.from != 1 && message.to != 1));
    roxmltree::Document::parse(&svg::file(&timeline)).expect("well-formed XML");
}

#[test]
fn messages_over_the_limit_are_left_out_and_counted() {
    let mut timeline = build::replay(&example()).expect("it runs");
    let all = timeline.messages.len();
    let last = timeline.messages.last().expect("a message").sent;
    timeline.bound(10, 1_000);
    assert_eq!((timeline.messages.len(), timeline.left_out), (10, all - 10));
    assert_eq!(timeline.messages.last().expect("a message").sent, last);
    assert!(timeline.messages.is_sorted_by_key(|message| message.sent));
}

/// All formats draw the same subset of a dense run, report in a line what is missing, and include everything on demand.
#[test]
fn a_dense_run_is_drawn_in_part_and_reports_what_is_missing() {
    let timelines = regressions().into_iter().map(|kmb| build::replay(&kmb).expect("it runs"));
    let timelines = timelines.filter(|timeline| timeline.messages.len() <= svg::MESSAGES_MAX);
    let dense = timelines.max_by_key(|timeline| timeline.messages.iter().filter(|it| it.is_relevant()).count());
    let mut dense = dense.expect("there are some");
    let whole = page::file(&dense);
    dense.thin(100);
    let words = dense.thinned_words().expect("it is dense");
    let faint = dense.messages.iter().filter(|message| message.faint).count();
    let drawn = dense.messages.iter().filter(|message| message.is_relevant() && !message.faint).count();
    assert!(faint > 100 && drawn <= 125, "{faint} {drawn}");
    let page = page::file(&dense);
    assert_eq!(page.matches(" data-faint").count(), faint, "they are there, and hidden");
    assert!(page.contains(&format!("not {words}</label>")) && page.contains("<input type=\"checkbox\" data-all>"));
    assert!(!whole.contains("data-all>") && !whole.contains(" data-faint"));
    dense.keep_relevant();
    let drawing = svg::file(&dense);
    let document = roxmltree::Document::parse(&drawing).expect("well-formed XML");
    assert!(texts(&document, "about")[0].contains(&words) && drawing.matches("<line").count() <= drawn);
    let text = text::render(&dense, 100, ALL);
    assert!(text.ends_with(&format!("{words}; --all-messages shows all\n")), "{text}");
    let lanes = text::render(&dense, 100, Show { messages: false, faults: true });
    assert!(!lanes.contains("--all-messages"), "no message is drawn there anyhow");
}

#[test]
fn names_from_a_file_are_escaped_or_rejected() {
    let mut timeline = build::replay(&example()).expect("it runs");
    for harm in ["</text></style></script><script>alert(1)</script>", "\"'><img src=x onerror=alert(1)>]]>&&lt;<!--"] {
        timeline.scenario = harm.to_string();
        timeline.bugs = vec![harm.to_string()];
        timeline.finding.as_mut().expect("it is found").rule = harm.to_string();
        timeline.requests[0].operation = harm.to_string();
        let drawing = svg::file(&timeline);
        let document = roxmltree::Document::parse(&drawing).expect("well-formed XML");
        assert!(texts(&document, "about")[0].starts_with(harm), "it is only text");
        for picture in [drawing, page::file(&timeline)] {
            assert_eq!(picture.matches("<script").count(), picture.matches("<script nonce=").count());
            assert!(!picture.contains("<img") && !picture.contains("<!--"));
        }
    }
    // Other malicious names are rejected earlier.
    for harm in ["\u{1b}[2J", "\u{202e}", "two\nlines", "<b>", &"x".repeat(1_000)] {
        let mut kmb = example();
        kmb.case.scenario = harm.to_string();
        assert!(build::replay(&kmb).is_err(), "{harm:?}");
    }
}

#[test]
fn a_page_satisfies_a_strict_policy_and_loads_nothing_external() {
    let page = page::file(&build::replay(&example()).expect("it runs"));
    for forbidden in [" style=", " onclick=", " onload=", "javascript:", "@import", "src=", "url(http"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    let other = page.replace("http://www.w3.org/2000/svg", "");
    assert!(!other.contains("http://") && !other.contains("https://"));
}

#[test]
fn the_text_of_a_small_failure() {
    let mut timeline = build::replay(&example()).expect("it runs");
    timeline.keep_relevant();
    let text = |show| anstream::adapter::strip_str(&text::render(&timeline, 100, show)).to_string();
    expect_test::expect_file![repository("docs/examples/view-led-twice.txt")].assert_eq(&text(ALL));
    let plain = text(Show { messages: false, faults: false });
    assert!(!plain.contains("action") && plain.lines().count() < 25, "{plain}");
}

/// The picture in the README. `UPDATE_EXPECT=1 cargo test -p engine --lib picture` updates it.
#[test]
fn the_picture_of_the_readme_is_up_to_date() {
    let mut timeline = build::replay(&example()).expect("it runs");
    timeline.keep_relevant();
    let drawing = svg::file(&timeline);
    assert!(drawing.len() < 60_000, "{} bytes", drawing.len());
    expect_test::expect_file![repository("docs/images/view-led-twice.svg")].assert_eq(&drawing);
}
