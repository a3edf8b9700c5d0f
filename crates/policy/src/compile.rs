//! From roster and systems to tables in which a decision is a few look-ups.

use std::collections::{HashMap, HashSet};
use std::fmt;

use ipnet::IpNet;

use crate::overlap::{prefix_conflicts, within_words};
use crate::prefixes::Prefixes;
use crate::{
    Credential, Destination, Fingerprint, Hours, InstitutionCode, Networks, Roster, Status, System,
    SystemId, Terminal, TerminalName, UnixSeconds, UtcOffset,
};

/// An immutable snapshot of the whole policy.
#[derive(Debug)]
pub struct Policy {
    pub(crate) generation: u64,
    pub(crate) offset: UtcOffset,
    pub(crate) systems: Vec<System>,
    pub(crate) institutions: Vec<InstitutionEntry>,
    pub(crate) terminals: Vec<TerminalEntry>,
    pub(crate) certificates: HashMap<Fingerprint, CertificateEntry>,
    pub(crate) ike_identities: HashMap<String, (TerminalIndex, Status)>,
    pub(crate) ip_vpn: Prefixes<InstitutionIndex>,
    pub(crate) inner: Prefixes<InstitutionIndex>,
    pub(crate) destinations: Prefixes<Vec<(SystemIndex, Destination)>>,
    hosts: HashMap<String, SystemIndex>,
    system_ids: HashMap<SystemId, SystemIndex>,
}

pub(crate) type InstitutionIndex = u32;
pub(crate) type TerminalIndex = u32;
pub(crate) type SystemIndex = u8;

#[derive(Debug)]
pub(crate) struct InstitutionEntry {
    pub(crate) code: InstitutionCode,
    pub(crate) status: Status,
    pub(crate) networks: Networks,
    /// Bit n: system n is permitted.
    pub(crate) systems: u64,
    /// The permitted systems by name, those that are not configured among them.
    pub(crate) system_ids: Vec<SystemId>,
    pub(crate) hours: Option<Hours>,
    pub(crate) inner_prefixes: Vec<IpNet>,
}

#[derive(Debug)]
pub(crate) struct TerminalEntry {
    pub(crate) name: TerminalName,
    pub(crate) institution: InstitutionIndex,
    pub(crate) status: Status,
}

#[derive(Debug)]
pub(crate) struct CertificateEntry {
    pub(crate) terminal: TerminalIndex,
    pub(crate) status: Status,
    pub(crate) not_before: UnixSeconds,
    pub(crate) not_after: UnixSeconds,
}

/// Two statements of roster or configuration that cannot both hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// The same institution code twice.
    Institution(InstitutionCode),
    /// The same terminal twice.
    Terminal(TerminalName),
    /// A terminal of an institution that is not registered.
    NoInstitution(TerminalName),
    /// One certificate for two terminals.
    Certificate(Fingerprint, TerminalName, TerminalName),
    /// One IKE identity for two terminals.
    IkeIdentity(String, TerminalName, TerminalName),
    /// The same prefix under two institutions.
    Prefix(IpNet, InstitutionCode, InstitutionCode),
    /// A prefix within another institution's, without a word that it is meant so.
    Nested {
        /// The inner prefix.
        prefix: IpNet,
        /// Who has it.
        of: InstitutionCode,
        /// The prefix around it.
        outer: IpNet,
        /// Who has that.
        holder: InstitutionCode,
        /// Within whose prefixes the inner one's holder may be so far.
        within: Vec<InstitutionCode>,
    },
    /// The same prefix for a system and an institution.
    Destination(IpNet, SystemId, InstitutionCode),
    /// The same system id twice.
    System(SystemId),
    /// One host name for two systems.
    Host(String, SystemId, SystemId),
    /// More than 64 systems.
    TooManySystems,
    /// More rows than a table can index.
    TooManyRows,
}

