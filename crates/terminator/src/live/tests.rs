//! The list while thousands come and go, and orders that race with ends.

use std::collections::HashSet;
use std::sync::Barrier;
use std::sync::atomic::AtomicBool;
use std::thread;

use connlog::ClockState;
use policy::{
    Caller, Certificate, Credential, Fingerprint, Institution, InstitutionKind, Networks, Policy,
    Request, Roster, Status, System, Target, Terminal, UtcOffset,
};

use super::*;

const FINGERPRINT: Fingerprint = Fingerprint([7; 32]);
const THREADS: usize = 4;
const EACH: usize = 2000;

fn permit() -> Permit {
    let system: SystemId = "plus".parse().unwrap();
    let certificate =
        Certificate { fingerprint: FINGERPRINT, not_before: 0, not_after: i64::MAX - 1 };
    let institution = Institution {
        code: "H1".parse().unwrap(),
        name: String::new(),
        kind: InstitutionKind::Hospital,
        status: Status::Active,
        networks: Networks::ALL,
        systems: vec![system.clone()],
        hours: None,
        ip_vpn_prefixes: Vec::new(),
        inner_prefixes: Vec::new(),
        within: Vec::new(),
    };
    let terminal = Terminal {
        name: "H1/pc-1".parse().unwrap(),
        status: Status::Active,
        credentials: vec![(Credential::Certificate(certificate), Status::Active)],
    };
    let systems = vec![System {
        id: system.clone(),
        name: String::new(),
        hosts: vec!["plus.example".to_owned()],
        destinations: Vec::new(),
        maintenance: Vec::new(),
    }];
    let roster = Roster { institutions: vec![institution], terminals: vec![terminal] };
    let policy = Policy::compile(1, UtcOffset::default(), systems, &roster).unwrap();
    let target = Target::System(&system);
    policy.authorize(&Request { caller: Caller::Tls(&FINGERPRINT), target, now: 1 }).unwrap()
}

fn opened() -> Timestamp {
    Timestamp { unix_micros: 5, offset_minutes: 0, clock: ClockState::Unknown }
}

/// One that says its number by its port and, twice, by what it has moved.
fn enter(live: &Arc<Live>, permit: &Permit, number: usize) -> Member {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&number.to_be_bytes());
    let id = ConnectionId::new(0, random);
    let source = ([192, 0, 2, 1], u16::try_from(number).unwrap()).into();
    let member = live.enter(id, source, permit, opened());
    let meter = member.meter();
    meter.connected();
    let bytes = number as u64;
    let traffic = Traffic { bytes_in: bytes, bytes_out: bytes, ..Traffic::default() };
    meter.moved(Instant::now(), traffic, false);
    member
}

fn dismissal(operator: usize) -> Dismissal {
    Dismissal { operator: operator.to_string().into(), words: None }
}

#[test]
fn the_list_is_right_while_thousands_come_and_go() {
    let (live, permit) = (Arc::<Live>::default(), permit());
    let kept: Vec<Member> = (1..=100).map(|number| enter(&live, &permit, number)).collect();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let comers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (live, permit) = (&live, &permit);
                scope.spawn(move || {
                    for round in 0..EACH {
                        let number = 1000 + thread * EACH + round;
                        assert_eq!(enter(live, permit, number).leave(), None);
                    }
                })
            })
            .collect();
        let looking = scope.spawn(|| {
            let mut looks = 0;
            while !done.load(Ordering::Relaxed) || looks == 0 {
                let all: Vec<Connection> = live.all().collect();
                let ids: HashSet<ConnectionId> = all.iter().map(|one| one.id).collect();
                assert_eq!(ids.len(), all.len(), "each once");
                let held = all.iter().filter(|one| one.source.port() <= 100).count();
                assert_eq!(held, kept.len(), "whoever stays is always there");
                // Each comer may be met once in every shard, as shards are looked at in turn.
                assert!(all.len() <= kept.len() + THREADS * SHARDS, "whoever has left is not");
                for one in all.iter().filter(|one| one.source.port() <= 100) {
                    assert_eq!(one.traffic.bytes_out, u64::from(one.source.port()));
                    assert_eq!((one.stage, one.system.as_str()), (Stage::Open, "plus"));
                }
                looks += 1;
            }
        });
        comers.into_iter().for_each(|comer| comer.join().unwrap());
        done.store(true, Ordering::Relaxed);
        looking.join().unwrap();
    });
    drop(kept);
    assert_eq!(live.all().count(), 0);
}

/// Two operators order the same half of the connections to end, while those leave by themselves.
#[test]
fn an_order_that_was_taken_is_heard_by_that_connection_and_no_other() {
    let (live, permit) = (Arc::<Live>::default(), permit());
    let (mut ordered, mut left_first) = (0, 0);
    for _ in 0..300 {
        let pairs =
            (0..400).map(|n| (enter(&live, &permit, 2 * n), enter(&live, &permit, 2 * n + 1)));
        let (ended, spared): (Vec<Member>, Vec<Member>) = pairs.unzip();
        let ids: Vec<ConnectionId> = ended.iter().map(|member| member.entry.id).collect();
        let start = Barrier::new(3);
        let order = |who| {
            start.wait();
            ids.iter().map(|id| live.end(id, dismissal(who)).map(|_| who)).collect::<Vec<_>>()
        };
        let (heard, one, other) = thread::scope(|scope| {
            let operators = [1, 2].map(|who| scope.spawn(move || order(who)));
            start.wait();
            let heard: Vec<_> = ended.into_iter().map(Member::leave).collect();
            let [one, other] = operators.map(|operator| operator.join().unwrap());
            (heard, one, other)
        });
        for ((heard, one), other) in heard.into_iter().zip(one).zip(other) {
            assert!(one.is_none() || other.is_none(), "one order is enough");
            let taken = one.or(other);
            assert_eq!(heard, taken.map(dismissal), "told is told");
            *if taken.is_some() { &mut ordered } else { &mut left_first } += 1;
        }
        assert!(spared.into_iter().all(|member| member.leave().is_none()));
    }
    assert!(ordered > 0 && left_first > 0, "both came first at times: {ordered} {left_first}");
    assert_eq!(live.all().count(), 0);
}

#[tokio::test]
async fn whoever_waits_hears_the_order_even_if_it_came_before() {
    let (live, permit) = (Arc::<Live>::default(), permit());
    let member = enter(&live, &permit, 1);
    let id = member.entry.id;
    let waiting = tokio::spawn(async move { (member.dismissed().await, member.dismissed().await) });
    tokio::task::yield_now().await;
    assert!(live.end(&id, dismissal(1)).is_some());
    assert!(live.end(&id, dismissal(2)).is_none(), "one order is enough");
    assert_eq!(waiting.await.unwrap(), (dismissal(1), dismissal(1)));
    assert!(live.end(&id, dismissal(3)).is_none(), "it is gone");
}
