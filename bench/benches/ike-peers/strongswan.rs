//! strongSwan, set up for load.

use sekisho_tests::netns::Namespace;
use sekisho_tests::strongswan::{Config, Connection, Party, Strongswan};

use crate::pki_files::{Files, GATEWAY};
use crate::wanted::{KEY_EXCHANGES, proposal};

/// The plugins in the order that Debian's build has them: small ciphers and hashes of its own
/// before those of OpenSSL, which cost it half as much again. Without ESP of its own: nothing of
/// that slows it. The table of SAs as strongSwan's documentation advises for many
/// (<https://docs.strongswan.org/docs/5.9/howtos/ikeSaTable.html>), and no limits on half-open
/// ones.
const SETTINGS: &str = "\
load = aesni aes sha2 sha1 mgf1 random nonce x509 revocation constraints pubkey pkcs1 pkcs8 pem \
       openssl hmac kdf gcm drbg kernel-netlink socket-default vici
ikesa_table_size = 4096
ikesa_table_segments = 16
dos_protection = no
init_limit_half_open = 0
init_limit_job_load = 0
half_open_timeout = 60
install_routes = no
install_virtual_ip = no";

/// Starts it as the same gateway, with the same files. It logs as little as it can. IKE SAs have
/// no children; nothing comes due by itself.
pub(crate) fn start(files: &Files, namespace: &Namespace) -> Strongswan {
    let mut connection = Connection::new(
        "clinics",
        Party::certificate(files.gateway()).with_id(GATEWAY),
        Party::pubkey().with("revocation = strict"),
    );
    connection.proposals = KEY_EXCHANGES.map(proposal).into();
    connection.childless = Some("force");
    connection.mobike = false;
    let more = ["send_cert = always", "unique = never", "rekey_time = 0s", "reauth_time = 0s"];
    connection.more = more.map(String::from).into();
    let config = Config {
        connections: vec![connection],
        authorities: vec![files.authorities()],
        crls: files.crls().into(),
        settings: SETTINGS.to_owned(),
        verbosity: Some(0),
        ..Config::default()
    };
    Strongswan::start(namespace, &config)
}
