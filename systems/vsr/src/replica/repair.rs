//! Repair: a backup that misses entries of its view requests them from its peers.
//!
//! A replica that is behind must not cost the cluster much, so it has a budget of credits. Each request uses one
//! credit, asks for a few entries, and goes to a peer without a pending request, so that several ranges are fetched in
//! parallel. The credit is returned when the requested entries arrive, and otherwise when the request expires: an
//! answer without useful entries does not cause a new request at once.
//!
//! The choice of the peer is adaptive. For each peer there is an exponentially weighted moving average of its response
//! time, in nanoseconds. An expired request counts as twice the expiry. The peer with the lowest average is preferred,
//! and a peer that was never asked is preferred to all others. If the best peer has a pending request, and the next one
//! is much slower, the replica waits. Sometimes it chooses the peer that was asked longest ago instead, so that a peer
//! that was slow once is tried again.
//!
//! Left out: a budget of the answering side (a correct peer has at most one pending request to each replica; a replica
//! that floods is a liar), and entries of earlier views, which come with the view's StartView.

use std::ops::RangeInclusive;
use std::rc::Rc;

use sim::base::ids::REPLICAS_MAX;
use sim::{Env, Observation, RejectReason, ReplicaId, Status, Time, TimerId};

use crate::bugs::PlantedBug;
use crate::log::entry::Entry;
use crate::messages::message::Body;
use crate::replica::{Handled, Vsr};

/// Timer: a request for missing entries may have expired.
pub(crate) const REPAIR_TIMER: TimerId = TimerId(9);

/// The weight of a new measurement in the average is one divided by this.
const EWMA_PARTS: i64 = 4;
/// A peer that is more than this many times slower than the best is not asked while the best has a pending request.
const MUCH_SLOWER: Time = 4;

/// A pending request.
#[derive(Clone, Copy, Debug)]
struct Asked {
    number: u64,
    from: u64,
    to: u64,
    at: Time,
}

/// The requests of a backup, and what it knows about its peers.
#[derive(Debug, Default)]
pub(crate) struct Repair {
    /// The pending request to each peer.
    asked: [Option<Asked>; REPLICAS_MAX],
    /// The average response time of each peer; 0 if it was never asked.
    latency: [Time; REPLICAS_MAX],
    /// The number of the last request to each peer; 0 if it was never asked.
    last: [u64; REPLICAS_MAX],
    /// The number of requests so far.
    requests: u64,
    /// The number of the last request that went to the peer asked longest ago.
    explored: u64,
    /// The last op of the view's log, as far as this backup knows.
    target: u64,
}

impl Repair {
    fn under_way(&self) -> usize {
        self.asked.iter().flatten().count()
    }

    /// Updates the average of `peer` with a measurement.
    fn learn(&mut self, peer: ReplicaId, took: Time) {
        let average = &mut self.latency[peer.index()];
        *average = match *average {
            0 => took.max(1),
            old => old.saturating_add_signed((took as i64 - old as i64) / EWMA_PARTS).max(1),
        };
    }
}

impl Vsr {
    /// How far ahead of its log a backup keeps entries: the primary's pipeline, and all that it may request itself.
    pub(crate) fn reach(&self) -> u64 {
        let asked = u64::from(self.cluster.repair_credits) * u64::from(self.cluster.repair_entries);
        u64::from(self.cluster.pipeline_max) + asked
    }

    /// Backup: the view's log goes up to `to`; requests what is missing.
    pub(crate) fn ask_for_repair(&mut self, env: &mut Env<'_, Self>, to: u64) {
        self.repair.target = self.repair.target.max(to);
        self.request_repairs(env);
    }

