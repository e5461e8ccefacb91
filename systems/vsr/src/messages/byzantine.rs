//! The lies of a Byzantine replica: one field of a message is changed, and the message is signed again with the liar's
//! own key.
//!
//! A forged entry is one that the liar could have signed as the primary of an earlier view. It is forged only for views
//! that the liar never led and for positions that it has not signed. Anything else would be equivocation, which
//! Viewstamped Replication does not promise to survive.

use std::rc::Rc;

use sim::{EntryHash, Field, How, Liar, Lie, LieClass, ReplicaId, Request};

use crate::log::entry::{Entry, Place};
use crate::log::signature::sign;
use crate::messages::message::{Body, CommitClaim, DoViewChange, Message, StartView};

/// The changed message and the class of the lie; `None` if the lie does not apply to the message.
pub fn tamper(message: &Message, lie: Lie, liar: &mut Liar) -> Option<(Message, LieClass)> {
    match lie.field {
        Field::Sender => {
            // The id of a neighbour, but the liar's signature.
            let from = ReplicaId(liar.id.0 ^ 1);
            return Some((Message { from, ..message.clone() }, LieClass::Contradiction));
        }
        Field::Signature => {
            let flip = 1 << (lie.amount % 128);
            return Some((Message { signature: message.signature ^ flip, ..message.clone() }, LieClass::Contradiction));
        }
        _ => {}
    }
    let (body, class) = match &message.body {
        Body::Prepare { view, commit, entry } => prepare(*view, commit, entry, lie, liar),
        Body::PrepareOk { view, op, hash } => prepare_ok(*view, *op, *hash, lie),
        Body::Commit { view, commit, op } => commit_message(*view, commit, *op, lie),
        Body::StartViewChange { view, entered, votes, configuration } => {
            let view = (lie.field == Field::View).then(|| lie.number(*view)).flatten()?;
            let (entered, votes, configuration) = (*entered, votes.clone(), *configuration);
            Some((Body::StartViewChange { view, entered, votes, configuration }, LieClass::FalseClaim))
        }
        Body::DoViewChange(body) => {
            let (body, class) = do_view_change(body, lie, liar)?;
            Some((Body::DoViewChange(Rc::new(body)), class))
        }
        Body::StartView(body) => {
            let (body, class) = start_view(body, lie, liar)?;
            Some((Body::StartView(Rc::new(body)), class))
        }
        Body::RequestStartView { view } => {
            let view = (lie.field == Field::View).then(|| lie.number(*view)).flatten()?;
            Some((Body::RequestStartView { view }, LieClass::FalseClaim))
        }
        Body::RequestRepair { view, from, to, number: asked } => {
            let (view, from, to) = match lie.field {
                Field::View => (lie.number(*view)?, *from, *to),
                Field::RangeStart => (*view, lie.number(*from)?, *to),
                Field::RangeEnd => (*view, *from, lie.number(*to)?),
                _ => return None,
            };
            Some((Body::RequestRepair { view, from, to, number: *asked }, LieClass::Contradiction))
        }
        Body::Repair { view, number: asked, entries } => {
            let (view, entries) = if lie.field == Field::View {
                (lie.number(*view)?, entries.to_vec())
            } else {
                (*view, entry_list(entries, lie, liar, *view)?.0)
            };
            // Entries that do not follow from the receiver's log have the effect of a lost message.
            Some((Body::Repair { view, number: *asked, entries: entries.into() }, LieClass::Contradiction))
        }
        // No plan contains a lie about these messages. Checkpoints exist only in clusters without liars.
        Body::Ping { .. }
        | Body::Pong { .. }
        | Body::Forward { .. }
        | Body::RequestContent { .. }
        | Body::Content { .. }
        | Body::Nack { .. }
        | Body::RequestState { .. }
        | Body::State(_) => None,
    }?;
    let signature = if message.signature == 0 { 0 } else { sign(&liar.key, &body.statement(message.from)) };
    Some((Message { from: message.from, body, signature }, class))
}

