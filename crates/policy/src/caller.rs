//! The caller: who it claims to be, and what speaks against it.

use std::net::IpAddr;

use crate::compile::{CertificateEntry, InstitutionEntry, TerminalEntry};
use crate::trace::{Check, Trace};
use crate::{Denial, Fingerprint, Network, Policy, Status, UnixSeconds, UtcOffset};

/// Who asks, by which road. The road is part of the claim: an address proves something
/// only on the closed IP-VPN, a certificate only after its handshake.
#[derive(Clone, Copy, Debug)]
pub enum Caller<'a> {
    /// A source address on the closed IP-VPN.
    IpVpn(IpAddr),
    /// A certificate that IKE authenticated.
    IpsecCertificate(&'a Fingerprint),
    /// An identity that IKE authenticated by its pre-shared key.
    IpsecIdentity(&'a str),
    /// A client certificate that TLS authenticated.
    Tls(&'a Fingerprint),
}

impl Caller<'_> {
    /// The road.
    pub fn network(&self) -> Network {
        match self {
            Self::IpVpn(_) => Network::IpVpn,
            Self::IpsecCertificate(_) | Self::IpsecIdentity(_) => Network::Ipsec,
            Self::Tls(_) => Network::Tls,
        }
    }
}

/// The caller, as far as the roster knows it.
pub(crate) struct Known<'p> {
    pub(crate) institution: &'p InstitutionEntry,
    pub(crate) terminal: Option<&'p TerminalEntry>,
    pub(crate) certificate: Option<&'p CertificateEntry>,
    pub(crate) credential: Status,
}

impl Policy {
    /// Who it is, if the roster has the credential.
    pub(crate) fn identify(&self, caller: &Caller<'_>) -> Result<Known<'_>, Denial> {
        match caller {
            Caller::Tls(fingerprint) | Caller::IpsecCertificate(fingerprint) => {
                let certificate =
                    self.certificates.get(*fingerprint).ok_or(Denial::CertificateNotRegistered)?;
                self.known(certificate.terminal, Some(certificate), certificate.status)
                    .ok_or(Denial::CertificateNotRegistered)
            }
            Caller::IpsecIdentity(identity) => self
                .ike_identities
                .get(*identity)
                .and_then(|&(terminal, status)| self.known(terminal, None, status))
                .ok_or(Denial::IkeIdentityNotRegistered),
            Caller::IpVpn(address) => self
                .ip_vpn
                .longest_match(*address)
                .and_then(|(_, &institution)| self.institutions.get(institution as usize))
                .map(|institution| Known {
                    institution,
                    terminal: None,
                    certificate: None,
                    credential: Status::Active,
                })
                .ok_or(Denial::SourceNotRegistered),
        }
    }

    fn known<'p>(
        &'p self,
        terminal: u32,
        certificate: Option<&'p CertificateEntry>,
        credential: Status,
    ) -> Option<Known<'p>> {
        let terminal = self.terminals.get(terminal as usize)?;
        let institution = self.institutions.get(terminal.institution as usize)?;
        Some(Known { institution, terminal: Some(terminal), certificate, credential })
    }
}

impl Known<'_> {
    /// Judges the caller alone; returns when time may change the judgement.
    pub(crate) fn check(
        &self,
        network: Network,
        now: UnixSeconds,
        trace: &mut impl Trace,
    ) -> Result<Option<UnixSeconds>, Denial> {
        if self.terminal.is_some() {
            trace.begin(Check::Credential);
        }
        match self.credential {
            Status::Active => {}
            Status::Suspended => return Err(Denial::CredentialSuspended),
            Status::Revoked => return Err(Denial::CredentialRevoked),
        }
        if let Some(certificate) = self.certificate {
            trace.begin(Check::Validity);
            if now < certificate.not_before {
                return Err(Denial::CertificateNotYetValid);
            }
            if now > certificate.not_after {
                return Err(Denial::CertificateExpired);
            }
        }
        if let Some(terminal) = self.terminal {
            trace.begin(Check::Terminal);
            if terminal.status != Status::Active {
                return Err(Denial::TerminalStopped);
            }
        }
        trace.begin(Check::Institution);
        if self.institution.status != Status::Active {
            return Err(Denial::InstitutionStopped);
        }
        trace.begin(Check::Road);
        if !self.institution.networks.contains(network) {
            return Err(Denial::NetworkNotPermitted);
        }
        Ok(self.certificate.map(|certificate| certificate.not_after.saturating_add(1)))
    }

    /// Judges the institution's hours; returns when they change.
    pub(crate) fn check_hours(
        &self,
        offset: UtcOffset,
        now: UnixSeconds,
    ) -> Result<Option<UnixSeconds>, Denial> {
        let Some(hours) = &self.institution.hours else { return Ok(None) };
        let (open, change) = hours.at(now, offset);
        if open { Ok(change) } else { Err(Denial::OutsideHours) }
    }
}

/// The earlier of two moments, where there are any.
pub(crate) fn earlier(a: Option<UnixSeconds>, b: Option<UnixSeconds>) -> Option<UnixSeconds> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
