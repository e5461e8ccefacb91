//! The model of a timeline, in the terms of the protocol. Times are virtual, in nanoseconds.

use serde::Serialize;
use sim::protocol::observation::DropReason;
use sim::protocol::reason::SkipReason;
use sim::{MessageKind, Time};

/// The diagram of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Timeline {
    /// The case's name.
    pub name: String,
    /// The scenario of the case.
    pub scenario: String,
    /// The system under test, with its version.
    pub system: String,
    /// The planted bugs that are switched on.
    pub bugs: Vec<String>,
    /// The start of the range that is drawn.
    pub from: Time,
    /// The end of the range.
    pub to: Time,
    /// The replicas that are drawn.
    pub lanes: Vec<Lane>,
    /// The requests of the clients.
    pub requests: Vec<Request>,
    /// The messages between the drawn replicas, in the order in which they were sent.
    pub messages: Vec<Message>,
    /// The actions of the plan, in order.
    pub faults: Vec<Fault>,
    /// When the heal phase began.
    pub healed: Option<Time>,
    /// The violation.
    pub finding: Option<Finding>,
    /// The number of messages and marks that exceed the limits and are left out.
    pub left_out: usize,
    /// The kinds of messages that are drawn only in part.
    #[serde(skip)]
    pub thinned: Vec<Thinned>,
}

/// A kind of message that is drawn only in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thinned {
    /// The kind.
    pub kind: MessageKind,
    /// How many are drawn.
    pub drawn: usize,
    /// How many there are.
    pub of: usize,
}

/// The lane of a replica.
#[derive(Clone, Debug, Serialize)]
pub struct Lane {
    /// Its number.
    pub replica: u8,
    /// Whether it lies.
    pub liar: bool,
    /// Its states over time, without gaps.
    pub spans: Vec<Span>,
    /// What happened to it.
    pub marks: Vec<Mark>,
    /// Its commits. Consecutive ops that were committed at the same time are merged.
    pub commits: Vec<Commit>,
}

/// A period in which the state of a replica does not change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    /// The start.
    pub from: Time,
    /// The end.
    pub to: Time,
    /// The state.
    pub state: State,
    /// The view, if there is one.
    pub view: Option<u64>,
}

/// The state of a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Normal, and the primary of its view.
    Primary,
    /// Normal, and a backup.
    Backup,
    /// It has left its view for a higher one.
    ViewChange,
    /// It has read its disk and does not take part yet.
    Recovering,
    /// It is reading its disk.
    Loading,
    /// Crashed.
    Down,
    /// Paused.
    Paused,
}

impl State {
    /// All of them.
    pub const ALL: [State; 7] = [
        State::Primary,
        State::Backup,
        State::ViewChange,
        State::Recovering,
        State::Loading,
        State::Down,
        State::Paused,
    ];

    /// The name as text.
    pub fn words(self) -> &'static str {
        match self {
            State::Primary => "primary",
            State::Backup => "backup",
            State::ViewChange => "view change",
            State::Recovering => "recovering",
            State::Loading => "loading",
            State::Down => "down",
            State::Paused => "paused",
        }
    }

    /// The CSS class.
    pub fn class(self) -> &'static str {
        match self {
            State::ViewChange => "view-change",
            other => other.words(),
        }
    }
}

impl Span {
    /// The text of the span: `view 1 primary`.
    pub fn words(&self) -> String {
        match (self.state, self.view) {
            (State::ViewChange, Some(view)) => format!("view change to {view}"),
            (state, Some(view)) => format!("view {view} {}", state.words()),
            (state, None) => state.words().to_string(),
        }
    }
}

/// An event at a replica.
#[derive(Clone, Debug, Serialize)]
pub struct Mark {
    /// The time.
    pub at: Time,
    /// During which event.
    pub event: u64,
    /// The kind, which determines the sign.
    pub kind: MarkKind,
    /// The text.
    pub words: String,
}

/// The kind of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MarkKind {
    /// It crashed or panicked.
    Crash,
    /// It told a lie.
    Lie,
    /// A view started at it.
    ViewStart,
    /// It voted for a new primary and sent it its log.
    Vote,
    /// Its log or its disk lost something.
    Loss,
    /// It refused a message.
    Reject,
    /// Any other event.
    Other,
}

