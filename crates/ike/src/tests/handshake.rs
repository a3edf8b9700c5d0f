//! From nothing to an established session, and back.

use std::time::Duration;

use super::{Pair, credentials};
use crate::{Config, Event};

fn pair() -> Pair {
    Pair::new(
        Config::default(),
        [credentials("a.example", "b.example"), credentials("b.example", "a.example")],
    )
}

#[test]
fn a_session_comes_up_lives_and_ends() {
    let mut pair = pair();
    let id = pair.initiate(|_| {});
    pair.run();
    for host in &pair.hosts {
        assert!(
            host.events.iter().any(|event| matches!(event, Event::ChildUp(_))),
            "{:?} {:?}",
            host.events,
            host.endpoint.counters()
        );
    }
    assert_eq!(pair.agree(), 1);
    // A day: children rekeyed, IKE SA rekeyed, nothing lost.
    pair.pass(Duration::from_secs(24 * 3600));
    assert_eq!(pair.agree(), 1);
    let rekeyed = |host: usize| {
        pair.hosts[host].events.iter().filter(|e| matches!(e, Event::Rekeyed(..))).count()
    };
    assert!(rekeyed(0) >= 2 && rekeyed(0) == rekeyed(1));
    let now = pair.now();
    pair.hosts[0].endpoint.close(now, id);
    pair.pass(Duration::from_secs(600));
    assert_eq!(pair.agree(), 0);
    for host in &pair.hosts {
        assert_eq!(host.endpoint.in_use(), (0, 0, 0));
    }
}
