//! A random abstract model of the view change with at most one liar. It calls the protocol's own selection function.
//!
//! A replica is reduced to (view, normal or not, last normal view, log). Messages are lost, delayed and reordered at
//! random. The liar always acknowledges, and sends any DoViewChange that it can sign: any last normal view; any known
//! log, cut anywhere, with entries forged for views in which it is the primary. It never signs two entries for one
//! (view, op), nor two StartViews for one view. Without a liar, logs begin after some committed op, and replicas that
//! are behind install a state.
//!
//! The model checks that all committed logs agree. With r + v − n > 2b there must be no disagreement. Without it the
//! model must find one; otherwise it proves nothing.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use sim::{ClientId, Request};

use super::{Choice, Claim, choose};
use crate::log::entry::{Entry, Place};
use crate::log::signature::Keyring;
use crate::log::{Base, Tail};

/// A small random number generator (xorshift64*).
struct Random(Cell<u64>);

impl Random {
    fn below(&self, bound: usize) -> usize {
        let mut x = self.0.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.0.set(x);
        ((x.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound as u64) as usize
    }
    fn percent(&self, share: usize) -> bool {
        self.below(100) < share
    }
    fn pick<'a, T>(&self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

type Log = Vec<Rc<Entry>>;

/// n, r, v and b.
#[derive(Clone, Copy)]
struct Quorums {
    replicas: u8,
    replication: u8,
    view_change: u8,
    byzantine: u8,
}

#[derive(Clone, Default)]
struct Replica {
    view: u64,
    normal: bool,
    last_normal: u64,
    log: Log,
}

struct Model {
    random: Random,
    quorums: Quorums,
    liar: Option<usize>,
    keys: Keyring,
    replicas: Vec<Replica>,
    /// view -> the log of its primary.
    view_logs: BTreeMap<u64, Log>,
    /// view -> sender -> (last normal view, log).
    votes: BTreeMap<u64, BTreeMap<usize, (u64, Log)>>,
    acknowledged: BTreeMap<(u64, u128), BTreeSet<usize>>,
    committed: Vec<Log>,
    signed: BTreeSet<(u64, u64)>,
    serial: u32,
    /// Whether a replica that installs a state drops its entries beyond that state.
    drops_acknowledged: bool,
}

impl Model {
    fn new(quorums: Quorums, seed: u64) -> Self {
        let random = Random(Cell::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1));
        let n = usize::from(quorums.replicas);
        let liar = (quorums.byzantine > 0).then(|| random.below(n));
        let mut replicas = vec![Replica { normal: true, ..Replica::default() }; n];
        if let Some(liar) = liar {
            replicas[liar].normal = false;
        }
        Model {
            random,
            quorums,
            liar,
            keys: Keyring::new([[0; 32]; 8], false),
            replicas,
            view_logs: BTreeMap::from([(0, Log::new())]),
            votes: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            committed: Vec::new(),
            signed: BTreeSet::new(),
            serial: 0,
            drops_acknowledged: false,
        }
    }

    fn correct(&self) -> Vec<usize> {
        (0..self.replicas.len()).filter(|i| Some(*i) != self.liar).collect()
    }

    fn primary(&self, view: u64) -> usize {
        (view % u64::from(self.quorums.replicas)) as usize
    }

    fn sign(&mut self, view: u64, log: &mut Log) {
        let op = log.len() as u64 + 1;
        self.signed.insert((view, op));
        self.serial += 1;
        let request = Request { client: ClientId(0), session: 0, number: self.serial, payload: Rc::from(&[][..]) };
        let parent = log.last().map_or(0, |entry| entry.hash);
        let primary = sim::ReplicaId(self.primary(view) as u8);
        log.push(Rc::new(Entry::new(Place { view, op, parent }, op, request, primary, &self.keys)));
    }

    /// Replica `i` acknowledges its whole log in its view. Returns `false` if two committed logs disagree.
    fn acknowledge(&mut self, i: usize) -> bool {
        let Replica { view, log, .. } = self.replicas[i].clone();
        for length in (1..=log.len()).rev() {
            let voters = self.acknowledged.entry((view, log[length - 1].hash)).or_default();
            if !voters.insert(i) {
                return true;
            }
            if voters.len() + usize::from(self.quorums.byzantine) >= usize::from(self.quorums.replication) {
                let same = |other: &Log| {
                    let common = length.min(other.len());
                    common == 0 || log[common - 1].hash == other[common - 1].hash
                };
                if !self.committed.iter().all(same) {
                    return false;
                }
                self.committed.push(log[..length].to_vec());
            }
        }
        true
    }

    /// A primary appends a request.
    fn prepare(&mut self) -> bool {
        let views: Vec<u64> = self.view_logs.keys().copied().collect();
        let view = *self.random.pick(&views);
        let primary = self.primary(view);
        let lies = Some(primary) == self.liar;
        let mut log = self.view_logs[&view].clone();
        let leads = self.replicas[primary].normal && self.replicas[primary].view == view;
        if self.signed.contains(&(view, log.len() as u64 + 1)) || !lies && !leads {
            return true;
        }
        self.sign(view, &mut log);
        self.view_logs.insert(view, log.clone());
        if lies {
            return true;
        }
        self.replicas[primary].log = log;
        self.acknowledge(primary)
    }

    /// A backup receives some entries of its view.
    fn receive(&mut self) -> bool {
        let i = *self.random.pick(&self.correct());
        let full = &self.view_logs.get(&self.replicas[i].view);
        let Some(full) = full.filter(|full| self.replicas[i].normal && self.replicas[i].log.len() < full.len()) else {
            return true;
        };
        let have = self.replicas[i].log.len();
        let length = have + 1 + self.random.below(full.len() - have);
        self.replicas[i].log = full[..length].to_vec();
        self.acknowledge(i)
    }

    /// A replica starts or joins a view change.
    fn leave(&mut self) {
        let correct = self.correct();
        let i = *self.random.pick(&correct);
        let highest = correct.iter().map(|i| self.replicas[*i].view).max().unwrap_or(0);
        let me = self.replicas[i].clone();
        let wanted = if self.random.percent(70) { highest } else { 0 };
        let view = wanted.max(me.view + u64::from(me.normal)) + u64::from(self.random.percent(20));
        if view > me.view {
            (self.replicas[i].view, self.replicas[i].normal) = (view, false);
            self.votes.entry(view).or_default().insert(i, (me.last_normal, me.log));
        }
    }

    /// A DoViewChange that the liar makes up.
    fn lie(&mut self, view: u64) -> (u64, Log) {
        let liar = self.liar.expect("there is one");
        let known: Vec<Log> = self.correct().iter().map(|i| self.replicas[*i].log.clone()).collect();
        let known: Vec<Log> = known.into_iter().chain(self.view_logs.values().cloned()).collect();
        let mut log = self.random.pick(&known).clone();
        log.truncate(self.random.below(log.len() + 1));
        for _ in 0..self.random.below(3) {
            let op = log.len() as u64 + 1;
            let own: Vec<u64> =
                (0..view).filter(|w| self.primary(*w) == liar && !self.signed.contains(&(*w, op))).collect();
            if !own.is_empty() {
                let forged_for = *self.random.pick(&own);
                self.sign(forged_for, &mut log);
            }
        }
        (if view > 0 { self.random.below(view as usize) as u64 } else { 0 }, log)
    }

    /// A new primary has a quorum of DoViewChanges.
    fn start(&mut self) -> bool {
        let open: Vec<u64> = self.votes.keys().filter(|view| !self.view_logs.contains_key(view)).copied().collect();
        if open.is_empty() {
            return true;
        }
        let view = *self.random.pick(&open);
        let primary = self.primary(view);
        let leads = Some(primary) != self.liar;
        let lies = self.liar.is_some() && self.random.percent(80);
        let needed = usize::from(self.quorums.view_change) - usize::from(lies);
        let mut senders: Vec<usize> = self.votes[&view].keys().copied().collect();
        let waits = self.replicas[primary].view == view && !self.replicas[primary].normal;
        if leads && !waits || senders.len() < needed {
            return true;
        }
        while senders.len() > needed {
            senders.swap_remove(self.random.below(senders.len()));
        }
        if leads && !senders.contains(&primary) {
            return true;
        }
        let mut messages: Vec<(u64, Log)> = senders.iter().map(|i| self.votes[&view][i].clone()).collect();
        if lies {
            messages.push(self.lie(view));
        }
        let from = sim::ReplicaId(0);
        let bases: Vec<usize> = messages.iter().map(|(_, log)| self.checkpoint_in(log)).collect();
        let root =
            |log: &Log, base: usize| base.checked_sub(1).map_or(Base::default(), |last| log[last].as_ref().into());
        let claims: Vec<Claim<'_>> = messages
            .iter()
            .zip(&bases)
            .map(|((last_normal, log), cut)| {
                let log = Tail { base: root(log, *cut), entries: &log[*cut..] };
                Claim { from, last_normal: *last_normal, commit: log.base.op, log }
            })
            .collect();
        let never = |_: &[Rc<Entry>], _| panic!("there are no holes in the model");
        let Choice::Log(chosen, _) = choose(&claims, self.quorums.byzantine, never) else { panic!("no holes") };
        // A state replaces the entries before the base of the selected log.
        let base = chosen.base() as usize;
        let has_base = |log: &&Log| log.len() >= base && root(log, base) == chosen.tail().base;
        let (_, before) = messages.iter().find(|(_, log)| has_base(&log)).expect("the base is somebody's");
        let log: Log = before[..base].iter().chain(chosen.entries()).cloned().collect();
        self.view_logs.insert(view, log.clone());
        leads.then(|| self.enter(primary, view, log)).is_none_or(|agree| agree)
    }

    /// How many entries the replica has dropped for a checkpoint: some committed prefix. None if replicas may lie.
    fn checkpoint_in(&self, log: &Log) -> usize {
        if self.quorums.byzantine > 0 {
            return 0;
        }
        let held = |committed: &Log| committed.iter().zip(log).take_while(|(x, y)| x.hash == y.hash).count();
        let committed = self.committed.iter().map(held).max().unwrap_or(0);
        if self.random.percent(50) { self.random.below(committed + 1) } else { committed }
    }

    /// A replica that is behind installs the state of a peer in a later view, and enters that view.
    fn transfer(&mut self) -> bool {
        if self.quorums.byzantine > 0 || self.committed.is_empty() {
            return true;
        }
        let (i, state) = (*self.random.pick(&self.correct()), self.random.pick(&self.committed).clone());
        let later = self.replicas.iter().map(|peer| peer.view).max().unwrap_or(0);
        let me = &mut self.replicas[i];
        let last = state.len() - 1;
        if later > me.view {
            if self.drops_acknowledged || me.log.get(last).is_none_or(|held| held.hash != state[last].hash) {
                me.log = state;
            }
            (me.view, me.normal) = (later, false);
            let vote = (me.last_normal, me.log.clone());
            self.votes.entry(later).or_default().insert(i, vote);
        }
        true
    }

    fn enter(&mut self, i: usize, view: u64, log: Log) -> bool {
        self.replicas[i] = Replica { view, normal: true, last_normal: view, log };
        self.acknowledge(i)
    }

    /// A replica receives a StartView.
    fn install(&mut self) -> bool {
        let i = *self.random.pick(&self.correct());
        let me = &self.replicas[i];
        let fits = |view: u64| view > me.view || view == me.view && !me.normal;
        let views: Vec<u64> = self.view_logs.keys().filter(|view| fits(**view)).copied().collect();
        if views.is_empty() {
            return true;
        }
        let view = *self.random.pick(&views);
        let log = self.view_logs[&view].clone();
        self.enter(i, view, log)
    }

    /// Whether all committed logs agree after a number of random steps.
    fn agrees(&mut self) -> bool {
        (0..70).all(|_| match self.random.below(100) {
            0..25 => self.prepare(),
            25..55 => self.receive(),
            55..75 => {
                self.leave();
                true
            }
            75..86 => self.start(),
            86..90 => self.transfer(),
            _ => self.install(),
        })
    }
}

fn disagreements(replicas: u8, replication: u8, view_change: u8, byzantine: u8, trials: u64) -> usize {
    let quorums = Quorums { replicas, replication, view_change, byzantine };
    (0..trials).filter(|seed| !Model::new(quorums, seed + 1).agrees()).count()
}

#[test]
fn no_disagreement_where_the_inequality_holds() {
    for (n, r, v, b) in [(3, 2, 2, 0), (5, 3, 3, 0), (5, 4, 4, 1)] {
        assert_eq!(disagreements(n, r, v, b, 4000), 0, "n = {n}, r = {r}, v = {v}, b = {b}");
    }
}

#[test]
fn disagreement_if_a_state_transfer_drops_acknowledged_entries() {
    let quorums = Quorums { replicas: 3, replication: 2, view_change: 2, byzantine: 0 };
    let dropping = |seed: u64| Model { drops_acknowledged: true, ..Model::new(quorums, seed + 1) };
    assert!((0..4000).any(|seed| !dropping(seed).agrees()));
}

#[test]
fn disagreement_where_the_inequality_does_not_hold() {
    for (n, r, v, b) in [(5, 3, 3, 1), (4, 3, 3, 1)] {
        assert!(disagreements(n, r, v, b, 4000) > 0, "n = {n}, r = {r}, v = {v}, b = {b}");
    }
}
