//! One PKI with a server and a client, all with keys of one algorithm.

use std::sync::Arc;

use bench::log::now;
use bench::population::{SYSTEMS, terminal_name};
use pki::{
    Algorithm, Authority, CrlUpdate, Identity, Serial, Server, SigningKey, Subject, Terminal,
    Validity,
};
use policy::{Fingerprint, TerminalName};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, PrivatePkcs8KeyDer,
};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use terminator::{Material, ServerIdentity};

const DAY: i64 = 86_400;

/// A root that both ends trust, an issuing authority below it, the CRLs of both, and a
/// certificate for each end. Both ends send the issuing authority's with their own.
pub(crate) struct Certificates {
    root: CertificateDer<'static>,
    issuing: CertificateDer<'static>,
    crls: Vec<CertificateRevocationListDer<'static>>,
    server: Pair,
    client: Pair,
}

struct Pair {
    certificate: CertificateDer<'static>,
    key: SigningKey,
}

impl Certificates {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let today = now().unix_micros / 1_000_000;
        let validity = Validity::new(today - DAY, today + DAY).unwrap();
        let update = CrlUpdate { number: 1, this_update: today, next_update: today + DAY };
        let key = || SigningKey::generate(algorithm).unwrap();
        let serial = |number| Serial::from_random([number; 16]);

        let root = Authority::root(key(), &subject("Root"), validity, &serial(1)).unwrap();
        let issuing = root.issuing(key(), &subject("Issuing"), validity, &serial(2)).unwrap();
        let crls = [&root, &issuing].map(|ca| ca.sign_crl(update, []).unwrap().into());
        let (server_key, client_key) = (key(), key());
        let server =
            issuing.issue_server(&server(), server_key.public_key(), validity, &serial(3)).unwrap();
        let client = issuing
            .issue_terminal(&terminal(), client_key.public_key(), validity, &serial(4))
            .unwrap();
        Self {
            root: root.certificate().to_vec().into(),
            issuing: issuing.certificate().to_vec().into(),
            crls: crls.into(),
            server: Pair { certificate: server.into(), key: server_key },
            client: Pair { certificate: client.into(), key: client_key },
        }
    }

    /// The client's, as the policy knows it.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint(pki::certificate::fingerprint(&self.client.certificate))
    }

    /// What the gateway makes its handshakes of.
    pub(crate) fn material(&self) -> Material {
        let key = self.server.key.to_pkcs8_der().unwrap();
        let identity = ServerIdentity { chain: self.chain(&self.server), key };
        let (anchors, intermediates) = (vec![self.root.clone()], vec![self.issuing.clone()]);
        Material::new(vec![identity], anchors, intermediates, self.crls.clone()).unwrap()
    }

    /// A server that checks as much of the client as rustls itself does.
    pub(crate) fn server_config(&self) -> Arc<ServerConfig> {
        let provider = Arc::new(default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(self.trusted(), Arc::clone(&provider))
                .with_crls(self.crls.clone())
                .enforce_revocation_expiration()
                .build()
                .unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(self.chain(&self.server), self.server.rustls_key());
        Arc::new(config.unwrap())
    }

    /// A client of one version that never resumes.
    pub(crate) fn client_config(
        &self,
        version: &'static SupportedProtocolVersion,
    ) -> Arc<ClientConfig> {
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(self.trusted())
            .with_client_auth_cert(self.chain(&self.client), self.client.rustls_key())
            .unwrap();
        config.resumption = rustls::client::Resumption::disabled();
        Arc::new(config)
    }

    fn trusted(&self) -> Arc<RootCertStore> {
        let mut store = RootCertStore::empty();
        store.add(self.root.clone()).unwrap();
        Arc::new(store)
    }

    fn chain(&self, of: &Pair) -> Vec<CertificateDer<'static>> {
        vec![of.certificate.clone(), self.issuing.clone()]
    }
}

impl Pair {
    fn rustls_key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.to_pkcs8_der().unwrap().to_vec()).into()
    }
}

/// The terminal that all clients are.
pub(crate) fn client_name() -> TerminalName {
    terminal_name(0, 1)
}

/// The name the server's certificate is for, which leads to the first system.
pub(crate) fn server_name() -> String {
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
