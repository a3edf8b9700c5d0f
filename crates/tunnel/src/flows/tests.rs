//! The table against a list that is searched from end to end.

use std::collections::HashMap;
use std::sync::LazyLock;

use policy::{Caller, Permit, Request, Target, Transport};
use proptest::prelude::*;

use super::*;
use crate::course::{Course, Toward};
use crate::flow::{Kind, NO_SESSION, Road, Traffic};
use crate::links::NONE;
use crate::testing::{icmp, policy, tcp, udp};

/// Seconds of TCP, UDP and ICMP.
const TIMEOUTS: [u32; 3] = [40, 20, 10];

fn timeouts(of: [u32; 3]) -> FlowTimeouts {
    let [tcp, udp, brief] = of.map(|seconds| Duration::from_secs(seconds.into()));
    FlowTimeouts { tcp, udp, brief, closing: Duration::from_secs(1) }
}

fn key(number: u16) -> FlowKey {
    let (from, to) = (format!("10.2.0.1:{}", 1000 + number), "192.0.2.10:443");
    let packet = match number % 3 {
        0 => tcp(&from, to, 2, &[]),
        1 => udp(&from, to, &[]),
        _ => {
            let [high, low] = number.to_be_bytes();
            icmp("10.2.0.1", "192.0.2.10", [8, 0], [high, low, 0, 0], &[])
        }
    };
    match FlowKey::inbound(&packet::Headers::parse(&packet).unwrap(), &packet) {
        Kind::Of(key) => key,
        Kind::About(_) | Kind::Foreign | Kind::Stray => unreachable!(),
    }
}

/// As a TCP connection, or a conversation, that was answered.
fn flow(number: u16, entry: u32) -> Flow {
    let mut course = Course::default();
    for (toward, flags) in [(Toward::System, 2), (Toward::Client, 18), (Toward::System, 16)] {
        let packet = match number % 3 {
            0 => tcp("10.2.0.1:1", "192.0.2.10:443", flags, &[]),
            _ => udp("10.2.0.1:1", "192.0.2.10:443", &[]),
        };
        course.note(toward, &packet::Headers::parse(&packet).unwrap().transport);
    }
    let traffic = Traffic::default();
    let session = NO_SESSION;
    Flow {
        road: Road::IpVpn,
        session,
        epoch: 1,
        recheck_at: 0,
        traffic,
        course,
        entry,
        permit: permit(number),
    }
}

/// Of one institution or the other.
fn permit(number: u16) -> Permit {
    static BOTH: LazyLock<[Permit; 2]> = LazyLock::new(|| {
        let policy = policy(1, |_| {});
        ["pc-1", "pc-3"].map(|terminal| {
            let address = "192.0.2.10".parse().unwrap();
            let target = Target::Address { address, transport: Transport::Udp, port: 53 };
            let caller = Caller::IpsecIdentity(terminal);
            policy.authorize(&Request { caller, target, now: 0 }).unwrap()
        })
    });
    BOTH[usize::from(number % 2)].clone()
}

/// Flows in the order of their last packet, the oldest first.
#[derive(Default)]
struct Model {
    flows: Vec<(u16, u32, u32)>,
    timeouts: [u32; 3],
}

impl Model {
    fn timeout(&self, number: u16) -> u32 {
        self.timeouts[usize::from(number % 3)]
    }

    fn has(&self, number: u16) -> bool {
        self.flows.iter().any(|&(other, ..)| other == number)
    }

    fn take(&mut self, number: u16) -> Option<(u16, u32, u32)> {
        let at = self.flows.iter().position(|&(other, ..)| other == number)?;
        Some(self.flows.remove(at))
    }

    /// Within a second the order does not matter, and stays.
    fn touch(&mut self, number: u16, seconds: u32) -> Option<u32> {
        let known = self.flows.iter().find(|&&(other, seen, _)| other == number && seen == seconds);
        if let Some((.., entry)) = known {
            return Some(*entry);
        }
        let (number, _, entry) = self.take(number)?;
        self.flows.push((number, seconds, entry));
        Some(entry)
    }

    /// The longest silent ones of those institutions that have most.
    fn of_the_largest(&self) -> Vec<u16> {
        let of = |side: u16| self.flows.iter().filter(move |(number, ..)| number % 2 == side);
        let most = of(0).count().max(of(1).count());
        let largest = [0, 1].into_iter().filter(|&side| of(side).count() == most);
        largest.filter_map(|side| of(side).next()).map(|(number, ..)| *number).collect()
    }
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u16),
    Touch(u16),
    Remove(u16),
    Pass(u32),
    Expire,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let number = 0..14_u16;
    let step = prop_oneof![
        4 => number.clone().prop_map(Step::Insert),
        4 => number.clone().prop_map(Step::Touch),
        2 => number.prop_map(Step::Remove),
        2 => (0..8_u32).prop_map(Step::Pass),
        1 => Just(Step::Expire),
    ];
    prop::collection::vec(step, 0..120)
}

