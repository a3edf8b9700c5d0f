//! The flow table: found in a step or two, bounded, forgotten in the order of their last packet.
//!
//! All memory is taken at the start: a table that grows would stop the worker while it does.

use std::hash::BuildHasher as _;
use std::time::Duration;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::flow::{Flow, FlowKey, protocol};

/// No slot.
const NONE: u32 = u32::MAX;

/// How long a flow without packets is remembered.
#[derive(Clone, Copy, Debug)]
pub struct FlowTimeouts {
    /// TCP.
    pub tcp: Duration,
    /// UDP.
    pub udp: Duration,
    /// ICMP echo.
    pub icmp: Duration,
}

impl Default for FlowTimeouts {
    /// TCP: an hour, as firewalls have it. UDP: more than the two minutes of RFC 4787 §4.3.
    fn default() -> Self {
        Self {
            tcp: Duration::from_secs(3600),
            udp: Duration::from_secs(180),
            icmp: Duration::from_secs(30),
        }
    }
}

/// A place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FlowRef(u32);

#[derive(Debug)]
struct Slot {
    key: FlowKey,
    /// Seconds since the table was made.
    seen: u32,
    previous: u32,
    next: u32,
    flow: Option<Flow>,
}

/// Flows of one time-out, by their last packet: the one that was silent longest is first.
#[derive(Clone, Copy, Debug)]
struct Queue {
    first: u32,
    last: u32,
    timeout: u32,
}

/// The table of one worker.
#[derive(Debug)]
pub(crate) struct Flows {
    index: HashTable<u32>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    queues: [Queue; 3],
    hasher: FixedState,
    capacity: usize,
}

