//! The roads of layer 3, IP-VPN and IPsec: the data plane that both use, and IKE beside it.

use std::sync::Arc;

use datapath::{Handle, Opened, Recording};
use logstore::Recorder;
use policy::Policy;
use registry::Reader;
use tokio::sync::watch;

use super::ike_plane::ToIke;
use super::{data_plane, ipsec, ipsec_status};
use crate::config::Config;
use crate::{Failure, firewall};

/// What was read, made and bound before anything is served.
pub(super) struct Prepared<'a> {
    opened: Opened,
    ipsec: Option<ipsec::Prepared<'a>>,
}

/// Reads, makes and binds; `None` where neither road is configured.
pub(super) fn prepare<'a>(
    config: &'a Config,
    reader: &Reader,
    policy: &Policy,
) -> Result<Option<Prepared<'a>>, Failure> {
    if config.ipsec.is_none() && config.ip_vpn.is_none() {
        return Ok(None);
    }
    warn_without_firewall();
    let opened = data_plane::open(config, policy)?;
    let ipsec = config.ipsec.as_ref();
    let ipsec = ipsec.map(|ipsec| ipsec::prepare(config, ipsec, reader, opened.nat_port()));
    Ok(Some(Prepared { opened, ipsec: ipsec.transpose()? }))
}

fn warn_without_firewall() {
    let why = match firewall::is_there() {
        Ok(true) => return,
        Ok(false) => "there is no table inet sekisho".to_owned(),
        Err(error) => error.to_string(),
    };
    tracing::warn!(
        "the firewall behind the routes is not known to stand: {why}; 'sekisho barrier install' \
         makes it, at boot by sekisho-barrier.service"
    );
}

/// The roads, from their start on.
pub(super) struct Started {
    pub(super) plane: Arc<Handle>,
    pub(super) ipsec: Option<ipsec::Started>,
}

impl Started {
    /// As status answers show them.
    pub(super) fn road(&self) -> ipsec_status::Road {
        let ike = self.ipsec.as_ref().map(|started| Arc::clone(&started.service));
        ipsec_status::Road { ike, plane: Arc::clone(&self.plane) }
    }
}

/// Brings the roads to life.
pub(super) fn start(
    config: &Config,
    prepared: Prepared<'_>,
    policies: &watch::Sender<Arc<Policy>>,
    recorder: &Recorder,
) -> Result<(Started, Threads), Failure> {
    let Prepared { opened, ipsec } = prepared;
    let to_ike = Arc::<ToIke>::default();
    let sockets = ipsec.as_ref().map(ipsec::Prepared::sockets_with_esp).transpose()?;
    let policy = Arc::clone(&policies.borrow());
    let recording = Recording {
        gateway: Arc::clone(&config.gateway),
        offset: config.offset,
        recorder: recorder.clone(),
    };
    let sockets = sockets.unwrap_or_default();
    let (plane, carriers) = data_plane::start(opened, &policy, &to_ike, sockets, &recording)?;
    let ipsec = ipsec.map(|prepared| {
        let (plane, policies) = (Arc::clone(&plane), policies.subscribe());
        ipsec::start(config, prepared, plane, &to_ike, policies, recorder.clone())
    });
    let (ipsec, ike) = ipsec.transpose()?.unzip();
    Ok((Started { plane, ipsec }, Threads { ike, carriers }))
}

/// The roads' threads.
pub(super) struct Threads {
    ike: Option<iked::Threads>,
    carriers: datapath::Threads,
}

impl Threads {
    /// Whether all are still there.
    pub(super) fn are_well(&self) -> bool {
        self.ike.as_ref().is_none_or(iked::Threads::are_well) && self.carriers.are_well()
    }

    /// Ends every session and tells its peer, then the packets' threads.
    pub(super) fn stop(self) {
        if let Some(ike) = self.ike {
            ike.stop();
        }
        self.carriers.stop();
    }
}
