//! The SAs of a worker: found by SPI, by session, and by the addresses behind the peer.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use slab::Slab;

use crate::Member;
use crate::child::{Child, ChildRef, NewChild, Sending, Way};
use crate::routes::Routes;
use crate::selector::Ends;

/// SPIs of ours are random: any bits of them will do.
#[derive(Default)]
pub(crate) struct SpiHasher(u64);

impl Hasher for SpiHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, octets: &[u8]) {
        for octet in octets {
            self.0 = self.0 << 8 | u64::from(*octet);
        }
    }

    fn write_u32(&mut self, spi: u32) {
        // The table takes its index from the low bits and its tag from the high ones.
        self.0 = u64::from(spi) << 32 | u64::from(spi);
    }
}

/// What a session has here.
#[derive(Default)]
struct Session {
    /// In the order in which they came.
    children: Vec<u32>,
}

/// The SAs of one worker, and the way to those of others.
pub(crate) struct Table {
    children: Slab<Child>,
    by_spi: HashMap<u32, u32, BuildHasherDefault<SpiHasher>>,
    by_id: HashMap<u64, u32>,
    /// By the peer's address and its SPI: two peers may choose the same.
    by_destination: HashMap<(IpAddr, u32), u32>,
    sessions: HashMap<u64, Session>,
    routes: Routes,
    /// Children of other workers.
    elsewhere: HashMap<u64, Elsewhere>,
}

struct Elsewhere {
    worker: usize,
    prefixes: Vec<IpNet>,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self {
            children: Slab::new(),
            by_spi: HashMap::default(),
            by_id: HashMap::new(),
            by_destination: HashMap::new(),
            sessions: HashMap::new(),
            routes: Routes::default(),
            elsewhere: HashMap::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.children.len()
    }

    pub(crate) fn by_spi(&self, spi: u32) -> Option<u32> {
        self.by_spi.get(&spi).copied()
    }

    pub(crate) fn by_id(&self, id: u64) -> Option<u32> {
        self.by_id.get(&id).copied()
    }

    pub(crate) fn by_destination(&self, remote: IpAddr, spi: u32) -> Option<u32> {
        self.by_destination.get(&(remote, spi)).copied()
    }

    pub(crate) fn child(&mut self, slot: u32) -> Option<&mut Child> {
        self.children.get_mut(slot as usize)
    }

    /// The child, if it still is the one that was meant.
    pub(crate) fn named(&mut self, at: ChildRef) -> Option<&mut Child> {
        self.children.get_mut(at.slot as usize).filter(|child| child.id == at.id)
    }

    /// Whether a session has children.
    pub(crate) fn has_session(&self, id: u64) -> bool {
        self.sessions.contains_key(&id)
    }

    /// Adds a child; one of the same id is replaced.
    pub(crate) fn install(&mut self, new: NewChild, path_mtu: u16) {
        self.remove(new.id);
        let child = Child::new(new, path_mtu);
        let (id, session, spis) = (child.id, child.member.session, child.spis);
        let (remote, replaces) = (child.way.path.remote.ip(), child.replaces);
        let current = child.sending == Sending::Current;
        let prefixes = child.selectors.remote_prefixes();
        let slot = self.children.insert(child) as u32;
        self.by_spi.insert(spis.0, slot);
        self.by_id.insert(id, slot);
        self.by_destination.insert((remote, spis.1), slot);
        for prefix in prefixes {
            self.routes.add(prefix, id);
        }
        let session = self.sessions.entry(session);
        session.or_default().children.push(slot);
        let replaced = replaces.and_then(|id| self.by_id(id));
        match replaced {
            Some(old) if current => self.supersede(old),
            None => self.put_to_use(slot),
            Some(_) => {}
        }
    }

    /// Removes a child. Its successor takes over, whether the peer has used it or not.
    pub(crate) fn remove(&mut self, id: u64) -> Option<Child> {
        let slot = self.by_id.remove(&id)?;
        let child = self.children.try_remove(slot as usize)?;
        remove_if(&mut self.by_spi, &child.spis.0, slot);
        let destination = (child.way.path.remote.ip(), child.spis.1);
        remove_if(&mut self.by_destination, &destination, slot);
        for prefix in child.selectors.remote_prefixes() {
            self.routes.remove(prefix, id);
        }
        if let Some(session) = self.sessions.get_mut(&child.member.session) {
            session.children.retain(|other| *other != slot);
        }
        self.hand_on(&child);
        self.tidy(child.member.session);
        Some(child)
    }

    /// Takes a child out of use that has a successor: what the peer has sent by it still comes in.
    /// `None` when there is none.
    pub(crate) fn retire(&mut self, id: u64) -> Option<&Child> {
        let slot = self.by_id(id)?;
        let session = self.child(slot).filter(|child| !child.retired)?.member.session;
        let mut heirs = self.siblings(session);
        heirs.retain(|&slot| self.child(slot).is_some_and(|child| child.replaces == Some(id)));
        if heirs.is_empty() {
            return None;
        }
        heirs.into_iter().for_each(|slot| self.put_to_use(slot));
        let child = self.child(slot)?;
        (child.retired, child.sending) = (true, Sending::Superseded);
        Some(child)
    }

