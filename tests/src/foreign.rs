//! Another CA, made with the `openssl` command line: for certificates that `sekisho` would
//! not issue.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

use crate::peers::Credential;
use crate::program;
use crate::site::Site;

const CONFIGURATION: &str = "\
[ca]
default_ca = this
[this]
database = index.txt
serial = serial
crlnumber = crlnumber
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
default_days = 30
default_crl_days = 30
policy = names
unique_subject = no
[names]
commonName = supplied
[req]
distinguished_name = subject
[subject]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[client]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
authorityKeyIdentifier = keyid
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
authorityKeyIdentifier = keyid
subjectAltName = DNS:plus.kmix-r.example
";

/// A private key, as arguments of `openssl genpkey`.
pub const P256: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
/// A key too short.
pub const RSA_1024: &[&str] = &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"];

/// The CA's directory below a site.
#[derive(Debug)]
pub struct ForeignCa {
    name: &'static str,
    directory: PathBuf,
}

impl ForeignCa {
    /// A CA of its own in the directory `name`, with an empty CRL.
    pub fn new(site: &Site, name: &'static str) -> Self {
        let ca = Self { name, directory: site.path(name) };
        fs::create_dir(&ca.directory).unwrap();
        for (file, text) in [
            ("openssl.cnf", CONFIGURATION),
            ("index.txt", ""),
            ("serial", "1000\n"),
            ("crlnumber", "01\n"),
        ] {
            fs::write(ca.directory.join(file), text).unwrap();
        }
        ca.key("ca", P256);
        let subject = format!("/CN={name} CA");
        ca.openssl([
            "req",
            "-x509",
            "-config",
            "openssl.cnf",
            "-key",
            "ca.key",
            "-out",
            "ca.pem",
            "-days",
            "30",
            "-extensions",
            "authority",
            "-subj",
            &subject,
        ]);
        ca.publish();
        ca
    }

    /// Where its certificate is, from the site's directory.
    pub fn certificate(&self) -> String {
        format!("{}/ca.pem", self.name)
    }

    /// Where its CRL is, from the site's directory.
    pub fn crl(&self) -> String {
        format!("{}/crl.pem", self.name)
    }

    /// Issues a certificate: `extensions` is `client` or `server`; `options` are those of
    /// `openssl ca`.
    pub fn issue(
        &self,
        name: &str,
        key: &[&str],
        extensions: &str,
        options: &[&str],
    ) -> Credential {
        self.key(name, key);
        let (request, certificate) = (format!("{name}.csr"), format!("{name}.pem"));
        let subject = format!("/CN={name}");
        let key = format!("{name}.key");
        self.openssl([
            "req",
            "-new",
            "-config",
            "openssl.cnf",
            "-key",
            &key,
            "-out",
            &request,
            "-subj",
            &subject,
        ]);
        let ca = [
            "ca",
            "-batch",
            "-notext",
            "-config",
            "openssl.cnf",
            "-in",
            &request,
            "-out",
            &certificate,
            "-extensions",
            extensions,
        ];
        self.openssl(ca.iter().chain(options));
        (self.directory.join(certificate), self.directory.join(key))
    }

    /// Revokes a certificate; [`ForeignCa::publish`] tells.
    pub fn revoke(&self, name: &str) {
        self.openssl(["ca", "-config", "openssl.cnf", "-revoke", &format!("{name}.pem")]);
    }

    /// Issues the CRL anew.
    pub fn publish(&self) {
        self.publish_with(&[]);
    }

    /// Issues the CRL anew, with options of `openssl ca`.
    pub fn publish_with(&self, options: &[&str]) {
        let ca = ["ca", "-gencrl", "-config", "openssl.cnf", "-out", "crl.new"];
        self.openssl(ca.iter().chain(options));
        fs::rename(self.directory.join("crl.new"), self.directory.join("crl.pem")).unwrap();
    }

    fn key(&self, name: &str, kind: &[&str]) {
        let file = format!("{name}.key");
        self.openssl(["genpkey", "-out", &file].iter().chain(kind));
        program::run("chmod", ["0600".as_ref(), self.directory.join(file).as_os_str()])
            .expect_success();
    }

    fn openssl<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) {
        let mut openssl = program::command("openssl");
        openssl.args(arguments).current_dir(&self.directory);
        program::finish(&mut openssl, b"").expect_success();
    }
}
