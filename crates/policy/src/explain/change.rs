//! What would change a refusal.

use ipnet::IpNet;

use super::particulars::{asked, commas};
use crate::authorize::Case;
use crate::caller::Known;
use crate::{
    Caller, Denial, Denied, Maintenance, Network, Policy, Request, Status, SystemId, Target,
    UnixSeconds,
};

/// Something that would change a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Time alone: from then on the verdict is the other one.
    Time(UnixSeconds),
    /// This command. Words in capitals are for whoever runs it to fill in.
    Command(String),
    /// A key of `sekisho.toml`, for the next start.
    Configuration {
        /// The system it is about; `None` for one that is not configured yet.
        system: Option<SystemId>,
        /// The table, as `[[system.destination]]`.
        table: &'static str,
        /// The key.
        key: &'static str,
        /// What it has to be or to hold.
        value: String,
    },
}

impl Policy {
    /// What would change a refusal. Only what can help is named: nothing brings back what was
    /// revoked, and nothing leads from one session into another.
    pub(super) fn changes(
        &self,
        denied: &Denied,
        case: &Case<'_>,
        request: &Request<'_>,
    ) -> Vec<Change> {
        let mut changes: Vec<Change> =
            self.permitted_from(denied.reason, request).map(Change::Time).into_iter().collect();
        match &case.caller {
            Err(_) => changes.push(register(&request.caller)),
            Ok(known) => changes.extend(self.deeds(denied.reason, known, case, request)),
        }
        changes
    }

    /// What people can do about it.
    fn deeds(
        &self,
        reason: Denial,
        known: &Known<'_>,
        case: &Case<'_>,
        request: &Request<'_>,
    ) -> Option<Change> {
        let code = &known.institution.code;
        let change = |what: &str, list: String| {
            Some(Change::Command(format!("sekisho institution change {code} --{what} {list}")))
        };
        match reason {
            Denial::CredentialRevoked
            | Denial::CredentialSuspended
            | Denial::CertificateExpired
            | Denial::CertificateNotYetValid => Some(another_credential(known)),
            Denial::TerminalStopped => Some(resume_terminal(known)),
            Denial::InstitutionStopped => Some(Change::Command(match known.institution.status {
                Status::Revoked => {
                    "sekisho institution add CODE --kind KIND --name NAME".to_owned()
                }
                Status::Suspended | Status::Active => format!("sekisho institution resume {code}"),
            })),
            Denial::NetworkNotPermitted => {
                let asked = request.caller.network();
                let with = |network: &Network| {
                    *network == asked || known.institution.networks.contains(*network)
                };
                change("networks", commas(Network::ALL.iter().filter(|network| with(network))))
            }
            Denial::SystemNotPermitted => {
                let asked = case.target.ok().map(|(_, system)| &system.id);
                change("systems", commas(known.institution.system_ids.iter().chain(asked)))
            }
            Denial::OutsideHours => change("hours", "HOURS".to_owned()),
            Denial::Maintenance => Some(Change::Configuration {
                system: case.target.ok().map(|(_, system)| system.id.clone()),
                table: "[[system.maintenance]]",
                key: "closed",
                value: "false".to_owned(),
            }),
            Denial::NoSuchSystem => no_such_system(&request.target),
            Denial::DestinationNotASystem => no_such_destination(&request.target),
            Denial::PortNotServed => self.port_not_served(&request.target),
            Denial::SessionToSession => None,
            // Said of callers that are not known, and of tunnels.
            Denial::CertificateNotRegistered
            | Denial::IkeIdentityNotRegistered
            | Denial::SourceNotRegistered
            | Denial::NoDestination => None,
        }
    }

    fn port_not_served(&self, target: &Target<'_>) -> Option<Change> {
        let &Target::Address { address, transport, port } = target else { return None };
        let (_, candidates) = self.surroundings(address).system?;
        let (index, _) = candidates.first()?;
        Some(Change::Configuration {
            system: self.systems.get(usize::from(*index)).map(|system| system.id.clone()),
            table: "[[system.destination]]",
            key: "services",
            value: asked(transport, port).to_string(),
        })
    }