fn prepare(view: u64, commit: &CommitClaim, entry: &Rc<Entry>, lie: Lie, liar: &Liar) -> Option<(Body, LieClass)> {
    let request = entry.request.clone()?;
    let same = |entry: Entry| Body::Prepare { view, commit: commit.clone(), entry: Rc::new(entry) };
    Some(match lie.field {
        Field::View => (
            Body::Prepare { view: lie.number(view)?, commit: commit.clone(), entry: entry.clone() },
            LieClass::Contradiction,
        ),
        Field::Commit => {
            let commit = CommitClaim { op: lie.number(commit.op)?, ..commit.clone() };
            (Body::Prepare { view, commit, entry: entry.clone() }, LieClass::FalseClaim)
        }
        Field::EntryView => {
            let place = Place { view: lie.number(entry.view)?, ..entry.place() };
            let lied = Entry::forged(place, entry.timestamp, request, &liar.key);
            (same(lied), LieClass::Contradiction)
        }
        Field::EntryHash => (same(entry.with_hash(entry.hash ^ 1 << lie.amount)), LieClass::Contradiction),
        Field::Command => {
            let mut payload = request.payload.to_vec();
            // A non-zero reserved byte, or any byte in a registration: no replica may accept such a command.
            let byte = lie.amount.max(1);
            match payload.get_mut(1) {
                Some(reserved) => *reserved = byte,
                None => payload.push(byte),
            }
            let request = Request { payload: payload.into(), ..request };
            let lied = Entry::forged(entry.place(), entry.timestamp, request, &liar.key);
            (same(lied), LieClass::Contradiction)
        }
        Field::Op => {
            // The parent is not the entry before the other position, so no correct replica appends it there.
            let place = Place { op: lie.number(entry.op)?, ..entry.place() };
            let lied = Entry::forged(place, entry.timestamp, request, &liar.key);
            (same(lied), LieClass::Contradiction)
        }
        _ => return None,
    })
}

fn prepare_ok(view: u64, op: u64, hash: EntryHash, lie: Lie) -> Option<(Body, LieClass)> {
    let body = match lie.field {
        Field::View => Body::PrepareOk { view: lie.number(view)?, op, hash },
        Field::Op => Body::PrepareOk { view, op: lie.number(op)?, hash },
        Field::EntryHash => Body::PrepareOk { view, op, hash: hash ^ 1 << lie.amount },
        _ => return None,
    };
    Some((body, LieClass::FalseClaim))
}

fn commit_message(view: u64, commit: &CommitClaim, op: u64, lie: Lie) -> Option<(Body, LieClass)> {
    let body = match lie.field {
        Field::View => Body::Commit { view: lie.number(view)?, commit: commit.clone(), op },
        Field::Op => Body::Commit { view, commit: commit.clone(), op: lie.number(op)? },
        Field::Commit => {
            Body::Commit { view, commit: CommitClaim { op: lie.number(commit.op)?, ..commit.clone() }, op }
        }
        _ => return None,
    };
    Some((body, LieClass::FalseClaim))
}

fn do_view_change(body: &DoViewChange, lie: Lie, liar: &mut Liar) -> Option<(DoViewChange, LieClass)> {
    let body = body.clone();
    Some(match lie.field {
        Field::View => (DoViewChange { view: lie.number(body.view)?, ..body }, LieClass::FalseClaim),
        Field::Commit => {
            let commit = lie.number(body.commit)?;
            let class = if commit > body.op { LieClass::Contradiction } else { LieClass::FalseClaim };
            (DoViewChange { commit, ..body }, class)
        }
        Field::LastNormalView => {
            let last_normal = lie.number(body.last_normal)?;
            let class = if last_normal >= body.view { LieClass::Contradiction } else { LieClass::FalseClaim };
            (DoViewChange { last_normal, ..body }, class)
        }
        Field::Op | Field::TailLength => (DoViewChange { op: lie.number(body.op)?, ..body }, LieClass::Contradiction),
        _ => {
            // If no entry can be forged for the sender's last normal view or an earlier one, the sender claims a later
            // last normal view.
            let (log, class) = match entry_list(&body.log, lie, liar, body.last_normal) {
                Some(lied) => lied,
                None => entry_list(&body.log, lie, liar, body.view.saturating_sub(1))?,
            };
            let op = log.len() as u64;
            let last_normal = body.last_normal.max(log.last().map_or(0, |entry| entry.view));
            (DoViewChange { op, last_normal, commit: body.commit.min(op), log: log.into(), ..body }, class)
        }
    })
}

