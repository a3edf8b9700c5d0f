//! The gateway as a process.

use std::fs;

use sekisho_tests::netns::Namespace;
use sekisho_tests::program::Server;
use sekisho_tests::until;

use crate::pki_files::{CONFIG, Files, GATEWAY};
use crate::wanted::{CHILD_PROPOSAL, KEY_EXCHANGES, SYSTEM, proposal};

/// Its configuration: the defaults, but that nothing comes due during the measurement, and nobody
/// is asked for a cookie, as strongSwan asks nobody.
pub(crate) fn configuration() -> String {
    let proposals = KEY_EXCHANGES.map(proposal);
    format!(
        r#"[gateway]
name = "gw-bench"
socket = "status.sock"
[registry]
path = "registry.db"
[log]
directory = "log"
[ca]
directory = "ca"
trust_domain = "kmix-r.example"
[tls]
client_ca = ["ca/ca.pem"]
crl = ["ca/root.crl", "ca/issuing.crl"]
[[tls.certificate]]
chain = "tls/gateway.pem"
key = "tls/gateway.key"
[[tls.listener]]
address = "127.0.0.1:0"
[ipsec]
listen = ["0.0.0.0"]
identity = "{GATEWAY}"
ike_proposals = {proposals:?}
esp_proposals = ["{CHILD_PROPOSAL}"]
dpd_interval = "12h"
ike_lifetime = "24h"
child_lifetime = "24h"
[ipsec.limits]
cookie_threshold = 4096
[[ipsec.certificate]]
chain = "tls/gateway.pem"
key = "tls/gateway.key"
[[system]]
id = "kmix-plus"
name = "K-MIX+"
hosts = ["{GATEWAY}"]
upstream = "127.0.0.1:9"
[[system.destination]]
network = "{SYSTEM}"
services = ["tcp/443"]
"#
    )
}

/// Starts it, and waits until it serves.
pub(crate) fn start(files: &Files, namespace: &Namespace) -> Server {
    let said = files.path("stderr");
    let stderr = fs::File::create(&said).unwrap();
    let server = namespace.serve(Files::program(), |sekisho| {
        sekisho.arg("--config").arg(files.path(CONFIG)).arg("run").stderr(stderr)
    });
    until("the gateway serves", || {
        let said = fs::read_to_string(&said).unwrap();
        said.lines().any(|line| line.ends_with(" serving")).then_some(())
    });
    server
}
