//! What clients and servers make of one PKI.

use std::sync::Arc;

use bench::certificates::{Issued, Pair};
use pki::Algorithm;
use policy::Fingerprint;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, PrivatePkcs8KeyDer,
};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use terminator::{Material, ServerIdentity};

/// Both ends send the issuing authority's certificate with their own.
pub(crate) struct Certificates(Issued);

impl Certificates {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        Self(Issued::new(algorithm))
    }

    /// The client's, as the policy knows it.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint(pki::certificate::fingerprint(&self.0.client.certificate))
    }

    /// What the gateway makes its handshakes of.
    pub(crate) fn material(&self) -> Material {
        let Issued { root, issuing, server, .. } = &self.0;
        let key = server.key.to_pkcs8_der().unwrap();
        let identity = ServerIdentity { chain: self.chain(server), key };
        let (anchors, intermediates) = (vec![root.clone().into()], vec![issuing.clone().into()]);
        Material::new(vec![identity], anchors, intermediates, self.crls()).unwrap()
    }

    /// A server that checks as much of the client as rustls itself does.
    pub(crate) fn server_config(&self) -> Arc<ServerConfig> {
        let provider = Arc::new(default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(self.trusted(), Arc::clone(&provider))
                .with_crls(self.crls())
                .enforce_revocation_expiration()
                .build()
                .unwrap();
        let server = &self.0.server;
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(self.chain(server), rustls_key(server));
        Arc::new(config.unwrap())
    }

    /// A client of one version that never resumes.
    pub(crate) fn client_config(
        &self,
        version: &'static SupportedProtocolVersion,
    ) -> Arc<ClientConfig> {
        let client = &self.0.client;
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(self.trusted())
            .with_client_auth_cert(self.chain(client), rustls_key(client))
            .unwrap();
        config.resumption = rustls::client::Resumption::disabled();
        Arc::new(config)
    }

    fn trusted(&self) -> Arc<RootCertStore> {
        let mut store = RootCertStore::empty();
        store.add(self.0.root.clone().into()).unwrap();
        Arc::new(store)
    }

    fn crls(&self) -> Vec<CertificateRevocationListDer<'static>> {
        self.0.crls.iter().cloned().map(Into::into).collect()
    }

    fn chain(&self, of: &Pair) -> Vec<CertificateDer<'static>> {
        self.0.chain(of).map(Into::into).into()
    }
}

fn rustls_key(pair: &Pair) -> PrivateKeyDer<'static> {
    PrivatePkcs8KeyDer::from(pair.key.to_pkcs8_der().unwrap().to_vec()).into()
}
