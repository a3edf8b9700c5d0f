//! One PKI with a server and a client, all with keys of one algorithm.

use pki::{
    Algorithm, Authority, CrlUpdate, Identity, Serial, Server, SigningKey, Subject, Terminal,
    Validity,
};
use policy::TerminalName;

use crate::log::now;
use crate::population::{SYSTEMS, terminal_name};

const DAY: i64 = 86_400;

/// A root that both ends trust, an issuing authority below it, and a certificate for each end;
/// everything in DER.
pub struct Issued {
    /// The root's certificate.
    pub root: Vec<u8>,
    /// The issuing authority's.
    pub issuing: Vec<u8>,
    /// The lists of both, root first; they revoke nothing.
    pub crls: [Vec<u8>; 2],
    /// The gateway's.
    pub server: Pair,
    /// A terminal's.
    pub client: Pair,
}

/// A certificate with its key.
pub struct Pair {
    /// The certificate.
    pub certificate: Vec<u8>,
    /// The key.
    pub key: SigningKey,
}

impl Issued {
    /// Makes keys, certificates and lists, valid for a day from now.
    ///
    /// # Panics
    ///
    /// Never: all of it is well-formed.
    pub fn new(algorithm: Algorithm) -> Self {
        let today = now().unix_micros / 1_000_000;
        let validity = Validity::new(today - DAY, today + DAY).unwrap();
        let update = CrlUpdate { number: 1, this_update: today, next_update: today + DAY };
        let key = || SigningKey::generate(algorithm).unwrap();
        let serial = |number| Serial::from_random([number; 16]);

        let root = Authority::root(key(), &subject("Root"), validity, &serial(1)).unwrap();
        let issuing = root.issuing(key(), &subject("Issuing"), validity, &serial(2)).unwrap();
        let crls = [&root, &issuing].map(|ca| ca.sign_crl(update, []).unwrap());
        let (server_key, client_key) = (key(), key());
        let server =
            issuing.issue_server(&server(), server_key.public_key(), validity, &serial(3)).unwrap();
        let client = issuing
            .issue_terminal(&terminal(), client_key.public_key(), validity, &serial(4))
            .unwrap();
        Self {
            root: root.certificate().to_vec(),
            issuing: issuing.certificate().to_vec(),
            crls,
            server: Pair { certificate: server, key: server_key },
            client: Pair { certificate: client, key: client_key },
        }
    }

    /// What either end sends: its own certificate, then the issuing authority's.
    pub fn chain(&self, of: &Pair) -> [Vec<u8>; 2] {
        [of.certificate.clone(), self.issuing.clone()]
    }
}

/// The terminal that the client is.
pub fn client_name() -> TerminalName {
    terminal_name(0, 1)
}

/// The name the server's certificate is for, which leads to the first system.
pub fn server_name() -> String {
    let [system, ..] = SYSTEMS;
    format!("{system}.example.jp")
}

fn subject(common_name: &str) -> Subject {
    let organization = "Sekisho".to_owned();
    Subject { organization, unit: None, common_name: common_name.to_owned() }
}

fn server() -> Server {
    Server { subject: subject("gw1"), dns_names: vec![server_name()], ip_addresses: Vec::new() }
}

fn terminal() -> Terminal {
    let TerminalName { institution, terminal } = client_name();
    let identity =
        Identity::new("sekisho.example.jp", institution.as_str(), terminal.as_str()).unwrap();
    Terminal { organization: "Clinic".to_owned(), unit: None, identity }
}
