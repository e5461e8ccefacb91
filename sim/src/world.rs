//! The world: the event loop that runs a case.

use crate::case::{Case, Outcome};
use crate::coverage::Coverage;
use crate::invariants::Judge;
use crate::observation::{Observation, Who};
use crate::spec::{ClientId, ReplicaId};
use crate::system::{IoId, System, TimerId};
use crate::time::Time;
use crate::trace::Trace;
use crate::workload::Reply;

/// Runs cases of one system, one after another; keeps its allocations in between.
pub struct World<S: System> {
    core: Core<S>,
}

/// The world without the replicas: what they reach through `Env`.
pub struct Core<S: System> {
    marker: std::marker::PhantomData<S>,
}

impl<S: System> World<S> {
    /// An empty world.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        World { core: Core { marker: std::marker::PhantomData } }
    }

    /// Runs a case; with `record`, the trace keeps every observation. The case has passed [`Case::check`].
    pub fn run(&mut self, case: &Case, record: bool) -> Outcome {
        let _ = (&self.core, case, record);
        todo!()
    }

    /// The coverage of the last run.
    pub fn coverage(&self) -> &Coverage {
        todo!()
    }

    /// The trace of the last run.
    pub fn trace(&self) -> &Trace {
        todo!()
    }

    /// The invariants of the last run.
    pub fn judge(&self) -> &Judge {
        todo!()
    }
}

#[allow(unused_variables)]
impl<S: System> Core<S> {
    pub(crate) fn wall_clock(&self, id: ReplicaId) -> Time {
        todo!()
    }
    pub(crate) fn monotonic(&self, id: ReplicaId) -> Time {
        todo!()
    }
    pub(crate) fn replicas(&self) -> u8 {
        todo!()
    }
    pub(crate) fn clients(&self) -> ClientId {
        todo!()
    }
    pub(crate) fn send(&mut self, from: ReplicaId, to: ReplicaId, message: S::Message) {
        todo!()
    }
    pub(crate) fn reply(&mut self, from: ReplicaId, reply: Reply) {
        todo!()
    }
    pub(crate) fn set_timer(&mut self, id: ReplicaId, timer: TimerId, span: Time) {
        todo!()
    }
    pub(crate) fn cancel_timer(&mut self, id: ReplicaId, timer: TimerId) {
        todo!()
    }
    pub(crate) fn write(&mut self, id: ReplicaId, offset: u64, bytes: &[u8]) {
        todo!()
    }
    pub(crate) fn sync(&mut self, id: ReplicaId) -> IoId {
        todo!()
    }
    pub(crate) fn read(&mut self, id: ReplicaId, offset: u64, length: usize) -> IoId {
        todo!()
    }
    pub(crate) fn random(&mut self, id: ReplicaId) -> u64 {
        todo!()
    }
    pub(crate) fn observe(&mut self, who: Who, what: Observation) {
        todo!()
    }
}
