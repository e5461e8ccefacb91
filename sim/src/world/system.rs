//! The trait that a system under test implements, and `Env`, the replica's interface to everything else.

use crate::base::ids::{ClientId, ReplicaId, ReplicaSet, TimerId};
use crate::base::storage::{IoId, IoResult, Zone};
use crate::base::time::Time;
use crate::config::spec::Cluster;
use crate::config::workload::{Reply, Request};
use crate::protocol::lie::{Liar, Lie, LieClass, LieRule};
use crate::protocol::observation::{MessageKind, Observation, RejectReason};
use crate::world::case::Case;
use crate::world::core::Core;

/// A planted bug: a runtime switch, off by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bug {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it breaks, in one line.
    pub breaks: &'static str,
    /// The invariants that must catch it; the first is the one that usually does.
    pub caught_by: &'static [&'static str],
    /// Where it comes from: the user's historic bug, or a classic.
    pub origin: &'static str,
    /// The fuzz target that is the right place for it.
    pub target: &'static str,
    /// The scenarios that are the right places for it: each has to catch it by random runs.
    pub scenarios: &'static [&'static str],
}

/// A set of planted bugs: bit i is the i-th of [`System::BUGS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BugSet(pub u128);

impl BugSet {
    /// Whether the bug with this index is switched on.
    pub fn has(self, index: usize) -> bool {
        self.0 >> index & 1 == 1
    }
}

/// What a replica is told about the cluster when it boots.
#[derive(Clone, Debug)]
pub struct ClusterSpec {
    /// Sizes, quorums, timeouts.
    pub cluster: Cluster,
    /// Everybody's key. They stand in for key pairs: a replica signs with its own and uses the others' to verify only,
    /// and a liar is handed nothing but its own ([`Liar`]).
    pub keys: [[u8; 32]; crate::base::ids::REPLICAS_MAX],
    /// The planted bugs that are switched on.
    pub bugs: BugSet,
}

/// What an administrator, who sits at a replica's machine, asks of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminCommand {
    /// These are to be the members of the cluster.
    Reconfigure {
        /// The members.
        members: ReplicaSet,
    },
}