impl MarkKind {
    /// All of them, most important first.
    pub const ALL: [MarkKind; 7] = [
        MarkKind::Crash,
        MarkKind::Lie,
        MarkKind::ViewStart,
        MarkKind::Vote,
        MarkKind::Loss,
        MarkKind::Reject,
        MarkKind::Other,
    ];

    /// The CSS class.
    pub fn class(self) -> &'static str {
        match self {
            MarkKind::Crash => "crash",
            MarkKind::Lie => "lie",
            MarkKind::ViewStart => "view-start",
            MarkKind::Vote => "vote",
            MarkKind::Loss => "loss",
            MarkKind::Reject => "reject",
            MarkKind::Other => "other",
        }
    }
}

/// Ops that a replica committed at the same time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Commit {
    /// The time.
    pub at: Time,
    /// During which event.
    pub event: u64,
    /// The first op.
    pub first: u64,
    /// The last op.
    pub last: u64,
}

impl Commit {
    /// The range of ops: `3` or `3-5`.
    pub fn ops(&self) -> String {
        if self.first == self.last { self.first.to_string() } else { format!("{}-{}", self.first, self.last) }
    }
}

/// A message between replicas.
#[derive(Clone, Debug, Serialize)]
pub struct Message {
    /// The sender.
    pub from: u8,
    /// The receiver.
    pub to: u8,
    /// Its kind.
    pub kind: MessageKind,
    /// When it was sent.
    pub sent: Time,
    /// During which event.
    pub event: u64,
    /// When it arrived or was lost; `None` if the run ended first.
    pub end: Option<Time>,
    /// Why it was lost, if it was.
    pub lost: Option<DropReason>,
    /// The lie that it tells.
    pub lie: Option<String>,
    /// Whether it is the second copy of a message that the network duplicated.
    pub copy: bool,
    /// Whether it is hidden by default because the run is too dense.
    #[serde(skip)]
    pub faint: bool,
}

impl Message {
    /// Whether it is drawn by default: all kinds except heartbeats, probes, and messages from or to clients.
    pub fn is_relevant(&self) -> bool {
        use MessageKind as K;
        self.lie.is_some() || !matches!(self.kind, K::Commit | K::Ping | K::Pong | K::Request | K::Reply | K::Other)
    }

    /// The family of its kind, as a CSS class.
    pub fn family(&self) -> &'static str {
        use MessageKind as K;
        match self.kind {
            _ if self.lie.is_some() => "lie",
            K::Prepare | K::PrepareOk => "normal",
            K::StartViewChange | K::DoViewChange | K::StartView | K::RequestStartView => "view-change",
            K::RequestRepair | K::Repair | K::RequestState | K::State | K::Nack => "repair",
            K::Reconfigure => "membership",
            _ => "background",
        }
    }
}

/// A request of a client.
#[derive(Clone, Debug, Serialize)]
pub struct Request {
    /// The client.
    pub client: u16,
    /// Its session.
    pub session: u32,
    /// The request's number.
    pub number: u32,
    /// When it was sent first.
    pub asked: Time,
    /// When it was answered, if it was.
    pub answered: Option<Time>,
    /// How often it was sent again.
    pub retries: u32,
    /// The requested operation.
    pub operation: String,
}

/// An action of the plan.
#[derive(Clone, Debug, Serialize)]
pub struct Fault {
    /// Its number, from 1, as in `vopr show`.
    pub number: usize,
    /// The action and its target, as text.
    pub words: String,
    /// When it was carried out or skipped; `None` if it never became due.
    pub at: Option<Time>,
    /// When its effect ended, if the effect lasts.
    pub until: Option<Time>,
    /// The target replica, if there is one.
    pub target: Option<u8>,
    /// Why it was skipped when it was due.
    pub skipped: Option<SkipReason>,
}

/// The violation.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Finding {
    /// The broken invariant.
    pub invariant: String,
    /// The broken rule of the invariant.
    pub rule: String,
    /// The time.
    pub at: Time,
    /// During which event.
    pub event: u64,
    /// The replicas concerned.
    pub replicas: Vec<u8>,
    /// The expected state.
    pub expected: String,
    /// The observed state.
    pub seen: String,
    /// Whether the invariant is owed. If not, the violation is not a failure.
    pub owed: bool,
}

