//! The host: starts from the disk, passes one event at a time to the library, and carries out what it requests.

use std::collections::VecDeque;

use sim::config::spec::Cluster;
use sim::{
    Bug, Case, ClusterSpec, Env, IoId, IoResult, Liar, Lie, LieClass, MessageKind, Observation, ReplicaId, Reply,
    Request, System, TimerId, Zone,
};

use crate::journal::{Journal, Reading};
use crate::machine::{Machine, command};
use crate::{Act, Library, Start};

const TICK: TimerId = TimerId(0);

/// A library as a system under test.
pub struct Host<L: Library> {
    id: ReplicaId,
    cluster: Cluster,
    journal: Journal,
    /// `None` while the log is read from the disk.
    library: Option<L>,
    /// The pending read or sync. Everything else waits for it.
    waits: Option<IoId>,
    inbox: VecDeque<Input<L::Message>>,
    machine: Machine,
    acts: Vec<Act<L::Message>>,
}

/// An event that waits until the library can be called.
enum Input<M> {
    Tick,
    Message(M),
    Request(Request),
}

impl<L: Library> Host<L> {
    fn tick(&self) -> u64 {
        self.cluster.heartbeat / 2
    }

    /// Continues until there is nothing to do, or until a sync is pending.
    fn run_until_blocked(&mut self, env: &mut Env<'_, Self>) {
        let mut acts = std::mem::take(&mut self.acts);
        while self.waits.is_none()
            && let Some(library) = &mut self.library
        {
            if let Some(sync) = library.work(&mut acts, &mut || env.random()) {
                self.carry_out(env, &mut acts);
                if sync {
                    self.waits = Some(env.sync());
                } else {
                    self.durable(env, &mut acts);
                }
            } else if let Some(input) = self.inbox.pop_front() {
                self.feed(env, input);
            } else {
                break;
            }
        }
        self.acts = acts;
    }

    fn durable(&mut self, env: &mut Env<'_, Self>, acts: &mut Vec<Act<L::Message>>) {
        if let Some(library) = &mut self.library {
            library.durable(acts);
            self.carry_out(env, acts);
        }
    }

    fn feed(&mut self, env: &mut Env<'_, Self>, input: Input<L::Message>) {
        let Some(library) = &mut self.library else { return };
        match input {
            Input::Tick => library.tick(),
            Input::Message(message) => library.receive(message),
            Input::Request(request) => {
                let Request { client, session, number, .. } = request;
                match (self.machine.answer(client, session, number), library.leads()) {
                    (Some(answer), Some(view)) => env.reply(Reply { client, session, number, view, answer }),
                    (Some(_), None) => {}
                    (None, _) => library.propose(command(&request)),
                }
            }
        }
    }

    fn carry_out(&mut self, env: &mut Env<'_, Self>, acts: &mut Vec<Act<L::Message>>) {
        for act in acts.drain(..) {
            match act {
                Act::Observe(what) => env.observe(what),
                Act::Write(record) => self.journal.append(env, &record),
                Act::Send(to, message) => env.send(to, message),
                Act::Execute { op, entry, command } => {
                    env.observe(Observation::Committed { op, entry });
                    let executed = self.machine.execute(op, &command);
                    env.observe(executed);
                    if let Observation::Executed { client, session, number, .. } = executed
                        && let Some(answer) = self.machine.answer(client, session, number)
                        && let Some(view) = self.library.as_ref().and_then(Library::leads)
                    {
                        env.reply(Reply { client, session, number, view, answer });
                    }
                }
            }
        }
    }

    fn enqueue(&mut self, env: &mut Env<'_, Self>, input: Input<L::Message>) {
        if self.library.is_some() {
            self.inbox.push_back(input);
            self.run_until_blocked(env);
        }
    }
}

impl<L: Library> System for Host<L> {
    type Message = L::Message;
    type Durable = ();

    const NAME: &'static str = L::NAME;
    const VERSION: &'static str = L::VERSION;
    const BUGS: &'static [Bug] = &[];
    const EXEMPT: &'static [(&'static str, &'static str)] = L::EXEMPT;

    fn not_applicable(case: &Case) -> Option<&'static str> {
        L::not_applicable(case)
    }

    fn boot(env: &mut Env<'_, Self>, id: ReplicaId, spec: &ClusterSpec, (): ()) -> Self {
        env.observe(Observation::Loading);
        let journal = Journal::default();
        let waits = Some(journal.read(env));
        Host {
            id,
            cluster: spec.cluster.clone(),
            journal,
            library: None,
            waits,
            inbox: VecDeque::new(),
            machine: Machine::default(),
            acts: Vec::new(),
        }
    }

    fn crash(self) {}

    fn deliver(&mut self, env: &mut Env<'_, Self>, _: ReplicaId, message: L::Message) {
        self.enqueue(env, Input::Message(message));
    }

    fn request(&mut self, env: &mut Env<'_, Self>, request: Request) {
        self.enqueue(env, Input::Request(request));
    }

    fn timer(&mut self, env: &mut Env<'_, Self>, timer: TimerId) {
        env.set_timer(timer, self.tick());
        // Ticks during a sync are not counted: at most one is queued.
        if !self.inbox.iter().any(|input| matches!(input, Input::Tick)) {
            self.enqueue(env, Input::Tick);
        }
    }

    fn disk_done(&mut self, env: &mut Env<'_, Self>, io: IoId, result: IoResult<'_>) {
        if self.waits != Some(io) {
            return;
        }
        self.waits = None;
        if self.library.is_none() {
            match self.journal.found(env, &result) {
                Reading::Waits(io) => self.waits = Some(io),
                Reading::Done(records) => {
                    let start = Start { id: self.id, cluster: &self.cluster, tick: self.tick() };
                    let mut acts = std::mem::take(&mut self.acts);
                    self.library = Some(L::open(&start, &records, &mut acts));
                    self.carry_out(env, &mut acts);
                    self.acts = acts;
                    env.set_timer(TICK, self.tick());
                    self.run_until_blocked(env);
                }
            }
        } else if result == IoResult::Failed {
            self.journal.write_again(env);
            self.waits = Some(env.sync());
        } else {
            self.journal.synced();
            let mut acts = std::mem::take(&mut self.acts);
            self.durable(env, &mut acts);
            self.acts = acts;
            self.run_until_blocked(env);
        }
    }

    fn kind(message: &L::Message) -> MessageKind {
        L::kind(message)
    }

    fn zones(_: &Cluster) -> Vec<Zone> {
        Vec::new()
    }

    fn tamper(_: &L::Message, _: &Lie, _: &mut Liar) -> Option<(L::Message, LieClass)> {
        None
    }
}
