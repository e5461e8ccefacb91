//! Checkpoints of a replica: when it creates one, and which part of the log it drops when one is durable.
//! `state/checkpoint.rs` has their content and the order in which they become durable.

use sim::{Env, Observation};

use crate::bugs::PlantedBug;
use crate::replica::Vsr;
use crate::state::checkpoint::{Checkpoint, PLACE_BYTES};

impl Vsr {
    /// Encodes a checkpoint after the execution of an op, if the checkpoint interval divides the op.
    pub(crate) fn checkpoint_if_due(&mut self, env: &mut Env<'_, Self>) {
        let interval = u64::from(self.cluster.checkpoint_interval);
        if interval == 0 || !self.executed.is_multiple_of(interval) || self.executed > self.log.last_op() {
            return;
        }
        let mut bytes = Vec::new();
        self.store.encode(&mut bytes);
        self.sessions.encode(&mut bytes, self.bugs.on(PlantedBug::ClientTableNotInCheckpoint));
        if bytes.len() as u64 <= PLACE_BYTES
            && let Some(last) = self.log.tail().at(self.executed)
        {
            self.journal.checkpoints.put(Checkpoint::new(last, bytes));
        }
        if self.bugs.on(PlantedBug::CheckpointBeforeDurable) {
            self.drop_log(env, self.executed);
        }
    }

    /// Handles a new checkpoint in the superblock: the replica's own, or one from a peer.
    pub(crate) fn on_checkpoint(&mut self, env: &mut Env<'_, Self>, checkpoint: &Checkpoint) {
        if checkpoint.last.op > self.executed {
            self.install_state(env, checkpoint);
        } else {
            env.observe(Observation::Checkpointed { op: checkpoint.last.op, state: checkpoint.state });
            self.transfer.covered(checkpoint.last.op);
        }
        self.drop_log(env, checkpoint.last.op);
    }

    /// Drops the log before a checkpoint, except for some entries that backups may still need.
    pub(crate) fn drop_log(&mut self, env: &mut Env<'_, Self>, checkpoint: u64) {
        let margin = u64::from(self.cluster.checkpoint_interval) / 2;
        let base = checkpoint.saturating_sub(margin);
        if base > self.log.base() {
            self.log.drop_front(base);
            env.observe(Observation::LogDropped { op: base });
        }
    }
}
