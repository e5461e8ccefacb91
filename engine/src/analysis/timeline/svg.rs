//! A timeline as a drawing (SVG): a bar for each replica, arrows for messages, faults above, and clients below.
//!
//! An element at a point in time has its position as `data-a`, and the end of its duration as `data-b`. `timeline.js`
//! moves these elements when the reader zooms. Each of them has a `title` with details.

use std::collections::BTreeMap;

use maud::{Markup, PreEscaped, html};
use sim::{MessageKind, Time};

use crate::analysis::timeline::layout;
use crate::analysis::timeline::layout::{BAR, CLIENT, LANE, Layout, N, RIGHT, WIDTH};
use crate::analysis::timeline::model::{Fault, Finding, Lane, Mark, MarkKind, Message, Request, Span, State, Timeline};
use crate::analysis::timeline::row::milliseconds;
use crate::base::format;

/// The styles of the drawing, with colours for a light background.
pub const STYLE: &str = include_str!("assets/timeline.css");
/// The colours for a dark background, for use under the media query `(prefers-color-scheme: dark)`.
pub const STYLE_DARK: &str = include_str!("assets/dark.css");

/// The maximum number of messages, and of marks for each replica, in a drawing.
pub(super) const MESSAGES_MAX: usize = 3_000;
pub(super) const MARKS_MAX: usize = 600;
/// How far signs may extend beyond the plot.
const MARGIN: f64 = 10.0;
/// Messages of a kind on a link that are closer than this are drawn as one.
const NEAR: f64 = 5.0;
/// The families of messages, as CSS classes.
const FAMILIES: [(&str, &str); 6] = [
    ("normal", "Prepare, PrepareOk"),
    ("view-change", "view change"),
    ("repair", "repair, state transfer"),
    ("membership", "membership"),
    ("background", "heartbeats and others"),
    ("lie", "lie"),
];

/// A standalone drawing with a heading, a legend and its styles.
pub fn file(timeline: &Timeline) -> String {
    let mut timeline = timeline.clone();
    timeline.keep_distinct();
    timeline.bound(MESSAGES_MAX, MARKS_MAX);
    drawing(&timeline, "t", true).into_string() + "\n"
}

/// The drawing alone, for a page that includes [`STYLE`] and [`STYLE_DARK`]. `id` is unique in the page.
pub fn embedded(timeline: &Timeline, id: &str) -> Markup {
    let mut timeline = timeline.clone();
    timeline.bound(MESSAGES_MAX, MARKS_MAX);
    drawing(&timeline, id, false)
}

fn drawing(timeline: &Timeline, id: &str, alone: bool) -> Markup {
    let layout = Layout::new(timeline, alone);
    let Layout { top, lanes_top, height, .. } = layout;
    let label = timeline.finding.as_ref().map_or("a run without a violation".to_string(), |finding| {
        format!("{}: {}, at {} ms", finding.invariant, finding.rule, milliseconds(finding.at))
    });
    let clip = format!("{id}-plot");
    let clip_path = format!("url(#{clip})");
    let plot_width = WIDTH - layout.left - RIGHT;
    html! {
        svg.timeline xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (WIDTH) " " (N(height)) } role="img"
            aria-label=(label) data-scale=(layout.scale.pieces()) data-left=(layout.left) data-right=(RIGHT)
            data-from=(timeline.from) data-to=(timeline.to)
        {
            @if alone {
                style { (PreEscaped(STYLE)) "@media (prefers-color-scheme: dark) {" (PreEscaped(STYLE_DARK)) "}" }
                rect.ground width="100%" height="100%" {}
                (heading(&layout))
            }
            defs {
                clipPath id=(clip) {
                    // Slightly wider than the plot, because signs at its ends have a width.
                    rect.clip x=(layout.left - MARGIN) y="0" width=(plot_width + 2.0 * MARGIN) height=(N(height)) {}
                }
                @for (family, _) in FAMILIES {
                    marker.head.(family) id={ (id) "-" (family) } viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7"
                        markerHeight="7" markerUnits="userSpaceOnUse" orient="auto" { path d="M0 1L8 4L0 7z" {} }
                }
            }
            @for (index, lane) in timeline.lanes.iter().enumerate() {
                rect.lane x="0" y=(N(layout.lane(index))) width="100%" height=(N(LANE - 6.0)) rx="4" {}
                text.name x="10" y=(N(layout.bar(index) + 17.0)) { "replica " (lane.replica) }
                @if lane.liar { text.name.liar x="10" y=(N(layout.bar(index) + 32.0)) { "lies" } }
            }
            @if !layout.faults.is_empty() { text.name.minor x="10" y=(N(top + 13.0)) { "faults" } }
            @if layout.clients > 0 { text.name.minor x="10" y=(N(layout.clients_top + 10.0)) { "clients" } }
            text.name.minor x="10" y=(N(lanes_top - 8.0)) { "ms" }
            g clip-path=(clip_path) {
                (axis(&layout))
                @for row in &layout.faults { (fault(row, &layout)) }
                @for request in &timeline.requests { (asked(request, &layout)) }
                @for (index, lane) in timeline.lanes.iter().enumerate() {
                    @for one in &lane.spans { (span(one, index, &layout)) }
                }
                @for message in worth_drawing(timeline, &layout) { (arrow(message, timeline, id, &layout)) }
                @if let Some(healed) = timeline.healed { (heal(healed, &layout)) }
                @for (index, lane) in timeline.lanes.iter().enumerate() {
                    @for one in &lane.spans { (span_label(one, index, &layout)) }
                    (commits(lane, index, &layout))
                    @for one in &lane.marks { (mark(one, index, &layout)) }
                }
                @if let Some(one) = &timeline.finding { (finding(one, timeline, &layout)) }
            }
            @if alone { (legend(timeline, layout.legend_top)) }
        }
    }
}