fn start_view(body: &StartView, lie: Lie, liar: &mut Liar) -> Option<(StartView, LieClass)> {
    let body = body.clone();
    Some(match lie.field {
        Field::View => (StartView { view: lie.number(body.view)?, ..body }, LieClass::Contradiction),
        Field::Commit => {
            let commit = CommitClaim { op: lie.number(body.commit.op)?, ..body.commit };
            (StartView { commit, ..body }, LieClass::Contradiction)
        }
        Field::Op | Field::TailLength => (StartView { op: lie.number(body.op)?, ..body }, LieClass::Contradiction),
        Field::Reasons => {
            let keep = match lie.how {
                How::Truncate => body.reasons.len().saturating_sub(lie.amount.max(1).into()),
                How::Zero => 0,
                _ => return None,
            };
            (StartView { reasons: body.reasons[..keep].into(), ..body }, LieClass::Contradiction)
        }
        Field::Tail if lie.how == How::Huge => (StartView { padding: 10 << 30, ..body }, LieClass::Contradiction),
        _ => {
            let (log, _) = entry_list(&body.log, lie, liar, body.view.saturating_sub(1))?;
            let op = log.len() as u64;
            let commit = CommitClaim { op: body.commit.op.min(op), ..body.commit };
            let start_op = body.start_op.min(op);
            // A receiver rejects what does not follow from the reasons. What does follow is a true but older state of
            // the view.
            (StartView { op, commit, start_op, log: log.into(), ..body }, LieClass::FalseClaim)
        }
    })
}

/// A list of entries changed by the lie: shorter, longer, with a forged last entry, or with a wrong hash. Entries are
/// forged for views up to `view_max`.
fn entry_list(log: &[Rc<Entry>], lie: Lie, liar: &mut Liar, view_max: u64) -> Option<(Vec<Rc<Entry>>, LieClass)> {
    let mut log = log.to_vec();
    let amount = usize::from(lie.amount.max(1));
    if lie.field == Field::EntryHash {
        let index = log.len().checked_sub(amount)?;
        log[index] = Rc::new(log[index].with_hash(log[index].hash ^ 1));
        return Some((log, LieClass::Contradiction));
    }
    if lie.field != Field::Tail {
        return None;
    }
    match lie.how {
        How::Truncate if !log.is_empty() => log.truncate(log.len().saturating_sub(amount)),
        How::Zero if !log.is_empty() => log.clear(),
        How::Forge => {
            let kept = log.len().checked_sub(amount)?;
            let replaced = log.split_off(kept);
            for entry in &replaced {
                forge(&mut log, entry, liar, view_max)?;
            }
        }
        How::Extend => {
            let pattern = log.last()?.clone();
            for _ in 0..amount.min(8) {
                forge(&mut log, &pattern, liar, view_max)?;
            }
        }
        _ => return None,
    }
    Some((log, LieClass::FalseClaim))
}

/// Appends an entry that the liar could have signed as the primary of an earlier view. The request is that of `pattern`
/// with another number.
fn forge(log: &mut Vec<Rc<Entry>>, pattern: &Entry, liar: &mut Liar, view_max: u64) -> Option<()> {
    let op = log.len() as u64 + 1;
    let (parent, view_min, before) = log.last().map_or((0, 0, 0), |entry| (entry.hash, entry.view, entry.timestamp));
    let mut request = pattern.request.clone()?;
    request.number += 1;
    for view in (view_min..=view_max).rev() {
        let own = liar.leads(view) && !liar.views_led.contains(&view);
        if !own {
            continue;
        }
        let entry = Entry::forged(Place { view, op, parent }, before + 1, request.clone(), &liar.key);
        let signed = liar.forged.iter().find(|(v, o, _)| (*v, *o) == (view, op)).map(|(_, _, hash)| *hash);
        if signed.is_none_or(|hash| hash == entry.hash) {
            if signed.is_none() {
                liar.forged.push((view, op, entry.hash));
            }
            log.push(Rc::new(entry));
            return Some(());
        }
    }
    None
}
