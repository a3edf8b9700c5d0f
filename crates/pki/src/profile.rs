//! Which extensions each kind of certificate carries (RFC 5280 §4.2).

use der::asn1::{Ia5String, OctetString};
use der::flagset::FlagSet;
use der::oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH};
use x509_cert::TbsCertificate;
use x509_cert::builder::{Result, profile::BuilderProfile};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;
use x509_cert::spki::SubjectPublicKeyInfoRef;

use crate::identity::Identity;
use crate::{ObjectIdentifier, Server};

/// What a certificate is for.
pub(crate) enum Role<'a> {
    /// An authority, with at most so many authorities below it in a chain.
    Authority { path_length: u8 },
    /// A TLS server.
    Server(&'a Server),
    /// A TLS client.
    Terminal(&'a Identity),
}

/// The parts of a certificate that its issuer decides.
pub(crate) struct Profile<'a> {
    pub(crate) role: Role<'a>,
    pub(crate) subject: Name,
    pub(crate) issuer: Name,
    /// The issuer's subject key identifier; none when the certificate is its own issuer.
    pub(crate) issuer_key: Option<OctetString>,
}

impl BuilderProfile for Profile<'_> {
    fn get_issuer(&self, _subject: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        subject_key: SubjectPublicKeyInfoRef<'_>,
        _issuer_key: SubjectPublicKeyInfoRef<'_>,
        _tbs: &TbsCertificate,
    ) -> Result<Vec<Extension>> {
        let subject_key = SubjectKeyIdentifier::try_from(subject_key)?;
        let issuer_key = self.issuer_key.as_ref().unwrap_or(&subject_key.0).clone();

        let mut extensions = Extensions { subject: &self.subject, list: Vec::new() };
        extensions.push(&authority_key_identifier(issuer_key))?;
        extensions.push(&subject_key)?;
        match &self.role {
            Role::Authority { path_length } => {
                let path_len_constraint = Some(*path_length);
                extensions.push(&BasicConstraints { ca: true, path_len_constraint })?;
                extensions.push(&KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign))?;
            }
            Role::Server(server) => {
                extensions.push_end_entity(ID_KP_SERVER_AUTH, server_names(server)?)?;
            }
            Role::Terminal(identity) => {
                extensions.push_end_entity(ID_KP_CLIENT_AUTH, vec![identity_name(identity)?])?;
            }
        }
        Ok(extensions.list)
    }
}

struct Extensions<'a> {
    subject: &'a Name,
    list: Vec<Extension>,
}

impl Extensions<'_> {
    fn push<'e, E>(&mut self, extension: &'e E) -> der::Result<()>
    where
        &'e E: ToExtension<Error = der::Error>,
    {
        let extension = extension.to_extension(self.subject, &self.list)?;
        self.list.push(extension);
        Ok(())
    }

    /// The key signs handshakes only: TLS 1.3, and TLS 1.2 with ECDHE.
    fn push_end_entity(
        &mut self,
        purpose: ObjectIdentifier,
        names: Vec<GeneralName>,
    ) -> der::Result<()> {
        self.push(&KeyUsage(FlagSet::from(KeyUsages::DigitalSignature)))?;
        self.push(&ExtendedKeyUsage(vec![purpose]))?;
        self.push(&SubjectAltName(names))
    }
}

/// RFC 5280 §4.2.1.1, by key identifier only.
pub(crate) fn authority_key_identifier(issuer_key: OctetString) -> AuthorityKeyIdentifier {
    AuthorityKeyIdentifier { key_identifier: Some(issuer_key), ..Default::default() }
}

fn server_names(server: &Server) -> der::Result<Vec<GeneralName>> {
    let dns = server.dns_names.iter().map(|name| Ia5String::new(name).map(GeneralName::DnsName));
    let ip = server.ip_addresses.iter().map(|address| Ok(GeneralName::from(*address)));
    dns.chain(ip).collect()
}

fn identity_name(identity: &Identity) -> der::Result<GeneralName> {
    Ia5String::new(&identity.to_string()).map(GeneralName::UniformResourceIdentifier)
}
