//! The security associations of a strongSwan, as `swanctl --list-sas --pretty` has them: with
//! `--raw` a distinguished name could not be told from what follows it.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// An IKE SA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IkeSa {
    /// Its connection's name.
    pub name: String,
    /// As `ESTABLISHED`.
    pub state: String,
    /// Whether this side began.
    pub initiator: bool,
    /// SPI of the initiator, in hexadecimal.
    pub initiator_spi: String,
    /// SPI of the responder, likewise.
    pub responder_spi: String,
    /// This side, as it sees itself.
    pub local: End,
    /// The peer.
    pub remote: End,
    /// What was negotiated, as `AES_GCM_16_256/PRF_HMAC_SHA2_384/ECP_384`.
    pub suite: String,
    /// Whether a post-quantum pre-shared key is in its keys (RFC 8784).
    pub ppk: bool,
    /// The virtual addresses that this side was given.
    pub virtual_addresses: Vec<IpAddr>,
    /// What runs within; after a rekeying, the old one too until it is deleted.
    pub children: Vec<ChildSa>,
}

/// One end of an IKE SA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Where its messages come from.
    pub address: SocketAddr,
    /// Its identity.
    pub id: String,
    /// Whether it is, or claims to be, behind a translator.
    pub nat: bool,
}

/// A pair of SAs that protect traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildSa {
    /// Its name in the configuration.
    pub name: String,
    /// As `INSTALLED`.
    pub state: String,
    /// Whether ESP goes in UDP.
    pub encap: bool,
    /// SPI of the inbound SA, in hexadecimal.
    pub spi_in: String,
    /// SPI of the outbound SA, likewise.
    pub spi_out: String,
    /// What was negotiated, as `AES_GCM_16_256/CURVE_25519`.
    pub suite: String,
    /// Own networks.
    pub local_ts: Vec<String>,
    /// The peer's networks.
    pub remote_ts: Vec<String>,
    /// Inner bytes received.
    pub bytes_in: u64,
    /// Inner bytes sent.
    pub bytes_out: u64,
}

/// Reads all that `swanctl --list-sas --pretty` prints.
pub(super) fn parse(text: &str) -> Vec<IkeSa> {
    let mut lines = text.lines();
    let events = Node::read(&mut lines);
    events
        .nodes
        .into_iter()
        .filter(|(name, _)| name.contains("event"))
        .flat_map(|(_, event)| event.nodes)
        .map(|(name, node)| node.ike_sa(name))
        .collect()
}

/// A section: settings, lists and sections, each with its name.
#[derive(Debug, Default)]
struct Node {
    values: BTreeMap<String, String>,
    lists: BTreeMap<String, Vec<String>>,
    nodes: Vec<(String, Node)>,
}

impl Node {
    /// Reads up to the section's end. Sections are as deep as swanctl nests them.
    fn read<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Self {
        let mut node = Self::default();
        while let Some(line) = lines.next().map(str::trim) {
            if line == "}" {
                break;
            } else if let Some(name) = line.strip_suffix(" {") {
                node.nodes.push((name.to_owned(), Self::read(lines)));
            } else if let Some(name) = line.strip_suffix(" = [") {
                let items = lines.by_ref().map(str::trim).take_while(|line| *line != "]");
                node.lists.insert(name.to_owned(), items.map(ToOwned::to_owned).collect());
            } else if let Some((name, value)) = line.split_once(" = ") {
                node.values.insert(name.to_owned(), value.to_owned());
            }
        }
        node
    }

    fn text(&self, name: &str) -> String {
        self.values.get(name).cloned().unwrap_or_default()
    }

    fn number(&self, name: &str) -> u64 {
        self.values.get(name).map_or(0, |value| value.parse().unwrap())
    }

    fn is(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|value| value == "yes")
    }

    fn list(&self, name: &str) -> Vec<String> {
        self.lists.get(name).cloned().unwrap_or_default()
    }

    fn ike_sa(self, name: String) -> IkeSa {
        IkeSa {
            name,
            state: self.text("state"),
            initiator: self.is("initiator"),
            initiator_spi: self.text("initiator-spi"),
            responder_spi: self.text("responder-spi"),
            local: self.end("local"),
            remote: self.end("remote"),
            suite: self.suite(),
            ppk: self.is("ppk"),
            virtual_addresses: parsed(&self.list("local-vips")),
            children: self
                .nodes
                .into_iter()
                .filter(|(name, _)| name == "child-sas")
                .flat_map(|(_, children)| children.nodes)
                .map(|(_, child)| child.child_sa())
                .collect(),
        }
    }

    fn end(&self, side: &str) -> End {
        let host = self.text(&format!("{side}-host")).parse().unwrap();
        let port = self.text(&format!("{side}-port")).parse().unwrap();
        let (id, nat) = (self.text(&format!("{side}-id")), self.is(&format!("nat-{side}")));
        End { address: SocketAddr::new(host, port), id, nat }
    }

    fn child_sa(&self) -> ChildSa {
        ChildSa {
            name: self.text("name"),
            state: self.text("state"),
            encap: self.is("encap"),
            spi_in: self.text("spi-in"),
            spi_out: self.text("spi-out"),
            suite: self.suite(),
            local_ts: self.list("local-ts"),
            remote_ts: self.list("remote-ts"),
            bytes_in: self.number("bytes-in"),
            bytes_out: self.number("bytes-out"),
        }
    }

    fn suite(&self) -> String {
        let cipher = [self.text("encr-alg"), self.text("encr-keysize")];
        let cipher = cipher.into_iter().filter(|part| !part.is_empty());
        let further = ["integ-alg", "prf-alg", "dh-group"].map(ToOwned::to_owned);
        let additional = (1..=7).map(|number| format!("ake{number}"));
        let algorithms = further.into_iter().chain(additional).map(|name| self.text(&name));
        let cipher = cipher.collect::<Vec<_>>().join("_");
        let parts = std::iter::once(cipher).chain(algorithms).filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join("/")
    }
}

fn parsed(addresses: &[String]) -> Vec<IpAddr> {
    addresses.iter().map(|address| address.parse().unwrap()).collect()
}
