//! The event queue: a binary heap of packed keys over a slab of payloads.
//!
//! A key is one `u128`: time (64 bits), sequence number (40 bits), slot of the payload (24 bits). Events of the same
//! time are popped in the order in which they were pushed. The heap moves only keys, payloads stay in place, and freed
//! slots are reused, so that nothing is allocated once the queue has reached its size.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::base::time::Time;

const SLOT_BITS: u32 = 24;
const SEQUENCE_BITS: u32 = 40;

/// Events in the order of their time.
#[derive(Debug)]
pub struct Queue<T> {
    heap: BinaryHeap<Reverse<u128>>,
    slab: Vec<Option<T>>,
    free: Vec<u32>,
    sequence: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Queue { heap: BinaryHeap::new(), slab: Vec::new(), free: Vec::new(), sequence: 0 }
    }
}

impl<T> Queue<T> {
    /// Forgets all events; keeps its allocations.
    pub fn clear(&mut self) {
        self.heap.clear();
        self.slab.clear();
        self.free.clear();
        self.sequence = 0;
    }

    /// How many events wait.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether no event waits.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// Puts in an event that is due at `time`.
    ///
    /// # Panics
    /// With 2^24 events waiting, or after 2^40 events since the last `clear`: a world stops long before either.
    #[inline]
    pub fn push(&mut self, time: Time, event: T) {
        let slot = if let Some(slot) = self.free.pop() {
            self.slab[slot as usize] = Some(event);
            slot
        } else {
            assert!(self.slab.len() < 1 << SLOT_BITS, "the event queue is full");
            self.slab.push(Some(event));
            self.slab.len() as u32 - 1
        };
        assert!(self.sequence < 1 << SEQUENCE_BITS, "the event queue ran out of sequence numbers");
        let low = self.sequence << SLOT_BITS | u64::from(slot);
        self.heap.push(Reverse(u128::from(time) << 64 | u128::from(low)));
        self.sequence += 1;
    }

    /// Takes out the event that is due first.
    #[inline]
    pub fn pop(&mut self) -> Option<(Time, T)> {
        let Reverse(key) = self.heap.pop()?;
        let slot = key as u32 & ((1 << SLOT_BITS) - 1);
        let event = self.slab[slot as usize].take();
        debug_assert!(event.is_some(), "a key without a payload");
        self.free.push(slot);
        event.map(|event| ((key >> 64) as Time, event))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn events_of_the_same_time_come_out_as_they_were_pushed() {
        let mut queue = Queue::default();
        for (time, name) in [(5, 'c'), (1, 'a'), (5, 'd'), (1, 'b')] {
            queue.push(time, name);
        }
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, [(1, 'a'), (1, 'b'), (5, 'c'), (5, 'd')]);
    }

    #[test]
    fn slots_are_used_again() {
        let mut queue = Queue::default();
        for time in 0..1000 {
            queue.push(time, time);
            queue.push(time + 3, time);
            queue.pop();
            queue.pop();
        }
        assert!(queue.is_empty());
        assert!(queue.slab.len() <= 4);
        queue.push(u64::MAX, 7);
        assert_eq!(queue.pop(), Some((u64::MAX, 7)));
    }

    proptest! {
        #[test]
        fn the_queue_sorts_like_a_stable_sort(steps in prop::collection::vec((0_u64..20, any::<bool>()), 0..200)) {
            let mut queue = Queue::default();
            let mut waiting: Vec<(Time, usize)> = Vec::new();
            for (number, (time, pop)) in steps.into_iter().enumerate() {
                if pop {
                    let first = waiting.iter().copied().min();
                    waiting.retain(|event| Some(*event) != first);
                    prop_assert_eq!(queue.pop(), first);
                } else {
                    queue.push(time, number);
                    waiting.push((time, number));
                }
                prop_assert_eq!(queue.len(), waiting.len());
            }
            waiting.sort_unstable();
            prop_assert_eq!(std::iter::from_fn(|| queue.pop()).collect::<Vec<_>>(), waiting);
        }
    }
}
