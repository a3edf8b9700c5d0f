//! What the shells of both hosts ask for, and what befalls the network.

use std::net::IpAddr;

use super::course::Course;
use super::{A, B, World};
use crate::tests::fixtures::{everything, net};
use crate::{ChildId, SessionId};

/// Kinds of orders.
type Order = fn(&mut Course, &mut World);

/// Whatever a gentle run may have: nothing of this ends a CHILD_SA without a successor.
pub(super) const REKEYING: &[Order] =
    &[rekey, rekey_child, rekey_child, rekey_both, rekey_child_both, rekey_crosswise];

pub(super) const ANY: &[Order] = &[
    rekey,
    rekey_child,
    rekey_both,
    rekey_child_both,
    rekey_crosswise,
    begin,
    begin,
    expire_child,
    close,
    amend,
    migrate,
    rebind,
    cut,
    mend,
    mend,
    refuse,
];

pub(super) fn give(course: &mut Course, world: &mut World, orders: &[Order]) {
    course.random.pick(orders)(course, world);
}

pub(super) fn initiate(course: &Course, world: &mut World) {
    begin_as(course, world, false);
}

fn begin(course: &mut Course, world: &mut World) {
    let initial_contact = course.random.one_in(4);
    begin_as(course, world, initial_contact);
}

fn begin_as(course: &Course, world: &mut World, initial_contact: bool) {
    world.initiate(|target| {
        target.children.clone_from(&course.plans);
        target.virtual_addresses = course.virtual_addresses;
        target.pre_shared_key = !course.certificates;
        target.initial_contact = initial_contact;
    });
}

fn some_host(course: &mut Course) -> usize {
    course.random.pick(&[A, B])
}

fn some_session(course: &mut Course, world: &World, host: usize) -> Option<SessionId> {
    let sessions: Vec<_> = world.hosts[host].ledger.sessions().collect();
    (!sessions.is_empty()).then(|| course.random.pick(&sessions))
}

fn some_child(course: &mut Course, world: &World, host: usize) -> Option<(SessionId, ChildId)> {
    let children: Vec<_> = world.hosts[host].ledger.live().collect();
    (!children.is_empty()).then(|| course.random.pick(&children))
}

fn rekey(course: &mut Course, world: &mut World) {
    let host = some_host(course);
    if let Some(session) = some_session(course, world, host) {
        world.order(host, |endpoint, now| endpoint.rekey(now, session));
    }
}

fn rekey_child(course: &mut Course, world: &mut World) {
    let host = some_host(course);
    if let Some((session, child)) = some_child(course, world, host) {
        world.order(host, |endpoint, now| endpoint.rekey_child(now, session, child));
    }
}

fn rekey_both(_: &mut Course, world: &mut World) {
    for host in [A, B] {
        let sessions: Vec<_> = world.hosts[host].ledger.sessions().collect();
        for session in sessions {
            world.order(host, |endpoint, now| endpoint.rekey(now, session));
        }
    }
}

fn rekey_child_both(_: &mut Course, world: &mut World) {
    for host in [A, B] {
        rekey_all_children(world, host);
    }
}

fn rekey_all_children(world: &mut World, host: usize) {
    let children: Vec<_> = world.hosts[host].ledger.live().collect();
    for (session, child) in children {
        world.order(host, |endpoint, now| endpoint.rekey_child(now, session, child));
    }
}

/// The IKE SA from one side, its CHILD_SAs from the other.
fn rekey_crosswise(course: &mut Course, world: &mut World) {
    let host = some_host(course);
    if let Some(session) = some_session(course, world, host) {
        world.order(host, |endpoint, now| endpoint.rekey(now, session));
    }
    rekey_all_children(world, 1 - host);
}

fn expire_child(course: &mut Course, world: &mut World) {
    let host = some_host(course);
    if let Some((session, child)) = some_child(course, world, host) {
        world.order(host, |endpoint, now| endpoint.expire_child(now, session, child));
    }
}

fn close(course: &mut Course, world: &mut World) {
    let host = some_host(course);
    if let Some(session) = some_session(course, world, host) {
        world.order(host, |endpoint, now| endpoint.close(now, session));
    }
}

fn amend(course: &mut Course, world: &mut World) {
    let reachable = if course.random.one_in(2) { everything() } else { net("10.2.0.0/24") };
    let grant = course.grant(reachable);
    if let Some(session) = some_session(course, world, B) {
        world.order(B, |endpoint, now| endpoint.amend(now, session, grant));
    }
}

/// A gets another address and says so (MOBIKE).
fn migrate(course: &mut Course, world: &mut World) {
    let address: IpAddr = [10, 0, 0, 1 + course.random.below(3) as u8].into();
    world.hosts[A].address = address;
    let path = world.path(4500);
    let sessions: Vec<_> = world.hosts[A].ledger.sessions().collect();
    for session in sessions {
        world.order(A, |endpoint, now| endpoint.migrate(now, session, path));
    }
}

fn rebind(_: &mut Course, world: &mut World) {
    world.network.rebind();
}

fn cut(course: &mut Course, world: &mut World) {
    world.network.cut = course.random.pick(&[[true, true], [true, false], [false, true]]);
}

fn mend(_: &mut Course, world: &mut World) {
    world.network.cut = [false; 2];
}

/// The policy turns everybody away from now on, or lets them in again.
fn refuse(course: &mut Course, world: &mut World) {
    world.grant = match world.grant {
        Some(_) => None,
        None => Some(course.grant(everything())),
    };
}