fn heading(layout: &Layout) -> Markup {
    html! {
        @for (index, (class, line)) in layout.heading.iter().enumerate() {
            text.(class) x="10" y=(N(layout::HEADING_TOP + index as f64 * layout::HEADING_LINE)) { (line) }
        }
    }
}

/// The legend: each colour or sign that occurs, drawn around the middle of a box 12 wide, and its meaning.
fn key_entries(timeline: &Timeline) -> Vec<(Markup, &'static str)> {
    let spans = || timeline.lanes.iter().flat_map(|lane| &lane.spans);
    let marks = || timeline.lanes.iter().flat_map(|lane| &lane.marks);
    let mut entries = Vec::new();
    for state in State::ALL.into_iter().filter(|state| spans().any(|span| span.state == *state)) {
        let look = html! { rect.span.(state.class()) x="0" y="-5" width="13" height="10" rx="2" {} };
        entries.push((look, state.words()));
    }
    for (family, words) in FAMILIES {
        if timeline.messages.iter().any(|message| message.family() == family) {
            entries.push((html! { path.arrow.(family) d="M0 0h13" {} }, words));
        }
    }
    let mut signs: Vec<(&str, &str, &str)> = Vec::new();
    if timeline.messages.iter().any(|message| message.lost.is_some()) {
        signs.push(("cross", CROSS, "lost message"));
    }
    for kind in MarkKind::ALL.into_iter().filter(|kind| marks().any(|mark| mark.kind == *kind)) {
        signs.extend(sign(kind).map(|(path, words)| (kind.class(), path, words)));
    }
    for (class, path, words) in signs {
        let look = if class == "cross" {
            html! { path.cross transform="translate(6 0)" d=(path) {} }
        } else {
            html! { path.mark.(class) transform="translate(6 0)" d=(path) {} }
        };
        entries.push((look, words));
    }
    if timeline.lanes.iter().any(|lane| !lane.commits.is_empty()) {
        entries.push((html! { g.commit { path transform="translate(6 0)" d="M0 -3V3" {} } }, "commit, with its op"));
    }
    if timeline.healed.is_some() {
        entries.push((html! { g.heal { path transform="translate(6 0)" d="M0 -6V6" {} } }, "all faults end"));
    }
    entries
}

/// The legend of a drawing, as a list for a page.
pub fn key(timeline: &Timeline) -> Markup {
    html! {
        ul.timeline-key {
            @for (look, words) in key_entries(timeline) {
                li { svg.timeline viewBox="-2 -7 18 14" aria-hidden="true" { (look) } " " (words) }
            }
        }
    }
}

fn legend(timeline: &Timeline, top: f64) -> Markup {
    let (mut x, mut y) = (10.0, top);
    html! {
        g.legend {
            @for (look, words) in key_entries(timeline) {
                @let width = 28.0 + layout::text_width(words, 11.0);
                @let () = if x + width > WIDTH { (x, y) = (10.0, y + layout::LEGEND_LINE) };
                g transform={ "translate(" (N(x)) " " (N(y - 4.0)) ")" } { (look) text x="17" y="4" { (words) } }
                @let () = x += width;
            }
        }
    }
}