    fn request_repairs(&mut self, env: &mut Env<'_, Self>) {
        let credits = usize::from(self.cluster.repair_credits);
        while self.repair.under_way() < credits || self.bugs.on(PlantedBug::RepairWithoutBudget) {
            let Some((from, to)) = self.next_missing() else { return };
            let Some(peer) = self.choose_peer(env) else { return };
            if self.escalate(env, peer) {
                return;
            }
            let (number, at) = (self.repair.requests, env.monotonic());
            if self.repair.under_way() == 0 {
                env.set_timer(REPAIR_TIMER, self.cluster.repair_expiry);
            }
            self.repair.asked[peer.index()] = Some(Asked { number, from, to, at });
            env.observe(Observation::RepairRequested { peer, from, to });
            self.send(env, peer, Body::RequestRepair { view: self.view, from, to, number });
        }
    }

    /// The first range of entries that are neither held nor requested.
    fn next_missing(&self) -> Option<(u64, u64)> {
        let end = self.repair.target.min(self.log.last_op() + self.reach()).min(self.journal.last_place());
        let mut from = self.log.last_op() + 1;
        // Both lists are short. Each iteration skips at least one entry or one request.
        loop {
            if self.pending.binary_search_by_key(&from, |kept| kept.op).is_ok() {
                from += 1;
            } else if let Some(asked) = self.repair.asked.iter().flatten().find(|a| (a.from..=a.to).contains(&from)) {
                from = asked.to + 1;
            } else {
                break;
            }
        }
        let kept = self.pending.iter().map(|kept| kept.op).find(|op| *op > from);
        let asked = self.repair.asked.iter().flatten().map(|asked| asked.from).filter(|first| *first > from).min();
        let before = kept.unwrap_or(u64::MAX).min(asked.unwrap_or(u64::MAX)) - 1;
        let to = end.min(before).min(from + u64::from(self.cluster.repair_entries) - 1);
        (from <= to).then_some((from, to))
    }

    /// The peer for the next request; `None` if it is better to wait.
    fn choose_peer(&mut self, env: &mut Env<'_, Self>) -> Option<ReplicaId> {
        let (n, primary, now) = (self.cluster.replicas, self.primary_of(self.view).0, env.monotonic());
        // The primary comes first among equals: it has all entries.
        let members = self.configuration().members();
        let peers = (0..n)
            .map(|place| ReplicaId((primary + place) % n))
            .filter(|peer| *peer != self.id && (peer.0 == primary || members.has(*peer)));
        let repair = &mut self.repair;
        let free = |peer: &ReplicaId| repair.asked[peer.index()].is_none();
        let number = repair.requests + 1;
        let every = u64::from(self.cluster.repair_explore);
        let explores = number >= repair.explored + every || env.random().is_multiple_of(2 * every);
        let peer = if explores && !self.bugs.on(PlantedBug::EwmaNeverExplores) {
            let peer = peers.filter(free).min_by_key(|peer| repair.last[peer.index()])?;
            repair.explored = number;
            peer
        } else {
            let average = |peer: &ReplicaId| match repair.asked[peer.index()] {
                Some(asked) => repair.latency[peer.index()].max(now - asked.at),
                None => repair.latency[peer.index()],
            };
            let inverted = self.bugs.on(PlantedBug::EwmaInverted);
            let rank = |peer: &ReplicaId| if inverted { Time::MAX - average(peer) } else { average(peer) };
            let peer = peers.clone().filter(free).min_by_key(rank)?;
            let best = peers.min_by_key(rank)?;
            if average(&peer) > MUCH_SLOWER * average(&best) {
                return None;
            }
            peer
        };
        repair.requests = number;
        repair.last[peer.index()] = number;
        Some(peer)
    }

    /// Backup: ends expired requests.
    pub(crate) fn on_repair_timer(&mut self, env: &mut Env<'_, Self>) {
        let (now, expiry) = (env.monotonic(), self.cluster.repair_expiry);
        let mut next = Time::MAX;
        for peer in (0..self.cluster.replicas).map(ReplicaId) {
            let Some(asked) = self.repair.asked[peer.index()] else { continue };
            if now < asked.at + expiry {
                next = next.min(asked.at + expiry);
            } else if !self.bugs.on(PlantedBug::RepairCreditLeak) {
                self.repair.asked[peer.index()] = None;
                self.repair.learn(peer, 2 * expiry);
                env.observe(Observation::RepairEnded { peer, answered: false });
            }
        }
        if next != Time::MAX {
            env.set_timer(REPAIR_TIMER, next - now);
        }
        if self.status == Status::Normal && !self.is_primary() {
            self.request_repairs(env);
        }
    }

