//! Loads of a gateway: what comes from peers, and what systems answer.

use ::packet::VnetHeader;

use crate::esp::AES_256_GCM;
use crate::gateway::{Flow, Gateway};
use crate::ip::{self, SuperPacket, Upper};
use crate::load::{Load, timed};

/// What one receive buffer takes.
const SLAB: usize = 65_536;
/// Single packets before the gateway looks at its other sockets.
const SINGLES: usize = 64;

/// IP packets: what they carry, and of how many octets they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packets {
    pub(crate) upper: Upper,
    pub(crate) length: usize,
}

impl Packets {
    /// From systems, in super-packets: each is of the flow that is `next`.
    pub(crate) fn super_packets<'a>(
        self,
        gateway: &'a mut Gateway,
        mut next: impl FnMut() -> Flow + 'a,
    ) -> Load<'a> {
        let mut whole = SuperPacket::new(self.upper, self.length);
        let vnet = whole.vnet;
        Load::new(whole.packets, move || {
            let octets = whole.read(next().ends_of_answer());
            timed(|| {
                gateway.send(vnet, octets);
                gateway.flush();
            })
        })
    }

    /// From systems, one by one: each is of the flow that is `next`.
    pub(crate) fn answers<'a>(
        self,
        gateway: &'a mut Gateway,
        mut next: impl FnMut() -> Flow + 'a,
    ) -> Load<'a> {
        let mut slab = vec![0; SINGLES * self.length];
        Load::new(SINGLES, move || {
            for packet in slab.chunks_exact_mut(self.length) {
                ip::write(packet, self.upper, next().ends_of_answer(), 0);
            }
            timed(|| {
                for packet in slab.chunks_exact_mut(self.length) {
                    gateway.send(VnetHeader::default(), packet);
                }
                gateway.flush();
            })
        })
    }

    /// From peers, in trains of at most so many packets: each is of the flow that is `next`.
    pub(crate) fn trains<'a>(
        self,
        gateway: &'a mut Gateway,
        most: usize,
        mut next: impl FnMut() -> Flow + 'a,
    ) -> Load<'a> {
        let sealed = AES_256_GCM.sealed_len(self.length);
        let mut inner = vec![0; self.length];
        let mut slab = vec![0; SLAB - SLAB % sealed];
        Load::new(slab.len() / sealed, move || {
            for train in slab.chunks_mut(most.saturating_mul(sealed)) {
                let flow = next();
                for (place, space) in train.chunks_mut(sealed).enumerate() {
                    ip::write(&mut inner, self.upper, flow.ends(), place);
                    gateway.seal(flow, &inner, space);
                }
            }
            timed(|| gateway.receive(&mut slab, sealed))
        })
    }
}