fn axis(layout: &Layout) -> Markup {
    let (top, bottom) = (layout.lanes_top - 4.0, layout.lanes_bottom);
    html! {
        @for shortened in layout.scale.breaks() {
            rect.break data-a=[layout.data(shortened.start)] data-b=[layout.data(shortened.end)] x=(N(shortened.start)) y=(N(top))
                width=(N(shortened.end - shortened.start)) height=(N(bottom - top)) {
                title { "nothing new for " (shortened.words()) ": shortened" }
            }
        }
        g.axis data-top=(N(top)) data-bottom=(N(bottom)) {
            @for (at, x) in layout.scale.ticks(layout::TICKS) {
                path.tick d={ "M" (N(x)) " " (N(top)) "V" (N(bottom)) } {}
                text.tick x=(N(x)) y=(N(top - 4.0)) { (milliseconds(at)) }
            }
        }
        @for shortened in layout.scale.breaks() {
            text.tick.break data-a=[layout.data(shortened.start)] data-b=[layout.data(shortened.end)]
                x=(N(shortened.start.midpoint(shortened.end))) y=(N(bottom - 2.0)) { "\u{22ef} " (shortened.words()) }
        }
    }
}

fn fault(row: &layout::FaultRow, layout: &Layout) -> Markup {
    let layout::FaultRow { fault, start, end, label, y, .. } = row;
    let Fault { number, words, until, skipped, .. } = fault;
    let at = fault.at.map(milliseconds).unwrap_or_default();
    let title = match (skipped, until) {
        (Some(why), _) => format!("action {number}, {at} ms, skipped: {words}: {}", format::skipped(*why)),
        (None, Some(until)) => format!("action {number}, {at} to {} ms: {words}", milliseconds(*until)),
        (None, None) => format!("action {number}, {at} ms: {words}"),
    };
    let class = if skipped.is_some() { "skipped" } else { "done" };
    html! {
        g.fault.(class) data-t=[layout.time(fault.at.unwrap_or_default())] {
            title { (title) }
            rect data-a=[layout.data(*start)] data-b=[layout.data(*end)] x=(N(*start)) y=(N(y + 3.0)) width=(N((end - start).max(3.0)))
                height="12" rx="3" {}
            text.beside data-a=[layout.data(*start)] data-b=[layout.data(*end)] data-w=[layout.data(label.width)] x=(N(label.x)) y=(N(y + 13.0)) {
                tspan.number { (number) } " " (label.words)
            }
        }
        @if let Some(lane) = fault.target.filter(|_| skipped.is_none()).and_then(|target| layout.index(target)) {
            path.struck data-a=[layout.data(*start)] data-y=[layout.data(0.0)] transform={ "translate(" (N(*start)) " 0)" }
                d={ "M0 " (N(y + 15.0)) "V" (N(layout.bar(lane))) } {}
        }
    }
}

fn heal(at: Time, layout: &Layout) -> Markup {
    let x = layout.scale.place(at);
    html! {
        g.heal data-a=[layout.data(x)] data-y=[layout.data(0.0)] transform={ "translate(" (N(x)) " 0)" } data-t=[layout.time(at)] {
            title { (milliseconds(at)) " ms: the heal phase begins: all faults have ended" }
            path d={ "M0 " (N(layout.lanes_top - 4.0)) "V" (N(layout.lanes_bottom)) } {}
        }
    }
}

fn asked(request: &Request, layout: &Layout) -> Markup {
    let (start, end) = (request.asked, request.answered.unwrap_or(layout.to));
    let row = f64::from(request.client % layout.clients.max(1));
    let y = layout.clients_top + 3.0 + row * CLIENT;
    let (from, to) = (layout.scale.place(start), layout.scale.place(end));
    let class = if request.answered.is_some() { "answered" } else { "open" };
    let outcome = match request.answered {
        Some(at) => format!("answered {} ms", milliseconds(at)),
        None => "not answered".to_string(),
    };
    let Request { client, number, operation, retries, .. } = request;
    html! {
        rect.request.(class) data-a=[layout.data(from)] data-b=[layout.data(to)] x=(N(from)) y=(N(y)) width=(N((to - from).max(1.5))) height="5"
            rx="2" data-t=[layout.time(start)] {
            title {
                (milliseconds(start)) " ms: client " (client) ", request " (number) ": " (operation) "; sent again " (retries)
                " times; " (outcome)
            }
        }
    }
}

