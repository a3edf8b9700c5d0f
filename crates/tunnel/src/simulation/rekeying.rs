//! CHILD_SAs replaced while traffic goes on.

use super::world::{Event, World};
use crate::testing::{child, everywhere, member};

impl World {
    /// A successor of the child in use: by the gateway's wish, the peer's, or both. In the end the
    /// old one goes, and the one of two that lost.
    pub(super) fn rekey(&mut self) {
        let (delay, old) = (self.delay, self.current);
        let both = self.plan.collisions && self.random.below(3) == 0;
        let by_gateway = self.random.below(2) == 0;
        let made = |world: &mut Self| {
            world.last += 1;
            let (_, far) = child(world.last, &member(1, "pc-1"), everywhere());
            world.peer.add(world.last, far);
            world.last
        };
        let winner = made(self);
        if by_gateway {
            // The peer has answered, and takes to it when it hears by it.
            self.peer.send_by_when_heard(winner);
            self.after(delay, Event::GatewayInstalls { id: winner, replaces: old, at_once: true });
        } else {
            self.after(1, Event::GatewayInstalls { id: winner, replaces: old, at_once: false });
            let pause = self.random.below(3 * delay);
            self.after(1 + delay + pause, Event::PeerSendsBy(winner));
        }
        let mut end = 4 * delay;
        if both {
            let loser = made(self);
            let install = Event::GatewayInstalls { id: loser, replaces: old, at_once: !by_gateway };
            let pause = self.random.below(2 * delay);
            self.after(1 + pause, install);
            let removal = 4 * delay + self.random.below(4 * delay);
            self.after(removal, Event::GatewayRemoves(loser));
            self.after(removal + 2 * delay, Event::PeerRemoves(loser));
            end = removal + 2 * delay;
        }
        if by_gateway {
            self.after(end + delay, Event::PeerRemoves(old));
            self.after(end + 2 * delay, Event::GatewayRemoves(old));
        } else {
            // Its own wish: it sends by it no more, and hears by it for a while.
            self.after(end, Event::PeerSendsBy(winner));
            self.after(end + delay, Event::GatewayRemoves(old));
            self.after(end + 2 * delay, Event::PeerRemoves(old));
        }
        self.current = winner;
        self.rekeyed += 1;
        let pause = 1 + self.random.below(self.plan.rekey_every);
        self.after(end + 3 * delay + pause, Event::Rekey);
    }
}
