//! Everything that is measured, side by side in one process.

use std::path::Path;
use std::sync::Arc;

use bench::certificates::client_name;
use bench::population;
use pki::Algorithm;
use policy::{Certificate, Credential, Policy, Status, UtcOffset};
use rustls::version::{TLS12, TLS13};

use crate::certificates::Certificates;
use crate::client::Client;
use crate::gateway::{self, Gateway};
use crate::{forwarder, system};

/// A log that costs no disk, so that the connections are what is measured.
const MEMORY: &str = "/dev/shm";
const DISK: &str = env!("CARGO_TARGET_TMPDIR");

/// One way from a client to the system.
pub(crate) struct Road {
    pub(crate) name: &'static str,
    pub(crate) client: Client,
    /// The threads of whatever stands between.
    pub(crate) threads: &'static [&'static str],
}

pub(crate) struct Setting {
    gateways: [Gateway; 3],
    pub(crate) roads: Vec<Road>,
}

impl Setting {
    pub(crate) fn start() -> Self {
        let system = system::start();
        let p256 = Certificates::new(Algorithm::EcdsaP256);
        let rsa = Certificates::new(Algorithm::Rsa2048);
        let policy = Arc::new(policy(&[&p256, &rsa]));
        let gateway =
            |certificates, log| Gateway::start(certificates, &policy, Path::new(log), system);
        let gateways = [gateway(&p256, MEMORY), gateway(&rsa, MEMORY), gateway(&p256, DISK)];
        let [ecdsa_gateway, rsa_gateway, disk_gateway] = &gateways;
        let naive_p256 = forwarder::start("naive", system, Some(p256.server_config()));
        let naive_rsa = forwarder::start("naive", system, Some(rsa.server_config()));
        let plain = forwarder::start("plain", system, None);

        let (p256_12, rsa_12) = (p256.client_config(&TLS12), rsa.client_config(&TLS12));
        let (p256_13, rsa_13) = (p256.client_config(&TLS13), rsa.client_config(&TLS13));
        let road = |name, threads, address, tls: Option<&Arc<_>>| Road {
            name,
            client: Client::new(address, tls.cloned()),
            threads,
        };
        let by_gateway = |name, address, tls| road(name, gateway::THREADS, address, Some(tls));
        let by_naive = |name, address, tls| road(name, &["naive"], address, Some(tls));
        let roads = vec![
            road("plain-tcp", &["plain"], plain, None),
            by_naive("naive-tls12-p256", naive_p256, &p256_12),
            by_gateway("gateway-tls12-p256", ecdsa_gateway.tls12, &p256_12),
            by_naive("naive-tls13-p256", naive_p256, &p256_13),
            by_gateway("gateway-tls13-p256", ecdsa_gateway.tls13, &p256_13),
            by_naive("naive-tls12-rsa2048", naive_rsa, &rsa_12),
            by_gateway("gateway-tls12-rsa2048", rsa_gateway.tls12, &rsa_12),
            by_naive("naive-tls13-rsa2048", naive_rsa, &rsa_13),
            by_gateway("gateway-tls13-rsa2048", rsa_gateway.tls13, &rsa_13),
            by_gateway("gateway-tls12-p256-log-on-disk", disk_gateway.tls12, &p256_12),
        ];
        Self { gateways, roads }
    }

    pub(crate) fn stop(self) {
        self.gateways.into_iter().for_each(Gateway::stop);
    }
}

/// The policy of a whole network, one terminal of which has these certificates too.
fn policy(certificates: &[&Certificates]) -> Policy {
    let mut roster = population::roster();
    let client = client_name();
    let terminal = roster.terminals.iter_mut().find(|terminal| terminal.name == client).unwrap();
    terminal.credentials.extend(certificates.iter().map(|certificates| {
        let fingerprint = certificates.fingerprint();
        let certificate = Certificate { fingerprint, not_before: 0, not_after: i64::MAX };
        (Credential::Certificate(certificate), Status::Active)
    }));
    Policy::compile(1, UtcOffset::default(), population::systems(), &roster).unwrap()
}