impl Flows {
    /// Room for `capacity` flows. `seed` must be unpredictable: peers choose what is hashed.
    pub(crate) fn new(capacity: usize, timeouts: FlowTimeouts, seed: u64) -> Self {
        let queue = |timeout: Duration| Queue {
            first: NONE,
            last: NONE,
            timeout: u32::try_from(timeout.as_secs()).unwrap_or(u32::MAX),
        };
        Self {
            // Twice as much: half empty, it drops the marks that removed ones leave where it is,
            // and has few; fuller, it would grow because of them.
            index: HashTable::with_capacity(capacity.saturating_mul(2)),
            slots: Vec::with_capacity(capacity),
            free: Vec::with_capacity(capacity),
            queues: [queue(timeouts.tcp), queue(timeouts.udp), queue(timeouts.icmp)],
            hasher: FixedState::with_seed(seed),
            capacity: capacity.max(1),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    pub(crate) fn find(&self, key: &FlowKey) -> Option<FlowRef> {
        let holds = |&slot: &u32| self.slots.get(slot as usize).is_some_and(|one| one.key == *key);
        self.index.find(self.hasher.hash_one(key), holds).map(|&slot| FlowRef(slot))
    }

    /// Whether `at` still is the flow `key`.
    pub(crate) fn is(&self, at: FlowRef, key: &FlowKey) -> bool {
        self.slots.get(at.0 as usize).is_some_and(|slot| slot.key == *key && slot.flow.is_some())
    }

    /// The flow, whose packet came now: `seconds` since the table was made.
    pub(crate) fn touch(&mut self, at: FlowRef, seconds: u32) -> Option<&mut Flow> {
        let slot = self.slots.get_mut(at.0 as usize)?;
        slot.flow.as_ref()?;
        // The order matters to the second only; a busy flow is moved no more often.
        if slot.seen != seconds {
            slot.seen = seconds;
            let queue = queue_of(&slot.key);
            self.unlink(at.0, queue);
            self.append(at.0, queue);
        }
        self.slots.get_mut(at.0 as usize)?.flow.as_mut()
    }

    pub(crate) fn at(&self, at: FlowRef) -> Option<&Flow> {
        self.slots.get(at.0 as usize)?.flow.as_ref()
    }

    pub(crate) fn at_mut(&mut self, at: FlowRef) -> Option<&mut Flow> {
        self.slots.get_mut(at.0 as usize)?.flow.as_mut()
    }

    /// Adds a flow that is not there. When all places are taken, the one that was silent longest
    /// makes room, and is returned.
    pub(crate) fn insert(
        &mut self,
        key: FlowKey,
        flow: Flow,
        seconds: u32,
    ) -> (FlowRef, Option<Flow>) {
        let evicted = if self.len() >= self.capacity { self.evict(seconds) } else { None };
        let slot = Slot { key, seen: seconds, previous: NONE, next: NONE, flow: Some(flow) };
        let at = match self.free.pop() {
            Some(at) => {
                if let Some(place) = self.slots.get_mut(at as usize) {
                    *place = slot;
                }
                at
            }
            None => {
                self.slots.push(slot);
                (self.slots.len() - 1) as u32
            }
        };
        let (slots, hasher) = (&self.slots, &self.hasher);
        let rehash = |&at: &u32| slots.get(at as usize).map_or(0, |one| hasher.hash_one(one.key));
        self.index.insert_unique(hasher.hash_one(key), at, rehash);
        self.append(at, queue_of(&key));
        (FlowRef(at), evicted)
    }

    /// Forgets a flow.
    pub(crate) fn remove(&mut self, at: FlowRef) -> Option<Flow> {
        let slot = self.slots.get_mut(at.0 as usize)?;
        let flow = slot.flow.take()?;
        let key = slot.key;
        let entry = self.index.find_entry(self.hasher.hash_one(key), |&slot| slot == at.0);
        if let Ok(entry) = entry {
            entry.remove();
        }
        self.unlink(at.0, queue_of(&key));
        self.free.push(at.0);
        Some(flow)
    }

    /// Forgets one flow whose time is over.
    pub(crate) fn expire(&mut self, seconds: u32) -> Option<Flow> {
        let over = self.queues.iter().find_map(|queue| {
            let slot = self.slots.get(queue.first as usize)?;
            (seconds.saturating_sub(slot.seen) >= queue.timeout).then_some(queue.first)
        })?;
        self.remove(FlowRef(over))
    }

    /// Of each time-out's longest silent flow, the one that has used most of its time.
    fn evict(&mut self, seconds: u32) -> Option<Flow> {
        let used = |queue: &&Queue| {
            let silent = self
                .slots
                .get(queue.first as usize)
                .map_or(0, |slot| u64::from(seconds.saturating_sub(slot.seen)) + 1);
            silent * 1_000_000 / u64::from(queue.timeout.max(1))
        };
        let queues = self.queues.iter().filter(|queue| queue.first != NONE);
        let first = queues.max_by_key(used).map(|queue| queue.first)?;
        self.remove(FlowRef(first))
    }

    fn unlink(&mut self, at: u32, queue: usize) {
        let Some(slot) = self.slots.get_mut(at as usize) else { return };
        let (previous, next) = (slot.previous, slot.next);
        (slot.previous, slot.next) = (NONE, NONE);
        let Some(queue) = self.queues.get_mut(queue) else { return };
        match self.slots.get_mut(previous as usize) {
            Some(slot) => slot.next = next,
            None => queue.first = next,
        }
        match self.slots.get_mut(next as usize) {
            Some(slot) => slot.previous = previous,
            None => queue.last = previous,
        }
    }

    fn append(&mut self, at: u32, queue: usize) {
        let Some(queue) = self.queues.get_mut(queue) else { return };
        let last = std::mem::replace(&mut queue.last, at);
        match self.slots.get_mut(last as usize) {
            Some(slot) => slot.next = at,
            None => queue.first = at,
        }
        if let Some(slot) = self.slots.get_mut(at as usize) {
            slot.previous = last;
        }
    }
}

/// Which queue a flow waits in.
fn queue_of(key: &FlowKey) -> usize {
    match key.protocol() {
        protocol::TCP => 0,
        protocol::UDP => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests;
