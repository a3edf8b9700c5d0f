//! The configuration of one gateway.

use std::fmt::Write as _;
use std::fs;

use demo::systems::Kind;

use crate::gateway::Gateway;
use crate::netns::Namespace;
use crate::program::{self, Outcome};
use crate::site::{CONFIG, HOSTS, Site};
use crate::systems;

/// The text of a `sekisho.toml`, in the parts that tests vary.
///
/// Without further words: one listener for every system by server name, one for
/// `enkaku-dokuei` alone, and a short drain, so that no test waits for its own clients.
#[derive(Clone, Debug)]
pub struct Configuration {
    listeners: Vec<String>,
    tls: String,
    limits: String,
    client_ca: Vec<String>,
    crl: Vec<String>,
    ipsec: String,
    systems: Vec<System>,
}

#[derive(Clone, Debug)]
struct System {
    kind: Kind,
    host: &'static str,
    upstream: String,
    more: String,
}

const CERTIFICATES: &str = r#"
[[tls.certificate]]
chain = "tls/front-ecdsa.pem"
key = "tls/front-ecdsa.key"
[[tls.certificate]]
chain = "tls/front-rsa.pem"
key = "tls/front-rsa.key"
"#;

impl Configuration {
    /// The usual, with `upstream` behind each system.
    pub fn new(upstream: impl Fn(Kind) -> String) -> Self {
        let system =
            |&(kind, host)| System { kind, host, upstream: upstream(kind), more: String::new() };
        Self {
            listeners: vec![listener(""), listener("system = \"enkaku-dokuei\"")],
            tls: "drain_timeout = \"1s\"\n".to_owned(),
            limits: String::new(),
            client_ca: vec!["ca/ca.pem".to_owned()],
            crl: vec!["ca/root.crl".to_owned(), "ca/issuing.crl".to_owned()],
            ipsec: String::new(),
            systems: HOSTS.iter().map(system).collect(),
        }
    }

    /// The file's text.
    pub fn text(&self) -> String {
        let Self { tls, limits, client_ca, crl, .. } = self;
        let mut text = format!(
            "[gateway]\nname = \"gw-test\"\nsocket = \"status.sock\"\n\
             [registry]\npath = \"registry.db\"\n\
             [log]\ndirectory = \"log\"\n\
             [ca]\ndirectory = \"ca\"\ntrust_domain = \"kmix-r.example\"\n\
             [tls]\nclient_ca = {client_ca:?}\ncrl = {crl:?}\n{tls}\
             [tls.limits]\n{limits}{CERTIFICATES}"
        );
        text.extend(self.listeners.iter().map(String::as_str));
        text.push_str(&self.ipsec);
        for System { kind, host, upstream, more } in &self.systems {
            let _infallible = write!(
                text,
                "[[system]]\nid = \"{kind}\"\nname = \"{}\"\nhosts = [\"{host}\"]\n\
                 upstream = \"{upstream}\"\n{more}",
                kind.name_ja(),
            );
        }
        text
    }

    fn system(&mut self, kind: Kind) -> &mut System {
        self.systems.iter_mut().find(|system| system.kind == kind).unwrap()
    }
}

fn listener(lines: &str) -> String {
    let address = if lines.contains("address") { "" } else { "address = \"127.0.0.1:0\"\n" };
    format!("[[tls.listener]]\n{address}{lines}\n")
}

/// A site and the configuration of the gateway there.
#[derive(Debug)]
pub struct Setup {
    /// The directory, for changes before the start.
    pub site: Site,
    configuration: Configuration,
}

impl Setup {
    /// The usual, in front of the demo systems.
    pub fn new() -> Self {
        Self::at(Site::new(), |kind| systems::demo(kind).to_string())
    }

    /// The usual at another site, with `upstream` behind each system.
    pub fn at(site: Site, upstream: impl Fn(Kind) -> String) -> Self {
        Self { site, configuration: Configuration::new(upstream) }
    }

    /// These listeners instead of the usual; each given by the lines that are not `address`,
    /// or with it.
    #[must_use]
    pub fn listeners(mut self, listeners: &[&str]) -> Self {
        self.configuration.listeners = listeners.iter().map(|lines| listener(lines)).collect();
        self
    }

    /// A further line under `[tls]`.
    #[must_use]
    pub fn tls(mut self, line: &str) -> Self {
        self.configuration.tls = format!("{line}\n{}", self.configuration.tls);
        self
    }

    /// Live connections may take this long to end when the gateway stops.
    #[must_use]
    pub fn drain_timeout(mut self, duration: &str) -> Self {
        self.configuration.tls =
            self.configuration.tls.replace("\"1s\"", &format!("\"{duration}\""));
        self
    }

    /// A further line under `[tls.limits]`.
    #[must_use]
    pub fn limit(mut self, line: &str) -> Self {
        self.configuration.limits = format!("{}{line}\n", self.configuration.limits);
        self
    }

    /// Another upstream for a system.
    #[must_use]
    pub fn upstream(mut self, kind: Kind, address: impl std::fmt::Display) -> Self {
        self.configuration.system(kind).upstream = format!("{address}");
        self
    }

    /// Further lines of a system.
    #[must_use]
    pub fn system(mut self, kind: Kind, lines: &str) -> Self {
        self.configuration.system(kind).more = format!("{lines}\n");
        self
    }

    /// One more trusted CA with its CRL.
    #[must_use]
    pub fn trust(mut self, ca: &str, crl: &str) -> Self {
        self.configuration.client_ca.push(ca.to_owned());
        self.configuration.crl.push(crl.to_owned());
        self
    }

    /// The section `[ipsec]` with all below it.
    #[must_use]
    pub fn ipsec(mut self, section: &str) -> Self {
        self.configuration.ipsec = section.to_owned();
        self
    }

    /// The configuration's text.
    pub fn text(&self) -> String {
        self.configuration.text()
    }

    /// Puts the configuration in place and starts the gateway.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub fn start(self) -> Gateway {
        self.start_anywhere(None)
    }

    /// The same in a network namespace; `sekisho` commands beside it run where the test does.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub fn start_in(self, namespace: &Namespace) -> Gateway {
        self.start_anywhere(Some(namespace.clone()))
    }

    fn start_anywhere(self, namespace: Option<Namespace>) -> Gateway {
        fs::write(self.site.path(CONFIG), self.text()).unwrap();
        Gateway::start(self.site, namespace)
    }

    /// Runs the gateway with a configuration, whatever it is, that keeps it from serving.
    pub fn fail(&self, text: &str) -> Outcome {
        fs::write(self.site.path(CONFIG), text).unwrap();
        program::finish(self.site.command().arg("run"), b"")
    }
}

impl Default for Setup {
    fn default() -> Self {
        Self::new()
    }
}
