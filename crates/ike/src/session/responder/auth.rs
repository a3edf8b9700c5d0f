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
        let with_ppk = self.keys_with_ppk(cx, &payloads)?;
        if with_ppk.is_none() {
            if let Some(without) = payloads.notify(NotifyType::NO_PPK_AUTH) {
                authentication.data = without.data;
            }
            if cx.credentials.ppk_required.contains(claimed) {
                return Err(Disbelief::new(Refusal::Ppk, None));
            }
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

    /// The keys with the PPK that the peer names, if we have it (RFC 8784 §3).
    fn keys_with_ppk(
        &self,
        cx: &Context<'_>,
        payloads: &Payloads<'_>,
    ) -> Result<Option<IkeKeys>, Disbelief> {
        let Some(named) = payloads.notify(NotifyType::PPK_IDENTITY) else { return Ok(None) };
        let known = match named.data.split_first() {
            Some((&PPK_ID_FIXED, id)) if self.features.ppk => cx.credentials.ppks.get(id),
            _ => None,
        };
        match known {
            Some(ppk) => Ok(Some(self.sa.keys.with_ppk(self.sa.suite.prf, ppk)?)),
            None if payloads.notify(NotifyType::NO_PPK_AUTH).is_some() => Ok(None),
            None => Err(Disbelief::new(Refusal::Ppk, Some("the PPK_ID is not registered".into()))),
        }
    }

    fn disbelieve(
        mut self,
        cx: &mut Context<'_>,
        inner: &Inner,
        identity: Option<Identity>,
        disbelief: Disbelief,
    ) -> (Stage, Result<(), Dropped>) {
        let Disbelief { reason, detail, certificate } = disbelief;
        let answer = if reason == Refusal::InvalidSyntax {
            NotifyType::INVALID_SYNTAX
        } else {
            NotifyType::AUTHENTICATION_FAILED
        };
        let notify = note(answer, &[]);
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