fn span(span: &Span, lane: usize, layout: &Layout) -> Markup {
    let (start, end) = (layout.scale.place(span.from), layout.scale.place(span.to));
    let y = layout.bar(lane);
    html! {
        rect.span.(span.state.class()) data-a=[layout.data(start)] data-b=[layout.data(end)] x=(N(start)) y=(N(y))
            width=(N((end - start).max(0.8))) height=(N(BAR)) data-t=[layout.time(span.from)] {
            title { "replica " (layout.replica(lane)) ": " (span.words()) ", " (milliseconds(span.from)) " to " (milliseconds(span.to)) " ms" }
        }
    }
}

/// The text in a span. It is drawn after the messages, so that it is readable.
fn span_label(span: &Span, lane: usize, layout: &Layout) -> Markup {
    let (start, end) = (layout.scale.place(span.from), layout.scale.place(span.to));
    let y = layout.bar(lane) + 17.0;
    let long = span.words();
    let short = span.view.map(|view| format!("v{view}")).unwrap_or_default();
    // The sign of a crash is at the start of its span.
    let shift = if span.state == State::Down { 14.0 } else { 6.0 };
    let fits = layout::text_width(&long, 11.0) + shift + 4.0 < end - start;
    let squeezed = !fits && !short.is_empty() && layout::text_width(&short, 11.0) + shift + 2.0 < end - start;
    let class = span.state.class();
    html! {
        @for (words, size, shown) in [(long, "long", fits), (short, "short", squeezed)] {
            @if !words.is_empty() && (shown || layout.answers) {
                text.inside.(size).(class).off[!shown] data-a=[layout.data(start)] data-b=[layout.data(end)]
                    data-shift=[layout.data(shift)] x=(N(start + shift)) y=(N(y)) { (words) }
            }
        }
    }
}

/// The messages to draw: those that would cover another one of their kind are omitted, unless the reader can zoom.
fn worth_drawing<'a>(timeline: &'a Timeline, layout: &Layout) -> Vec<&'a Message> {
    let mut last: BTreeMap<(u8, u8, MessageKind, bool), f64> = BTreeMap::new();
    let fresh = |message: &&Message| {
        let place = layout.scale.place(message.sent);
        let key = (message.from, message.to, message.kind, message.lost.is_some());
        let near = last.get(&key).is_some_and(|last| place - last < NEAR) && message.lie.is_none();
        if !near {
            last.insert(key, place);
        }
        layout.answers || !near
    };
    timeline.messages.iter().filter(fresh).collect()
}

fn arrow(message: &Message, timeline: &Timeline, id: &str, layout: &Layout) -> Markup {
    let (Some(from), Some(to)) = (layout.index(message.from), layout.index(message.to)) else { return html! {} };
    let down = to > from;
    let edge = |lane: usize, lower: bool| layout.bar(lane) + if lower { BAR } else { 0.0 };
    let (y1, y2) = (edge(from, down), edge(to, !down));
    // The arrow of a message that is lost or still in transit at the end of the run stops halfway.
    let there = message.lost.is_none() && message.end.is_some();
    let y2 = if there { y2 } else { y1 + (y2 - y1) * 0.5 };
    let end = message.end.unwrap_or(timeline.to);
    let (x1, x2) = (layout.scale.place(message.sent), layout.scale.place(end));
    let kind = format!("{:?}", message.kind);
    let family = message.family();
    let outcome = match (message.lost, message.end) {
        (Some(why), _) => format!("lost ({})", format::spaced(&format!("{why:?}"))),
        (None, Some(end)) => format!("arrives {} ms", milliseconds(end)),
        (None, None) => "still on its way".to_string(),
    };
    let copy = if message.copy { ", second copy" } else { "" };
    let lie = message.lie.as_ref().map(|lie| format!("; {lie}")).unwrap_or_default();
    html! {
        g.message.(family).lost[message.lost.is_some()].hidden[layout.answers && (message.faint || !message.is_relevant())] data-faint[message.faint] data-kind=[layout.answers.then_some(&kind)] data-t=[layout.time(message.sent)] {
            title {
                (milliseconds(message.sent)) " ms: " (kind) " from replica " (message.from) " to " (message.to) (copy) ", "
                (outcome) (lie)
            }
            line.arrow data-a=[layout.data(x1)] data-b=[layout.data(x2)] x1=(N(x1)) y1=(N(y1)) x2=(N(x2)) y2=(N(y2))
                marker-end=[there.then(|| format!("url(#{id}-{family})"))] {}
            @if message.lost.is_some() {
                path.cross data-a=[layout.data(x2)] data-y=[layout.data(y2)] transform={ "translate(" (N(x2)) " " (N(y2)) ")" } d=(CROSS) {}
            }
        }
    }
}

