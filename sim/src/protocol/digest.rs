//! The words that a trace's digest takes in for each field of an observation.

use crate::base::ids::{ClientId, ReplicaId, ReplicaSet};
use crate::config::workload::{Answer, Operation, OperationKind};
use crate::protocol::fault::Fault;
use crate::protocol::lie::{Field, How, LieClass};
use crate::protocol::message::{EntryHash, MessageKind};
use crate::protocol::reason::{DropReason, RejectReason, SkipReason, Status};

/// A field that fits into one word.
pub(crate) trait Word: Copy {
    /// The word.
    fn word(self) -> u64;
}

/// A type that an observation can have fields of.
pub(crate) trait Digested: Copy {
    /// Hands out the words, in pairs.
    fn pairs(self, pair: &mut impl FnMut(u64, u64));

    /// A few values, each of which has a digest of its own.
    #[cfg(test)]
    fn samples() -> Vec<Self>;
}

/// A field as one word.
#[inline]
pub(crate) fn word(field: impl Word) -> u64 {
    field.word()
}

/// The lower and the upper half of a hash.
#[inline]
pub(crate) fn halves(hash: EntryHash) -> (u64, u64) {
    (hash as u64, (hash >> 64) as u64)
}

/// What a client asks for; zeros for nothing.
#[inline]
pub(crate) fn operation_words(operation: impl Into<Option<Operation>>) -> (u64, u64) {
    let Some(Operation { tenant, kind }) = operation.into() else { return (0, 0) };
    let (tag, place, number) = match kind {
        OperationKind::Put { key, value } => (1, key, value),
        OperationKind::Get { key } => (2, key, 0),
        OperationKind::GetAsOf { key, position } => (3, key, position),
        OperationKind::Append { stream, value } => (4, stream, value),
        OperationKind::Read { stream, index } => (5, stream, index),
    };
    (tag | u64::from(tenant) << 8 | u64::from(place) << 24, number)
}

macro_rules! words {
    ($($type:ty: |$value:ident| $word:expr, $samples:expr;)*) => {
        $(
            impl Word for $type {
                #[inline]
                fn word(self) -> u64 {
                    let $value = self;
                    $word
                }
            }

            impl Digested for $type {
                #[inline]
                fn pairs(self, pair: &mut impl FnMut(u64, u64)) {
                    pair(self.word(), 0);
                }

                #[cfg(test)]
                fn samples() -> Vec<Self> {
                    $samples.to_vec()
                }
            }
        )*
    };
}

words! {
    bool: |value| u64::from(value), [false, true];
    u8: |value| u64::from(value), [0, 1, 255];
    u32: |value| u64::from(value), [0, 1, u32::MAX];
    u64: |value| value, [0, 1, u64::MAX];
    i64: |value| value as u64, [0, 1, -1];
    ReplicaId: |value| u64::from(value.0), [ReplicaId(0), ReplicaId(1)];
    ClientId: |value| u64::from(value.0), [ClientId(0), ClientId(1)];
    ReplicaSet: |value| u64::from(value.0), [ReplicaSet(0), ReplicaSet(1), ReplicaSet(255)];
    MessageKind: |value| value as u64, [MessageKind::Prepare, MessageKind::Commit];
    Status: |value| value as u64, [Status::Normal, Status::ViewChange];
    DropReason: |value| value as u64, [DropReason::Lost, DropReason::Cut];
    RejectReason: |value| value as u64, [RejectReason::OldView, RejectReason::Busy];
    SkipReason: |value| value as u64, [SkipReason::TooMuchDamage, SkipReason::NoLiar];
    Fault: |value| value as u64, [Fault::Partition, Fault::Cut];
    Field: |value| value as u64, [Field::Op, Field::View];
    How: |value| value as u64, [How::Huge, How::Zero];
    LieClass: |value| value as u64, [LieClass::FalseClaim, LieClass::Equivocation];
}

impl Digested for EntryHash {
    #[inline]
    fn pairs(self, pair: &mut impl FnMut(u64, u64)) {
        let (lower, upper) = halves(self);
        pair(lower, upper);
    }

    #[cfg(test)]
    fn samples() -> Vec<Self> {
        vec![0, 1, 1 << 64]
    }
}

impl Digested for Answer {
    #[inline]
    fn pairs(self, pair: &mut impl FnMut(u64, u64)) {
        pair(self.position, self.version);
        pair(self.value, 0);
    }

    #[cfg(test)]
    fn samples() -> Vec<Self> {
        let answer = |position, version, value| Answer { position, version, value };
        vec![answer(0, 0, 0), answer(1, 0, 0), answer(0, 1, 0), answer(0, 0, 1)]
    }
}

impl Digested for Operation {
    #[inline]
    fn pairs(self, pair: &mut impl FnMut(u64, u64)) {
        let (x, y) = operation_words(self);
        pair(x, y);
    }

    #[cfg(test)]
    fn samples() -> Vec<Self> {
        let kinds = [
            OperationKind::Put { key: 0, value: 0 },
            OperationKind::Put { key: 1, value: 0 },
            OperationKind::Put { key: 0, value: 1 },
            OperationKind::Get { key: 0 },
            OperationKind::GetAsOf { key: 0, position: 0 },
            OperationKind::GetAsOf { key: 0, position: 1 },
            OperationKind::Append { stream: 0, value: 0 },
            OperationKind::Append { stream: 1, value: 0 },
            OperationKind::Read { stream: 0, index: 0 },
            OperationKind::Read { stream: 0, index: 1 },
        ];
        let other = Operation { tenant: 1, kind: kinds[0] };
        kinds.map(|kind| Operation { tenant: 0, kind }).into_iter().chain([other]).collect()
    }
}

impl Digested for Option<Operation> {
    #[inline]
    fn pairs(self, pair: &mut impl FnMut(u64, u64)) {
        let (x, y) = operation_words(self);
        pair(x, y);
    }

    #[cfg(test)]
    fn samples() -> Vec<Self> {
        let some = Operation::samples().into_iter().map(Some);
        [None].into_iter().chain(some).collect()
    }
}