/// A replicated system under test: one replica's code, without I/O of its own.
pub trait System: Sized + 'static {
    /// A message between replicas.
    type Message: Clone + 'static;
    /// What survives a crash besides the simulated disk; `()` for a system that keeps everything there.
    type Durable: Default;

    /// The system's name on the command line and in `.kmb` files.
    const NAME: &'static str;
    /// The system's version.
    const VERSION: &'static str;
    /// The planted bugs that can be switched on; at most 128.
    const BUGS: &'static [Bug];
    /// What the system does not promise, each with the reason: invariants by name, or single rules of one
    /// ([`crate::Violation::rule`]). They are not judged.
    const EXEMPT: &'static [(&'static str, &'static str)] = &[];

    /// The lies that only this system knows. They may be told wherever a scenario has a liar, beside the scenario's own.
    const LIES: &'static [LieRule] = &[];

    /// Why such a case makes no sense for the system: it lacks a part that the configuration, the actions or the marks ask
    /// for. `None` where it makes sense. One case stands for its whole scenario.
    fn not_applicable(_case: &Case) -> Option<&'static str> {
        None
    }

    /// How many replicas may be down or starting at the same time; a crash beyond that is left out of the plan. A system that
    /// recovers from the memory of the others promises nothing to those who lose too many of them at once.
    fn crashes_max(_cluster: &Cluster) -> u8 {
        u8::MAX
    }

    /// Starts a replica, for the first time or after a crash (then `left` is what `crash` returned).
    fn boot(env: &mut Env<'_, Self>, id: ReplicaId, spec: &ClusterSpec, left: Self::Durable) -> Self;
    /// The replica crashes; its memory is gone but for what it returns.
    fn crash(self) -> Self::Durable;
    /// A message arrived.
    fn deliver(&mut self, env: &mut Env<'_, Self>, from: ReplicaId, message: Self::Message);
    /// A client's request arrived.
    fn request(&mut self, env: &mut Env<'_, Self>, request: Request);
    /// A timer ran out.
    fn timer(&mut self, env: &mut Env<'_, Self>, timer: TimerId);
    /// A read or a sync ended.
    fn disk_done(&mut self, env: &mut Env<'_, Self>, io: IoId, result: IoResult<'_>);

    /// The administrator asks for something. What it cannot do, the system refuses with an observation; only what it does
    /// not answer at all, such as a command for a primary that it is not, is asked again, wherever the primary is by then.
    fn admin(&mut self, env: &mut Env<'_, Self>, command: AdminCommand) {
        let AdminCommand::Reconfigure { members } = command;
        env.observe(Observation::ReconfigurationRefused { members, why: RejectReason::BadCommand });
    }

    /// Writes a message as it goes over the wire. Messages move as values; only one that is damaged on the way is encoded.
    /// A system that leaves `into` empty has no encoding: its receivers take such a message for a lost one. Debug builds hold
    /// that a sound message is decoded, and encoded to the same bytes.
    fn encode(_message: &Self::Message, _into: &mut Vec<u8>) {}
    /// The message that stands in these bytes, of which some bits may have flipped on the way; `None` if the receiver sees
    /// that it is damaged. At most 32 adjoining bits are: a CRC of 32 bits at the end sees all such damage.
    fn decode(_bytes: &[u8], _bugs: BugSet) -> Option<Self::Message> {
        None
    }

    /// The kind of a message.
    fn kind(message: &Self::Message) -> MessageKind;
    /// The zones of the disk that the damage budget allows to be damaged.
    fn zones(cluster: &Cluster) -> Vec<Zone>;
    /// The message as the liar sends it instead, signed again with the liar's own key, and what the lie amounts to;
    /// `None` where this lie makes no sense for this message.
    fn tamper(message: &Self::Message, lie: &Lie, liar: &mut Liar) -> Option<(Self::Message, LieClass)>;
}

/// All that a replica sees of the world.
pub struct Env<'a, S: System> {
    pub(crate) id: ReplicaId,
    pub(crate) core: &'a mut Core<S>,
}

impl<S: System> Env<'_, S> {
    /// The replica's wall clock: off by its offset, its drift and its steps.
    pub fn wall_clock(&self) -> Time {
        self.core.wall_clock(self.id)
    }

    /// The replica's monotonic clock: never jumps, but drifts, and stands still while frozen.
    pub fn monotonic(&self) -> Time {
        self.core.monotonic(self.id)
    }

    /// Sends a message to another replica.
    pub fn send(&mut self, to: ReplicaId, message: S::Message) {
        self.core.send(self.id, to, message);
    }

    /// Sends a message to all other replicas, lowest first.
    pub fn broadcast(&mut self, message: &S::Message) {
        for to in 0..self.core.replicas() {
            if to != self.id.0 {
                self.core.send(self.id, ReplicaId(to), message.clone());
            }
        }
    }

    /// Answers a client.
    pub fn reply(&mut self, reply: Reply) {
        self.core.reply(self.id, reply);
    }

    /// Tells a client that its session is over: evicted, or replaced by a later one.
    pub fn session_over(&mut self, client: ClientId, session: u32) {
        self.core.session_over(self.id, client, session);
    }

    /// Lets `timer` run out after `span` of the replica's monotonic clock; a timer already set is set anew.
    pub fn set_timer(&mut self, timer: TimerId, span: Time) {
        self.core.set_timer(self.id, timer, span);
    }

    /// Stops `timer`.
    pub fn cancel_timer(&mut self, timer: TimerId) {
        self.core.cancel_timer(self.id, timer);
    }

    /// Writes to the replica's disk. Nothing is durable before a later [`Env::sync`] is done: until then a crash may keep,
    /// lose or tear each write by itself.
    pub fn write(&mut self, offset: u64, bytes: &[u8]) {
        self.core.write(self.id, offset, bytes);
    }

    /// Makes all writes so far durable; `disk_done` tells when, or that it failed.
    pub fn sync(&mut self) -> IoId {
        self.core.sync(self.id)
    }

    /// Reads from the replica's disk; `disk_done` brings the bytes.
    pub fn read(&mut self, offset: u64, length: usize) -> IoId {
        self.core.read(self.id, offset, length)
    }

    /// A random number of the replica's own stream.
    pub fn random(&mut self) -> u64 {
        self.core.random(self.id)
    }

    /// Says what the replica did.
    pub fn observe(&mut self, what: Observation) {
        self.core.observe(crate::protocol::observation::Who::Replica(self.id), what);
    }

    /// The client ids of this run are below this number.
    pub fn clients(&self) -> ClientId {
        self.core.clients()
    }
}