    /// Ends all requests, at the end of the view.
    pub(crate) fn end_repairs(&mut self, env: &mut Env<'_, Self>) {
        self.repair.target = 0;
        for peer in (0..self.cluster.replicas).map(ReplicaId) {
            if self.repair.asked[peer.index()].take().is_some() {
                env.observe(Observation::RepairEnded { peer, answered: false });
            }
        }
    }

    /// Handles a request for missing entries.
    pub(crate) fn on_request_repair(
        &mut self,
        env: &mut Env<'_, Self>,
        from: ReplicaId,
        view: u64,
        missing: RangeInclusive<u64>,
        number: u64,
    ) -> Handled {
        let (first, last) = missing.into_inner();
        let invalid = first == 0 || first > last || last - first >= self.cluster.repair_entries.into();
        if invalid && !self.bugs.on(PlantedBug::InvalidRepairRange) {
            return Err(RejectReason::BadRange);
        }
        if view != self.view || self.status != Status::Normal {
            return Err(RejectReason::WrongStatus);
        }
        let entries = if invalid {
            &self.log.entries()[first.wrapping_sub(1) as usize..last as usize]
        } else {
            self.log.span(first, last)
        };
        if !entries.is_empty() {
            self.send(env, from, Body::Repair { view, number, entries: entries.into() });
        }
        Ok(())
    }

    /// Backup: handles the entries that it requested.
    pub(crate) fn on_repair(
        &mut self,
        env: &mut Env<'_, Self>,
        from: ReplicaId,
        view: u64,
        number: u64,
        entries: &[Rc<Entry>],
    ) -> Handled {
        if view < self.view {
            return Err(RejectReason::OldView);
        }
        if view > self.view || self.status != Status::Normal || self.is_primary() {
            return Err(RejectReason::WrongStatus);
        }
        if entries.len() > usize::from(self.cluster.repair_entries) {
            return Err(RejectReason::Oversized);
        }
        let before = self.log.last_op();
        let result = entries.iter().try_for_each(|entry| self.repair(env, entry));
        // The entries before an invalid one count.
        let gives_up = result.is_err() && self.bugs.on(PlantedBug::RepairGivesUp);
        if self.log.last_op() > before && !gives_up {
            self.take_pending(env);
            self.write_disk(env);
        }
        if result.is_ok() && !entries.is_empty() {
            self.answered(env, from, number);
            self.request_repairs(env);
        }
        result
    }

    /// Ends a request that was answered, and returns its credit.
    fn answered(&mut self, env: &mut Env<'_, Self>, peer: ReplicaId, number: u64) {
        let slot = &mut self.repair.asked[peer.index()];
        let Some(asked) = slot.take_if(|asked| asked.number == number) else { return };
        self.repair.learn(peer, env.monotonic() - asked.at);
        env.observe(Observation::RepairEnded { peer, answered: true });
    }

    fn repair(&mut self, env: &mut Env<'_, Self>, entry: &Rc<Entry>) -> Handled {
        let next = self.log.last_op() + 1;
        let kept = || self.pending.binary_search_by_key(&entry.op, |kept| kept.op).is_ok();
        if entry.op < next || entry.op > next && kept() {
            return Ok(());
        }
        if entry.view != self.view || entry.is_hole() {
            return Err(RejectReason::BadMetadata);
        }
        if entry.op > self.journal.last_place() {
            return Err(RejectReason::Busy);
        }
        if entry.op > next {
            self.keep_pending(env, entry)?;
        } else {
            match self.check_entry(entry, self.log.last()) {
                Err(RejectReason::BadHash) if self.bugs.on(PlantedBug::WrongHashAccepted) => {}
                checked => checked?,
            }
            self.append(env, entry.clone());
        }
        env.observe(Observation::Repaired { op: entry.op });
        Ok(())
    }
}
