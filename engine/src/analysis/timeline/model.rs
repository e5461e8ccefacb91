//! What a timeline shows, in the terms of the protocol. Times are virtual, in nanoseconds.

use serde::Serialize;
use sim::protocol::observation::DropReason;
use sim::protocol::reason::SkipReason;
use sim::{MessageKind, Time};

/// A run as it is drawn.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Timeline {
    /// The case's name.
    pub name: String,
    /// The scenario that it came from.
    pub scenario: String,
    /// The system under test, with its version.
    pub system: String,
    /// The planted bugs that are on.
    pub bugs: Vec<String>,
    /// The stretch that is drawn.
    pub from: Time,
    /// Its end.
    pub to: Time,
    /// The replicas that are drawn.
    pub lanes: Vec<Lane>,
    /// What clients asked.
    pub requests: Vec<Request>,
    /// The messages between the replicas that are drawn, as they were sent.
    pub messages: Vec<Message>,
    /// The actions of the plan, in its order.
    pub faults: Vec<Fault>,
    /// When the heal phase began.
    pub healed: Option<Time>,
    /// The violation.
    pub finding: Option<Finding>,
    /// How many messages and marks are left out, since there are too many to draw.
    pub left_out: usize,
    /// The kinds of messages of which only some are drawn.
    #[serde(skip)]
    pub thinned: Vec<Thinned>,
}

/// A kind of which not all messages are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thinned {
    /// Which.
    pub kind: MessageKind,
    /// How many are drawn.
    pub drawn: usize,
    /// How many there are.
    pub of: usize,
}

/// A replica.
#[derive(Clone, Debug, Serialize)]
pub struct Lane {
    /// Its number.
    pub replica: u8,
    /// Whether it lies.
    pub liar: bool,
    /// What it was, without gaps.
    pub spans: Vec<Span>,
    /// What happened to it.
    pub marks: Vec<Mark>,
    /// What it committed: consecutive ops at one time are one.
    pub commits: Vec<Commit>,
}

/// A stretch of a replica's time in which it was the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    /// From when.
    pub from: Time,
    /// Until when.
    pub to: Time,
    /// What it was.
    pub state: State,
    /// In which view, where it has one.
    pub view: Option<u64>,
}

/// What a replica is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Normal, the primary of its view.
    Primary,
    /// Normal, a backup.
    Backup,
    /// Left its view for a higher one.
    ViewChange,
    /// Read its disk and takes no part yet.
    Recovering,
    /// Reads its disk.
    Loading,
    /// Crashed.
    Down,
    /// Stopped by a pause.
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

    /// In words.
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

    /// As the name of a class in a style sheet.
    pub fn class(self) -> &'static str {
        match self {
            State::ViewChange => "view-change",
            other => other.words(),
        }
    }
}

impl Span {
    /// In words: `view 1 primary`.
    pub fn words(&self) -> String {
        match (self.state, self.view) {
            (State::ViewChange, Some(view)) => format!("view change to {view}"),
            (state, Some(view)) => format!("view {view} {}", state.words()),
            (state, None) => state.words().to_string(),
        }
    }
}

/// Something that happened to a replica.
#[derive(Clone, Debug, Serialize)]
pub struct Mark {
    /// When.
    pub at: Time,
    /// During which event.
    pub event: u64,
    /// What, for its sign.
    pub kind: MarkKind,
    /// What, in words.
    pub words: String,
}

/// What a mark is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MarkKind {
    /// It crashed or panicked.
    Crash,
    /// It told a lie.
    Lie,
    /// A view started at it.
    ViewStart,
    /// It handed its log to a new primary.
    Vote,
    /// Its log or its disk lost something.
    Loss,
    /// It refused a message.
    Reject,
    /// Anything else of note.
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

    /// As the name of a class in a style sheet.
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

/// Ops that a replica committed at one time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Commit {
    /// When.
    pub at: Time,
    /// During which event.
    pub event: u64,
    /// The first op.
    pub first: u64,
    /// The last op.
    pub last: u64,
}

impl Commit {
    /// The ops: `3` or `3-5`.
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
    /// The lie in it.
    pub lie: Option<String>,
    /// Whether it is the second copy of a message that the network doubled.
    pub copy: bool,
    /// Whether it is left out where nobody asks for all, since there are too many to be told apart.
    #[serde(skip)]
    pub faint: bool,
}

impl Message {
    /// Whether it is drawn unless all are asked for: the protocol's own, without heartbeats, probes and the clients' mail.
    pub fn is_relevant(&self) -> bool {
        use MessageKind as K;
        self.lie.is_some() || !matches!(self.kind, K::Commit | K::Ping | K::Pong | K::Request | K::Reply | K::Other)
    }

    /// The family of its kind, as the name of a class in a style sheet.
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

/// What a client asked.
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
    /// When the answer came, if it did.
    pub answered: Option<Time>,
    /// How often it was sent again.
    pub retries: u32,
    /// What it was.
    pub operation: String,
}

/// An action of the plan.
#[derive(Clone, Debug, Serialize)]
pub struct Fault {
    /// Its number, from 1, as `vopr show` has it.
    pub number: usize,
    /// What is done, and to whom.
    pub words: String,
    /// When it was carried out or skipped; `None` if it never came to it.
    pub at: Option<Time>,
    /// When its effect ended, if it has one that lasts.
    pub until: Option<Time>,
    /// The replica that it was about, if it was about one.
    pub target: Option<u8>,
    /// Why it was not carried out, though it was due.
    pub skipped: Option<SkipReason>,
}

/// The violation.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Finding {
    /// The broken invariant.
    pub invariant: String,
    /// Which rule of it.
    pub rule: String,
    /// When.
    pub at: Time,
    /// During which event.
    pub event: u64,
    /// The replicas concerned.
    pub replicas: Vec<u8>,
    /// What should have been.
    pub expected: String,
    /// What was.
    pub seen: String,
    /// Whether the protocol promises that it does not happen; else it is no failure.
    pub owed: bool,
}

impl Timeline {
    /// Keeps these replicas only.
    pub fn keep_replicas(&mut self, replicas: &[u8]) {
        self.lanes.retain(|lane| replicas.contains(&lane.replica));
        self.messages.retain(|message| replicas.contains(&message.from) && replicas.contains(&message.to));
        self.faults.retain(|fault| fault.target.is_none_or(|target| replicas.contains(&target)));
    }

    /// Keeps what happened between `from` and `to`.
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

    /// The times at which something new happens. Messages are none: a cluster that gets nowhere repeats them for ever.
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

    /// Keeps what the protocol is about: no heartbeats, probes or clients' mail.
    pub fn keep_relevant(&mut self) {
        self.messages.retain(Message::is_relevant);
    }

    /// Keeps so many messages and so many marks a lane, those nearest to the violation, and says how many are left out.
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

/// Keeps so many items, those nearest to `moment`, in their order. Returns how many went.
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