impl Conflict {
    /// Whether the prefixes of this institution are a part of it.
    pub fn is_of_prefixes_of(&self, institution: &InstitutionCode) -> bool {
        match self {
            Self::Prefix(_, a, b) | Self::Nested { of: a, holder: b, .. } => {
                [a, b].contains(&institution)
            }
            Self::Destination(_, _, holder) => holder == institution,
            Self::Institution(_)
            | Self::Terminal(_)
            | Self::NoInstitution(_)
            | Self::Certificate(..)
            | Self::IkeIdentity(..)
            | Self::System(_)
            | Self::Host(..)
            | Self::TooManySystems
            | Self::TooManyRows => false,
        }
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Institution(code) => write!(f, "institution {code} is registered twice"),
            Self::Terminal(name) => write!(f, "terminal {name} is registered twice"),
            Self::NoInstitution(name) => write!(
                f,
                "terminal {name} belongs to an institution that is not registered: \
                 add institution {} first",
                name.institution
            ),
            Self::Certificate(fingerprint, a, b) => write!(
                f,
                "certificate {fingerprint} is registered for both {a} and {b}: \
                 every terminal needs a certificate of its own"
            ),
            Self::IkeIdentity(identity, a, b) => {
                write!(f, "IKE identity '{identity}' is registered for both {a} and {b}")
            }
            Self::Prefix(prefix, a, b) => {
                write!(f, "prefix {prefix} is registered for both {a} and {b}: give it to one")
            }
            Self::Nested { prefix, of, outer, holder, within } => write!(
                f,
                "prefix {prefix} of institution {of} lies within {outer} of institution {holder}: \
                 correct one of them, or, if it is meant so, give {of} the word 'within' (sekisho \
                 institution change {of} --within {})",
                within_words(within, holder)
            ),
            Self::Destination(prefix, system, institution) => write!(
                f,
                "{prefix} is both a destination of system {system} and a prefix of institution \
                 {institution}: correct [[system.destination]] network or the institution's prefix"
            ),
            Self::System(id) => write!(f, "system {id} is configured twice"),
            Self::Host(host, a, b) => {
                write!(f, "host name {host} leads to both {a} and {b}: give it to one")
            }
            Self::TooManySystems => f.write_str("more than 64 systems are configured"),
            Self::TooManyRows => f.write_str("more than 4,294,967,295 rows of one kind"),
        }
    }
}

impl std::error::Error for Conflict {}

impl Policy {
    /// Compiles a snapshot. `offset` is where the institutions' hours are local.
    ///
    /// An institution may name a system that is not configured: the permission then
    /// has no effect. Anything ambiguous is a [`Conflict`].
    pub fn compile(
        generation: u64,
        offset: UtcOffset,
        systems: Vec<System>,
        roster: &Roster,
    ) -> Result<Self, Conflict> {
        let mut policy = Self {
            generation,
            offset,
            systems: Vec::new(),
            institutions: Vec::with_capacity(roster.institutions.len()),
            terminals: Vec::with_capacity(roster.terminals.len()),
            certificates: HashMap::with_capacity(roster.terminals.len()),
            ike_identities: HashMap::new(),
            ip_vpn: Prefixes::default(),
            inner: Prefixes::default(),
            destinations: Prefixes::default(),
            hosts: HashMap::new(),
            system_ids: HashMap::new(),
        };
        policy.add_systems(systems)?;
        let codes = policy.add_institutions(roster)?;
        let conflicts = prefix_conflicts(&roster.institutions, &policy.systems);
        conflicts.into_iter().next().map_or(Ok(()), Err)?;
        let mut names = HashSet::with_capacity(roster.terminals.len());
        for terminal in &roster.terminals {
            if !names.insert(&terminal.name) {
                return Err(Conflict::Terminal(terminal.name.clone()));
            }
            policy.add_terminal(terminal, &codes)?;
        }
        Ok(policy)
    }

    /// Which generation this is.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The configured systems, in order.
    pub fn systems(&self) -> &[System] {
        &self.systems
    }