impl Timeline {
    /// Removes all other replicas.
    pub fn keep_replicas(&mut self, replicas: &[u8]) {
        self.lanes.retain(|lane| replicas.contains(&lane.replica));
        self.messages.retain(|message| replicas.contains(&message.from) && replicas.contains(&message.to));
        self.faults.retain(|fault| fault.target.is_none_or(|target| replicas.contains(&target)));
    }

    /// Removes everything outside of the range from `from` to `to`.
    pub fn keep_range(&mut self, from: Time, to: Time) {
        (self.from, self.to) = (from.max(self.from).min(self.to), to.min(self.to));
        self.to = self.to.max(self.from);
        let (from, to) = (self.from, self.to);
        let inside = |at: Time| (from..=to).contains(&at);
        let overlaps = |start: Time, end: Time| start <= to && end >= from;
        for lane in &mut self.lanes {
            lane.spans.retain(|span| overlaps(span.from, span.to));
            for span in &mut lane.spans {
                (span.from, span.to) = (span.from.max(from), span.to.min(to));
            }
            lane.marks.retain(|mark| inside(mark.at));
            lane.commits.retain(|commit| inside(commit.at));
        }
        self.requests.retain(|request| overlaps(request.asked, request.answered.unwrap_or(Time::MAX)));
        self.messages.retain(|message| overlaps(message.sent, message.end.unwrap_or(message.sent)));
        self.faults.retain(|fault| fault.at.is_none_or(|at| overlaps(at, fault.until.unwrap_or(at))));
        self.healed = self.healed.filter(|at| inside(*at));
        if self.finding.as_ref().is_some_and(|finding| !inside(finding.at)) {
            self.finding = None;
        }
    }

    /// The times of all visible events, except messages: a cluster without progress repeats them for ever.
    pub fn times(&self) -> Vec<Time> {
        let mut times = Vec::new();
        for lane in &self.lanes {
            times.extend(lane.spans.iter().flat_map(|span| [span.from, span.to]));
            let signs = lane.marks.iter().filter(|mark| !matches!(mark.kind, MarkKind::Reject | MarkKind::Other));
            times.extend(signs.map(|mark| mark.at));
            times.extend(lane.commits.iter().map(|commit| commit.at));
        }
        times.extend(self.requests.iter().flat_map(|request| [Some(request.asked), request.answered]).flatten());
        times.extend(self.faults.iter().flat_map(|fault| [fault.at, fault.until]).flatten());
        times.extend(self.healed);
        times.extend(self.finding.as_ref().map(|finding| finding.at));
        times
    }

    /// Removes heartbeats, probes, and messages from or to clients.
    pub fn keep_relevant(&mut self) {
        self.messages.retain(Message::is_relevant);
    }

    /// Keeps at most `messages` messages, and `marks` marks in each lane, those nearest to the violation. Counts how
    /// many are left out.
    pub fn bound(&mut self, messages: usize, marks: usize) {
        let moment = self.finding.as_ref().map_or(self.to, |finding| finding.at);
        let mut left_out = keep_nearest(&mut self.messages, messages, moment, |message| message.sent);
        left_out += keep_nearest(&mut self.requests, messages, moment, |request| request.asked);
        for lane in &mut self.lanes {
            left_out += keep_nearest(&mut lane.marks, marks, moment, |mark| mark.at);
            left_out += keep_nearest(&mut lane.commits, marks, moment, |commit| commit.at);
        }
        self.left_out += left_out;
    }
}

/// Keeps at most `most` items, those nearest to `moment`, in their order. Returns how many were removed.
fn keep_nearest<T>(items: &mut Vec<T>, most: usize, moment: Time, at: impl Fn(&T) -> Time) -> usize {
    let Some(surplus) = items.len().checked_sub(most).filter(|surplus| *surplus > 0) else { return 0 };
    let mut distances: Vec<(Time, usize)> =
        items.iter().enumerate().map(|(index, item)| (at(item).abs_diff(moment), index)).collect();
    distances.sort_unstable();
    let mut kept = vec![false; items.len()];
    for (_, index) in &distances[..most] {
        kept[*index] = true;
    }
    let mut index = 0;
    items.retain(|_| {
        index += 1;
        kept[index - 1]
    });
    surplus
}