    /// The retired children of a session that has no other.
    pub(crate) fn only_retired(&self, session: u64) -> Vec<u64> {
        let children = self.sessions.get(&session).into_iter().flat_map(|one| &one.children);
        let children: Vec<_> =
            children.filter_map(|slot| self.children.get(*slot as usize)).collect();
        match children.iter().all(|child| child.retired) {
            true => children.iter().map(|child| child.id).collect(),
            false => Vec::new(),
        }
    }

    /// What a removed child did, others do: its successors, or, when there are none, the one that
    /// it had replaced.
    fn hand_on(&mut self, removed: &Child) {
        let siblings = self.siblings(removed.member.session);
        let mut current = false;
        for &slot in &siblings {
            let Some(child) = self.child(slot) else { continue };
            if child.replaces == Some(removed.id) {
                child.replaces = removed.replaces;
                if !removed.is_waiting() {
                    self.put_to_use(slot);
                }
            }
            let in_line = |child: &&mut Child| child.replaces == removed.replaces;
            current |= self.child(slot).filter(in_line).is_some_and(|child| child.is_current());
        }
        if removed.is_current() && !current {
            self.revive(removed.replaces);
        }
    }

    /// Puts a replaced child to use again, or the one that it had replaced, if IKE still has it.
    fn revive(&mut self, mut replaced: Option<u64>) {
        while let Some(old) = replaced.and_then(|id| self.by_id(id))
            && let Some(old) = self.child(old)
        {
            if !old.retired {
                old.sending = Sending::Current;
                return;
            }
            replaced = old.replaces;
        }
    }

    /// Forgets a session that has no children.
    fn tidy(&mut self, id: u64) {
        if self.sessions.get(&id).is_some_and(|session| session.children.is_empty()) {
            self.sessions.remove(&id);
        }
    }

    /// Packets to the peer go by this child from now on, and no longer by the one it replaces.
    pub(crate) fn put_to_use(&mut self, slot: u32) {
        let Some(child) = self.child(slot) else { return };
        if child.sending != Sending::Waiting {
            return;
        }
        child.sending = Sending::Current;
        if let Some(old) = child.replaces.and_then(|id| self.by_id(id)) {
            self.supersede(old);
        }
    }

    fn supersede(&mut self, slot: u32) {
        if let Some(child) = self.child(slot) {
            child.sending = Sending::Superseded;
        }
    }

    /// All children of a session.
    pub(crate) fn siblings(&self, session: u64) -> Vec<u32> {
        self.sessions.get(&session).map(|session| session.children.clone()).unwrap_or_default()
    }

    /// The way of all children of a session is another.
    pub(crate) fn redirect(&mut self, session: u64, way: Way, path_mtu: u16) {
        for slot in self.siblings(session) {
            let Some(child) = self.child(slot) else { continue };
            let old = (child.way.path.remote.ip(), child.spis.1);
            let new = (way.path.remote.ip(), child.spis.1);
            child.way = way;
            child.set_path_mtu(path_mtu);
            if old != new {
                remove_if(&mut self.by_destination, &old, slot);
                self.by_destination.insert(new, slot);
            }
        }
    }

    /// By which child packets go to the client of such a flow: one of the same session, or, when
    /// that has ended, of the same terminal's next.
    pub(crate) fn resolve(&self, member: &Arc<Member>, ends: &Ends) -> Option<ChildRef> {
        let own = self.sessions.get(&member.session).map(|session| &session.children);
        let own = own.into_iter().flatten().rev().copied();
        let others = self.routes.lookup(ends.client.0).filter_map(|id| self.by_id(id));
        own.chain(others).find_map(|slot| {
            let child = self.children.get(slot as usize)?;
            let fits = child.sending == Sending::Current
                && child.member.credential == member.credential
                && child.selectors.hold(ends);
            fits.then_some(ChildRef { slot, id: child.id })
        })
    }

    /// Another worker has a child that leads to `prefixes`.
    pub(crate) fn announce(&mut self, id: u64, worker: usize, prefixes: Vec<IpNet>) {
        self.withdraw(id);
        for prefix in &prefixes {
            self.routes.add(*prefix, id);
        }
        self.elsewhere.insert(id, Elsewhere { worker, prefixes });
    }

    /// The other worker's child is gone.
    pub(crate) fn withdraw(&mut self, id: u64) {
        let gone = self.elsewhere.remove(&id);
        for prefix in gone.into_iter().flat_map(|gone| gone.prefixes) {
            self.routes.remove(prefix, id);
        }
    }

    /// Which other worker may know of a flow with `client`.
    pub(crate) fn elsewhere(&self, client: IpAddr) -> Option<usize> {
        let mut ids = self.routes.lookup(client);
        ids.find_map(|id| self.elsewhere.get(&id)).map(|child| child.worker)
    }

    /// The same, when the newest of all children that lead to `client` is another worker's.
    pub(crate) fn newest_elsewhere(&self, client: IpAddr) -> Option<usize> {
        let newest = self.routes.lookup(client).next()?;
        self.elsewhere.get(&newest).map(|child| child.worker)
    }

    /// Every child.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Child> {
        self.children.iter().map(|(_, child)| child)
    }
}

fn remove_if<K: Eq + std::hash::Hash, S: std::hash::BuildHasher>(
    map: &mut HashMap<K, u32, S>,
    key: &K,
    slot: u32,
) {
    if map.get(key) == Some(&slot) {
        map.remove(key);
    }
}

#[cfg(test)]
mod tests;
