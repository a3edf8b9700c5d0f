//! The flow table: found in a step or two, bounded, forgotten in the order of their last packet.
//!
//! All memory is taken at the start: a table that grows would stop the worker while it does.

use std::hash::BuildHasher as _;
use std::time::Duration;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use policy::InstitutionCode;

use crate::course::Pace;
use crate::flow::{Flow, FlowKey};
use crate::links::{Links, List};
use crate::shares::Shares;

/// How long a flow without packets is remembered.
#[derive(Clone, Copy, Debug)]
pub struct FlowTimeouts {
    /// TCP, once it is established.
    pub tcp: Duration,
    /// UDP that was answered.
    pub udp: Duration,
    /// ICMP echo, and what nobody has answered.
    pub brief: Duration,
    /// TCP after its end, for what was sent twice.
    pub closing: Duration,
}

impl Default for FlowTimeouts {
    /// TCP: an hour, as firewalls have it. UDP: more than the two minutes of RFC 4787 §4.3.
    fn default() -> Self {
        Self {
            tcp: Duration::from_secs(3600),
            udp: Duration::from_secs(180),
            brief: Duration::from_secs(30),
            closing: Duration::from_secs(3),
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
    pace: Pace,
    /// Among all of its pace, by their last packet.
    by_time: Links,
    /// Whose it is.
    share: u32,
    /// Among its institution's, by their last packet.
    by_share: Links,
    flow: Option<Flow>,
}

/// Flows of one time-out, by their last packet: the one that was silent longest is first.
#[derive(Clone, Copy, Debug)]
struct Queue {
    list: List,
    timeout: u32,
}

/// The table of one worker.
#[derive(Debug)]
pub(crate) struct Flows {
    index: HashTable<u32>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    queues: [Queue; 4],
    shares: Shares,
    hasher: FixedState,
    capacity: usize,
}

impl Flows {
    /// Room for `capacity` flows. `seed` must be unpredictable: peers choose what is hashed.
    pub(crate) fn new(capacity: usize, timeouts: FlowTimeouts, seed: u64) -> Self {
        let queue = |timeout: Duration| Queue {
            list: List::default(),
            timeout: u32::try_from(timeout.as_secs()).unwrap_or(u32::MAX),
        };
        let FlowTimeouts { tcp, udp, brief, closing } = timeouts;
        Self {
            // Twice as much: half empty, it drops the marks that removed ones leave where it is,
            // and has few; fuller, it would grow because of them.
            index: HashTable::with_capacity(capacity.saturating_mul(2)),
            slots: Vec::with_capacity(capacity),
            free: Vec::with_capacity(capacity),
            queues: [queue(tcp), queue(udp), queue(brief), queue(closing)],
            shares: Shares::default(),
            hasher: FixedState::with_seed(seed),
            capacity: capacity.max(1),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// How many an institution has.
    pub(crate) fn of(&self, institution: &InstitutionCode) -> u32 {
        self.shares.of(institution)
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
            self.unlink(at.0);
            self.append(at.0);
        }
        self.slots.get_mut(at.0 as usize)?.flow.as_mut()
    }

    /// The flow's time-out is another from now on, if its course says so.
    pub(crate) fn repace(&mut self, at: FlowRef) {
        let Some(slot) = self.slots.get(at.0 as usize) else { return };
        let Some(flow) = &slot.flow else { return };
        let pace = flow.course.pace(slot.key.protocol());
        if slot.pace != pace {
            self.unlink(at.0);
            if let Some(slot) = self.slots.get_mut(at.0 as usize) {
                slot.pace = pace;
            }
            self.append(at.0);
        }
    }

    pub(crate) fn key(&self, at: FlowRef) -> Option<&FlowKey> {
        self.slots.get(at.0 as usize).map(|slot| &slot.key)
    }

    pub(crate) fn at(&self, at: FlowRef) -> Option<&Flow> {
        self.slots.get(at.0 as usize)?.flow.as_ref()
    }

    pub(crate) fn at_mut(&mut self, at: FlowRef) -> Option<&mut Flow> {
        self.slots.get_mut(at.0 as usize)?.flow.as_mut()
    }

    /// Places that are or were taken; each of [`Self::place`] below it.
    pub(crate) fn places(&self) -> u32 {
        self.slots.len() as u32
    }

    /// What is at a place: its flow, and when its last packet came.
    pub(crate) fn place(&self, place: u32) -> Option<(FlowRef, &FlowKey, &Flow, u32)> {
        let slot = self.slots.get(place as usize)?;
        Some((FlowRef(place), &slot.key, slot.flow.as_ref()?, slot.seen))
    }

    /// Adds a flow that is not there. When all places are taken, one of whoever has most makes
    /// room, and is returned: that which was silent longest.
    pub(crate) fn insert(
        &mut self,
        key: FlowKey,
        flow: Flow,
        seconds: u32,
    ) -> (FlowRef, Option<Flow>) {
        let evicted = if self.len() >= self.capacity { self.evict() } else { None };
        let pace = flow.course.pace(key.protocol());
        let share = self.shares.join(flow.permit.institution());
        let (by_time, by_share) = (Links::default(), Links::default());
        let slot = Slot { key, seen: seconds, pace, by_time, share, by_share, flow: Some(flow) };
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
        self.append(at);
        (FlowRef(at), evicted)
    }

    /// Forgets a flow.
    pub(crate) fn remove(&mut self, at: FlowRef) -> Option<Flow> {
        let slot = self.slots.get_mut(at.0 as usize)?;
        let flow = slot.flow.take()?;
        let (key, share) = (slot.key, slot.share);
        let entry = self.index.find_entry(self.hasher.hash_one(key), |&slot| slot == at.0);
        if let Ok(entry) = entry {
            entry.remove();
        }
        self.unlink(at.0);
        self.shares.leave(share);
        self.free.push(at.0);
        Some(flow)
    }

    /// Forgets one flow whose time is over.
    pub(crate) fn expire(&mut self, seconds: u32) -> Option<Flow> {
        let over = self.queues.iter().find_map(|queue| {
            let slot = self.slots.get(queue.list.first as usize)?;
            (seconds.saturating_sub(slot.seen) >= queue.timeout).then_some(queue.list.first)
        })?;
        self.remove(FlowRef(over))
    }

    /// So that who has many flows takes no place from who has few.
    fn evict(&mut self) -> Option<Flow> {
        let first = self.shares.largest()?.first;
        self.remove(FlowRef(first))
    }

    fn unlink(&mut self, at: u32) {
        let Self { slots, queues, shares, .. } = self;
        let Some(slot) = slots.get(at as usize) else { return };
        let (pace, share) = (slot.pace, slot.share);
        if let Some(queue) = queues.get_mut(pace as usize) {
            queue.list.unlink(slots, at, |slot| &mut slot.by_time);
        }
        if let Some(list) = shares.list(share) {
            list.unlink(slots, at, |slot| &mut slot.by_share);
        }
    }

    fn append(&mut self, at: u32) {
        let Self { slots, queues, shares, .. } = self;
        let Some(slot) = slots.get(at as usize) else { return };
        let (pace, share) = (slot.pace, slot.share);
        if let Some(queue) = queues.get_mut(pace as usize) {
            queue.list.append(slots, at, |slot| &mut slot.by_time);
        }
        if let Some(list) = shares.list(share) {
            list.append(slots, at, |slot| &mut slot.by_share);
        }
    }
}

#[cfg(test)]
mod tests;
