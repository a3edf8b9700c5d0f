//! The request of IKE_AUTH: who is it?

use ike_wire::{Identity, NotifyType, Payloads};
use pki::path::PeerUsage;

use super::{AwaitAuth, AwaitVerdict};
use crate::event::{Event, Peer, Refused};
use crate::keys::IkeKeys;
use crate::sa::Inner;
use crate::session::Stage;
use crate::session::address::wanted;
use crate::session::context::Context;
use crate::session::notes::note;
use crate::session::proof::{Disbelief, Presented, Transcript};
use crate::{Dropped, Refusal};

/// PPK_ID_FIXED (RFC 8784 §5.1): the octets after it are the PPK_ID.
pub(crate) const PPK_ID_FIXED: u8 = 2;

/// A peer that is believed.
struct Believed {
    peer: Peer,
    /// With the PPK, where one took part.
    keys: IkeKeys,
}

impl AwaitAuth {
    pub(super) fn auth(self, cx: &mut Context<'_>, inner: Inner) -> (Stage, Result<(), Dropped>) {
        let mut identity = None;
        match self.believe(cx, &inner, &mut identity) {
            Ok(Believed { peer, keys }) => {
                cx.out.event(Event::Authenticated(self.id, Box::new(peer.clone())));
                let verdict = AwaitVerdict::new(self, inner, peer, keys);
                (Stage::AwaitVerdict(Box::new(verdict)), Ok(()))
            }
            Err(disbelief) => self.disbelieve(cx, &inner, identity, disbelief),
        }
    }

    fn believe(
        &self,
        cx: &Context<'_>,
        inner: &Inner,
        identity: &mut Option<Identity>,
    ) -> Result<Believed, Disbelief> {
        let payloads = inner.payloads()?;
        let id = payloads.id_initiator()?;
        let claimed = identity.insert(id.into());
        let Some(mut authentication) = payloads.optional_authentication()? else {
            return Err(Disbelief::new(Refusal::Eap, None));
        };
        let with_ppk = self.keys_with_ppk(cx, claimed, &payloads)?;
        if with_ppk.is_none()
            && let Some(without) = payloads.notify(NotifyType::NO_PPK_AUTH)
        {
            authentication.data = without.data;
        }
        let ppk = with_ppk.is_some();
        let keys = with_ppk.unwrap_or_else(|| self.sa.keys.clone());
        let prf = self.sa.suite.prf;
        let transcript = Transcript {
            prf,
            init: &self.init,
            keys: &keys,
            intermediate: self.intermediate.auth(inner.request.header.message_id),
        };
        let presented = Presented {
            usage: PeerUsage::Client,
            identity: claimed,
            octets: &transcript.octets(true, &id)?,
            prf,
            payloads: &payloads,
            authentication: &authentication,
        };
        let proof = presented.verify(cx.now, cx.credentials)?;
        let peer = Peer {
            identity: claimed.clone(),
            proof,
            path: self.path,
            nat: self.features.nat,
            suite: self.sa.suite.clone(),
            ppk,
            vendor: self.features.vendor,
            wants_address: wanted(&payloads)?.any(),
        };
        Ok(Believed { peer, keys })
    }

    /// The keys with the PPK that the peer names, if it is this peer's (RFC 8784 §3).
    fn keys_with_ppk(
        &self,
        cx: &Context<'_>,
        claimed: &Identity,
        payloads: &Payloads<'_>,
    ) -> Result<Option<IkeKeys>, Disbelief> {
        let registered = cx.credentials.ppks.get(claimed);
        let named = payloads.notify(NotifyType::PPK_IDENTITY).map(|notify| notify.data);
        let named = named.and_then(<[u8]>::split_first);
        let agreed = registered.filter(|ppk| {
            self.features.ppk
                && named.is_some_and(|(kind, id)| *kind == PPK_ID_FIXED && id == ppk.id)
        });
        if let Some(ppk) = agreed {
            return Ok(Some(self.sa.keys.with_ppk(self.sa.suite.prf, &ppk.key)?));
        }
        let may_do_without = named.is_none() || payloads.notify(NotifyType::NO_PPK_AUTH).is_some();
        if !may_do_without || registered.is_some_and(|ppk| ppk.required) {
            let detail = named.map(|_| "the PPK_ID is not this peer's".to_owned());
            return Err(Disbelief::new(Refusal::Ppk, detail));
        }
        Ok(None)
    }

    fn disbelieve(
        mut self,
        cx: &mut Context<'_>,
        inner: &Inner,
        identity: Option<Identity>,
        disbelief: Disbelief,
    ) -> (Stage, Result<(), Dropped>) {
        let (answer, data) = disbelief.answer();
        let Disbelief { reason, detail, certificate, .. } = disbelief;
        let notify = note(answer, &data);
        if let Ok(sealed) = self.sa.respond(&inner.request, &[notify]) {
            cx.out.send(self.path, &sealed.datagrams);
        }
        cx.out.refused(Refused {
            session: Some(self.id),
            path: self.path,
            reason,
            detail,
            identity,
            certificate,
            vendor: self.features.vendor,
        });
        (Stage::linger(cx, self.path, self.sa), Ok(()))
    }
}
