//! Lost and repeated messages (RFC 7296 §2.1, §2.2).

use super::{A, B, Up, dropped, seconds, up};
use crate::{Dropped, Event};

#[test]
fn a_lost_answer_is_given_again_and_nothing_done_twice() {
    let mut up = up();
    up.world.network.cut[B] = true;
    up.rekey_child(A);
    up.world.run();
    up.world.network.cut[B] = false;
    up.world.pass(seconds(5));
    assert_eq!(up.world.agree(), 1);
    assert_eq!(up.world.count(B, |event| matches!(event, Event::ChildUp(_))), 2);
}

#[test]
fn requests_outside_the_window_are_dropped() {
    let mut up = up();
    up.world.sent = Some(Vec::new());
    up.rekey_child(A);
    up.world.run();
    let sent = up.world.sent.take().unwrap();
    let Up { world, .. } = &mut up;
    let events = world.hosts[B].events.len();
    // All but the last request, which is answered again.
    let requests: Vec<_> = sent.into_iter().filter(|(from, ..)| *from == A).collect();
    let (_, older) = requests.split_last().unwrap();
    for (_, path, datagram) in older {
        let path = crate::Path { local: path.remote, remote: path.local };
        let mut datagram = datagram.clone();
        world.order(B, |endpoint, now| endpoint.handle_datagram(now, path, &mut datagram));
        assert!(world.hosts[B].endpoint.poll_transmit().is_none());
    }
    assert_eq!(dropped(world, B, Dropped::StaleMessageId), older.len() as u64);
    assert!(!older.is_empty());
    assert_eq!(world.hosts[B].events.len(), events);
    assert_eq!(world.agree(), 1);
}