    /// When time alone turns this refusal into a permit.
    fn permitted_from(&self, reason: Denial, request: &Request<'_>) -> Option<UnixSeconds> {
        let (mut request, mut reason) = (*request, reason);
        // Each closure is passed once, with one opening before and one after it.
        let windows = self.systems.iter().map(|system| system.maintenance.len()).max().unwrap_or(0);
        for _ in 0..2 * windows + 3 {
            request.now = self.next_moment(reason, &request).filter(|&at| at > request.now)?;
            match self.authorize(&request) {
                Ok(_) => return Some(request.now),
                Err(denied) => reason = denied.reason,
            }
        }
        None
    }

    /// When time takes this reason away.
    fn next_moment(&self, reason: Denial, request: &Request<'_>) -> Option<UnixSeconds> {
        let case = self.case(request);
        let (known, now) = (case.caller.ok()?, request.now);
        if reason == Denial::CertificateNotYetValid {
            known.certificate.map(|certificate| certificate.not_before)
        } else if reason == Denial::OutsideHours {
            known.institution.hours.as_ref()?.at(now, self.offset).1
        } else if reason == Denial::Maintenance {
            let closed = |it: &&Maintenance| it.closed && (it.from..it.until).contains(&now);
            let closures = case.target.ok()?.1.maintenance.iter().filter(closed);
            closures.map(|window| window.until).max()
        } else {
            None
        }
    }
}

fn no_such_system(target: &Target<'_>) -> Option<Change> {
    let Target::System(id) = target else { return None };
    // A server name that leads to no system is asked for in the place of an id.
    let key = if id.as_str().contains('.') { "hosts" } else { "id" };
    Some(Change::Configuration { system: None, table: "[[system]]", key, value: id.to_string() })
}

fn no_such_destination(target: &Target<'_>) -> Option<Change> {
    let Target::Address { address, .. } = target else { return None };
    Some(Change::Configuration {
        system: None,
        table: "[[system.destination]]",
        key: "network",
        value: IpNet::from(address.to_canonical()).to_string(),
    })
}

/// How a caller that is not known would be.
fn register(caller: &Caller<'_>) -> Change {
    Change::Command(match caller {
        Caller::Tls(_) | Caller::IpsecCertificate(_) => {
            "sekisho terminal register INSTITUTION/TERMINAL CERTIFICATE.pem".to_owned()
        }
        Caller::IpsecIdentity(identity) => {
            let identity = quoted(identity);
            format!("sekisho router add INSTITUTION/ROUTER --identity {identity}")
        }
        Caller::IpVpn(source) => {
            let prefix = IpNet::from(source.to_canonical());
            format!("sekisho institution change INSTITUTION --ip-vpn-prefixes PREFIXES,{prefix}")
        }
    })
}

fn another_credential(known: &Known<'_>) -> Change {
    let name = terminal(known);
    Change::Command(match known.certificate {
        Some(_) => format!("sekisho terminal issue {name} --out DIRECTORY"),
        None => format!("sekisho router add {name} --identity IDENTITY"),
    })
}

fn resume_terminal(known: &Known<'_>) -> Change {
    let name = terminal(known);
    let code = &known.institution.code;
    let router = known.certificate.is_none();
    let status = known.terminal.map(|terminal| terminal.status);
    Change::Command(match (status, router) {
        (Some(Status::Revoked), true) => {
            format!("sekisho router add {code}/ROUTER --identity IDENTITY")
        }
        (Some(Status::Revoked), false) => format!("sekisho terminal add {code}/TERMINAL"),
        (_, true) => format!("sekisho router resume {name}"),
        (_, false) => format!("sekisho terminal resume {name}"),
    })
}

fn terminal(known: &Known<'_>) -> String {
    known.terminal.map(|terminal| terminal.name.to_string()).unwrap_or_default()
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '@');
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