/// Queues, index and free places say the same.
fn check(flows: &Flows, model: &Model) {
    let mut queued = HashMap::new();
    for (kind, queue) in flows.queues.iter().enumerate() {
        let (mut at, mut previous, mut seen) = (queue.list.first, NONE, 0);
        while at != NONE {
            let slot = &flows.slots[at as usize];
            assert_eq!((slot.by_time.previous, slot.pace as usize), (previous, kind));
            assert!(slot.seen >= seen && slot.flow.is_some());
            queued.insert(at, slot.key);
            (seen, previous, at) = (slot.seen, at, slot.by_time.next);
        }
        assert_eq!(queue.list.last, previous);
    }
    assert_eq!((queued.len(), flows.len()), (model.flows.len(), model.flows.len()));
    assert_eq!(queued.len() + flows.free.len(), flows.slots.len());
    for &(number, seen, entry) in &model.flows {
        let at = flows.find(&key(number)).expect("it is in the table");
        assert_eq!(queued[&at.0], key(number));
        assert_eq!(flows.slots[at.0 as usize].seen, seen);
        assert_eq!(flows.at(at).map(|flow| flow.entry), Some(entry));
    }
}

fn insert(flows: &mut Flows, number: u16, entry: u32, at: u32) -> (FlowRef, Option<Flow>) {
    flows.insert(key(number), flow(number, entry), at)
}

fn follow(steps: Vec<Step>, capacity: usize, of: [u32; 3]) {
    let mut flows = Flows::new(capacity, timeouts(of), 7);
    let mut model = Model { flows: Vec::new(), timeouts: of };
    let (mut seconds, mut entry) = (0, 0);
    for step in steps {
        match step {
            Step::Insert(number) if model.has(number) => {}
            Step::Insert(number) => {
                entry += 1;
                let full = model.flows.len() == capacity;
                let (at, evicted) = insert(&mut flows, number, entry, seconds);
                assert!(flows.is(at, &key(number)));
                assert_eq!(evicted.is_some(), full);
                if let Some(evicted) = evicted {
                    let of_it = |&&(.., other): &&(u16, u32, u32)| other == evicted.entry;
                    let number = model.flows.iter().find(of_it).expect("it was there").0;
                    assert!(model.of_the_largest().contains(&number), "not the silent one");
                    model.take(number);
                }
                model.flows.push((number, seconds, entry));
            }
            Step::Touch(number) => {
                let at = flows.find(&key(number));
                assert_eq!(at.is_some(), model.has(number));
                if let Some(at) = at {
                    let entry = model.touch(number, seconds);
                    assert_eq!(flows.touch(at, seconds).map(|flow| flow.entry), entry);
                }
            }
            Step::Remove(number) => {
                let known = model.take(number);
                if let Some(at) = flows.find(&key(number)) {
                    let removed = flows.remove(at).map(|flow| flow.entry);
                    assert_eq!(removed, known.map(|(.., entry)| entry));
                    // What is gone changes nothing any more.
                    assert!(flows.remove(at).is_none() && flows.touch(at, seconds + 1).is_none());
                }
            }
            Step::Pass(more) => seconds += more,
            Step::Expire => {
                while let Some(flow) = flows.expire(seconds) {
                    let at = model.flows.iter().position(|(.., other)| *other == flow.entry);
                    let (number, seen, _) = model.flows.remove(at.expect("it was there"));
                    assert!(seconds - seen >= model.timeout(number));
                }
                for &(number, seen, _) in &model.flows {
                    assert!(seconds - seen < model.timeout(number));
                }
            }
        }
        check(&flows, &model);
    }
    assert!(flows.slots.len() <= capacity);
}

proptest! {
    #[test]
    fn is_what_a_list_would_be(steps in steps(), capacity in 1..9_usize) {
        follow(steps, capacity, TIMEOUTS);
    }

    /// Time-outs of months do not keep the table from making room.
    #[test]
    fn holds_its_capacity_whatever_the_timeouts(steps in steps(), capacity in 1..5_usize) {
        follow(steps, capacity, [u32::MAX, 1_500_000, 2_000_000]);
    }
}

/// All memory is taken at the start, and flows that come and go do not use it up.
#[test]
fn does_not_grow() {
    let mut flows = Flows::new(100, timeouts(TIMEOUTS), 7);
    let (slots, index) = (flows.slots.capacity(), flows.index.allocation_size());
    for number in 0..3000 {
        insert(&mut flows, number, 1, u32::from(number));
    }
    assert_eq!((flows.slots.capacity(), flows.index.allocation_size()), (slots, index));
    assert_eq!(flows.len(), 100);
}