const CROSS: &str = "M-3 -3L3 3M-3 3L3 -3";

/// The shape of a mark, and its meaning.
fn sign(kind: MarkKind) -> Option<(&'static str, &'static str)> {
    match kind {
        MarkKind::Crash => Some(("M-5 -5L5 5M-5 5L5 -5", "crash")),
        MarkKind::Lie => Some(("M0 -6L1.8 -1.8L6 0L1.8 1.8L0 6L-1.8 1.8L-6 0L-1.8 -1.8z", "lie told")),
        MarkKind::ViewStart => Some(("M-4 -5L5 0L-4 5z", "view starts")),
        MarkKind::Vote => Some(("M0 -5L5 4L-5 4z", "hands its log over")),
        MarkKind::Loss => Some(("M0 -5L5 0L0 5L-5 0z", "log or disk lost something")),
        MarkKind::Reject | MarkKind::Other => None,
    }
}

fn mark(mark: &Mark, lane: usize, layout: &Layout) -> Markup {
    let Some((path, _)) = sign(mark.kind) else { return html! {} };
    let x = layout.scale.place(mark.at);
    let y = layout.bar(lane) + if mark.kind == MarkKind::Crash { BAR / 2.0 } else { BAR };
    html! {
        path.mark.(mark.kind.class()) data-a=[layout.data(x)] data-y=[layout.data(y)] data-t=[layout.time(mark.at)]
            transform={ "translate(" (N(x)) " " (N(y)) ")" } d=(path) {
            title { (milliseconds(mark.at)) " ms: replica " (layout.replica(lane)) " " (mark.words) }
        }
    }
}

fn commits(lane: &Lane, index: usize, layout: &Layout) -> Markup {
    let y = layout.bar(index) + BAR + 6.0;
    let mut free = 0.0;
    let mut fits = |x: f64, width: f64| {
        let fits = x - width / 2.0 > free;
        if fits {
            free = x + width / 2.0 + 3.0;
        }
        fits
    };
    html! {
        g.commits {
            @for commit in &lane.commits {
                @let (x, ops) = (layout.scale.place(commit.at), commit.ops());
                @let width = layout::text_width(&ops, 9.0);
                @let fits = fits(x, width);
                g.commit data-a=[layout.data(x)] data-y=[layout.data(y)] data-t=[layout.time(commit.at)] transform={ "translate(" (N(x)) " " (N(y)) ")" } {
                    title { (milliseconds(commit.at)) " ms: replica " (lane.replica) " commits op " (ops) }
                    path d="M0 0V5" {}
                    @if fits || layout.answers { text.off[!fits] y="13" data-w=[layout.data(width)] { (ops) } }
                }
            }
        }
    }
}

fn finding(finding: &Finding, timeline: &Timeline, layout: &Layout) -> Markup {
    let x = layout.scale.place(finding.at);
    let (top, bottom) = (layout.lanes_top - 18.0, layout.lanes_bottom);
    let words = format!("{} at {} ms", finding.invariant, milliseconds(finding.at));
    // Bold letters are wider.
    let width = layout::text_width(&words, 12.0) + 16.0;
    let start = (x - width / 2.0).clamp(layout.left, WIDTH - RIGHT - width);
    html! {
        g.finding.beyond[!finding.owed] data-t=[layout.time(finding.at)] {
            title { (finding.invariant) ": " (finding.rule) "; expected: " (finding.expected) "; seen: " (finding.seen) }
            path data-a=[layout.data(x)] data-y=[layout.data(0.0)] transform={ "translate(" (N(x)) " 0)" } d={ "M0 " (N(top)) "V" (N(bottom)) } {}
            @for (index, lane) in timeline.lanes.iter().enumerate() {
                @if finding.replicas.contains(&lane.replica) {
                    circle data-a=[layout.data(x)] data-y=[layout.data(0.0)] transform={ "translate(" (N(x)) " 0)" } cy=(N(layout.bar(index) + BAR / 2.0))
                        r="9" {}
                }
            }
            g.flag data-a=[layout.data(x)] data-w=[layout.data(width)] data-y=[layout.data(0.0)] transform={ "translate(" (N(start)) " 0)" } {
                rect x="0" y=(N(top - 2.0)) width=(N(width)) height="18" rx="4" {}
                text x="8" y=(N(top + 11.0)) { (words) }
            }
        }
    }
}