    /// What may be behind tunnels: the inner prefixes of all institutions.
    pub fn inner_prefixes(&self) -> impl Iterator<Item = IpNet> + '_ {
        self.inner.keys()
    }

    /// Whether somebody on the IP-VPN has the address.
    pub fn is_on_ip_vpn(&self, address: std::net::IpAddr) -> bool {
        self.ip_vpn_prefix(address).is_some()
    }

    /// Whether a system, or somebody behind a tunnel, has the address.
    pub fn is_on_this_side(&self, address: std::net::IpAddr) -> bool {
        self.destinations.longest_match(address).is_some()
            || self.inner.longest_match(address).is_some()
    }

    /// Names the registered IP-VPN prefix that an address is in, in this snapshot.
    pub fn ip_vpn_prefix(&self, address: std::net::IpAddr) -> Option<u32> {
        self.ip_vpn.longest_match(address).map(|(_, &institution)| institution)
    }

    /// Where hospitals are on the IP-VPN: the prefixes of all institutions there.
    pub fn ip_vpn_prefixes(&self) -> impl Iterator<Item = IpNet> + '_ {
        self.ip_vpn.keys()
    }

    /// The system that a host name (SNI) leads to; ASCII case and one final dot do not matter.
    pub fn system_for_host(&self, host: &str) -> Option<&System> {
        let host = host.strip_suffix('.').unwrap_or(host);
        let index = match self.hosts.get(host) {
            Some(&index) => Some(index),
            None => self.hosts.get(&host.to_ascii_lowercase()).copied(),
        };
        index.and_then(|index| self.systems.get(usize::from(index)))
    }

    pub(crate) fn system_index(&self, id: &SystemId) -> Option<SystemIndex> {
        self.system_ids.get(id).copied()
    }

    fn add_systems(&mut self, systems: Vec<System>) -> Result<(), Conflict> {
        if systems.len() > 64 {
            return Err(Conflict::TooManySystems);
        }
        for (index, system) in (0..).zip(&systems) {
            if self.system_ids.insert(system.id.clone(), index).is_some() {
                return Err(Conflict::System(system.id.clone()));
            }
            for host in &system.hosts {
                if let Some(other) = self.hosts.insert(host.to_ascii_lowercase(), index) {
                    let other = systems.get(usize::from(other)).unwrap_or(system).id.clone();
                    return Err(Conflict::Host(host.clone(), other, system.id.clone()));
                }
            }
            for destination in &system.destinations {
                self.destinations.entry(destination.network).push((index, destination.clone()));
            }
        }
        self.systems = systems;
        Ok(())
    }

    fn add_institutions<'a>(
        &mut self,
        roster: &'a Roster,
    ) -> Result<HashMap<&'a InstitutionCode, InstitutionIndex>, Conflict> {
        let mut codes = HashMap::with_capacity(roster.institutions.len());
        for institution in &roster.institutions {
            let index = row(self.institutions.len())?;
            if codes.insert(&institution.code, index).is_some() {
                return Err(Conflict::Institution(institution.code.clone()));
            }
            let systems = institution.systems.iter().filter_map(|id| self.system_index(id));
            let entry = InstitutionEntry {
                code: institution.code.clone(),
                status: institution.status,
                networks: institution.networks,
                systems: systems.fold(0, |bits, index| bits | 1 << index),
                system_ids: institution.systems.clone(),
                hours: institution.hours.clone(),
                inner_prefixes: institution.inner_prefixes.clone(),
            };
            self.institutions.push(entry);
            // That no two institutions have the same is seen to by `prefix_conflicts`.
            for &prefix in &institution.ip_vpn_prefixes {
                self.ip_vpn.insert(prefix, index);
            }
            for &prefix in &institution.inner_prefixes {
                self.inner.insert(prefix, index);
            }
        }
        Ok(codes)
    }

    fn add_terminal(
        &mut self,
        terminal: &Terminal,
        codes: &HashMap<&InstitutionCode, InstitutionIndex>,
    ) -> Result<(), Conflict> {
        let (&code, &institution) = codes
            .get_key_value(&terminal.name.institution)
            .ok_or_else(|| Conflict::NoInstitution(terminal.name.clone()))?;
        let index = row(self.terminals.len())?;
        for (credential, status) in &terminal.credentials {
            let taken = match credential {
                Credential::Certificate(certificate) => {
                    let entry = CertificateEntry {
                        terminal: index,
                        status: *status,
                        not_before: certificate.not_before,
                        not_after: certificate.not_after,
                    };
                    let old = self.certificates.insert(certificate.fingerprint, entry);
                    old.map(|old| old.terminal)
                }
                Credential::IkeIdentity(identity) => {
                    let old = self.ike_identities.insert(identity.clone(), (index, *status));
                    old.map(|(terminal, _)| terminal)
                }
            };
            if let Some(other) = taken {
                let other = self.terminals.get(other as usize).map_or(&terminal.name, |t| &t.name);
                return Err(shared(credential, other.clone(), terminal.name.clone()));
            }
        }
        self.terminals.push(TerminalEntry {
            // The institution's own copy of its code: one less to fetch for a decision.
            name: TerminalName {
                institution: code.clone(),
                terminal: terminal.name.terminal.clone(),
            },
            institution,
            status: terminal.status,
        });
        Ok(())
    }
}

fn shared(credential: &Credential, a: TerminalName, b: TerminalName) -> Conflict {
    match credential {
        Credential::Certificate(c) => Conflict::Certificate(c.fingerprint, a, b),
        Credential::IkeIdentity(identity) => Conflict::IkeIdentity(identity.clone(), a, b),
    }
}

fn row(index: usize) -> Result<u32, Conflict> {
    u32::try_from(index).map_err(|_| Conflict::TooManyRows)
}
