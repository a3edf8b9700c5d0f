//! Keeps a running gateway in step with the registry and with the files of its
//! certificates. Each change is applied whole or, with a record of why, not at all.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use policy::Policy;
use registry::Reader;
use terminator::Front;
use tokio::sync::watch;

use super::status::Status;
use super::{GatewayEvent, Journal, compile};
use crate::config::Config;
use crate::material;

/// How often files are looked at.
const FILES: Duration = Duration::from_secs(1);

pub(super) struct Upkeep<'a> {
    config: &'a Config,
    reader: Reader,
    seen: Option<u32>,
    policies: watch::Sender<Arc<Policy>>,
    front: &'a Front,
    status: &'a Status,
    journal: &'a Journal,
    files: Vec<PathBuf>,
    changed: Vec<SystemTime>,
    files_due: Instant,
}

impl<'a> Upkeep<'a> {
    pub(super) fn new(
        config: &'a Config,
        reader: Reader,
        policies: watch::Sender<Arc<Policy>>,
        front: &'a Front,
        status: &'a Status,
        journal: &'a Journal,
    ) -> Self {
        let files = files_of(config);
        let changed = material::last_change(files.iter().map(PathBuf::as_path));
        let files_due = Instant::now() + FILES;
        // The first look compares versions: the registry may have changed since it was read.
        let seen = None;
        Self { config, reader, seen, policies, front, status, journal, files, changed, files_due }
    }

    /// Applies what has changed since the last look.
    pub(super) fn look(&mut self) {
        match self.reader.data_version() {
            Ok(version) if self.seen == Some(version) => {}
            Ok(version) => {
                self.seen = Some(version);
                self.take_policy();
            }
            Err(error) => tracing::warn!(%error, "the registry cannot be read"),
        }
        if Instant::now() >= self.files_due {
            self.files_due = Instant::now() + FILES;
            let changed = material::last_change(self.files.iter().map(PathBuf::as_path));
            if changed != self.changed {
                self.changed = changed;
                self.take_material();
            }
            self.status.warn_of_expiry();
        }
    }

    /// Applies everything anew.
    pub(super) fn reload(&mut self) {
        self.take_policy();
        self.take_material();
    }

    fn take_policy(&self) {
        let current = self.policies.borrow().generation();
        match self.reader.version() {
            Ok(version) if version == current => return,
            Ok(_) | Err(_) => {}
        }
        match compile(self.config, &self.reader) {
            Ok(policy) => {
                let detail = format!("generation {}", policy.generation());
                tracing::info!(generation = policy.generation(), "policy changed");
                self.policies.send_replace(Arc::new(policy));
                self.journal.note(GatewayEvent::PolicyChanged, Some(detail));
            }
            Err(error) => {
                tracing::error!(%error, "the registry's change is not in force");
                self.journal.note(GatewayEvent::PolicyRejected, Some(error.to_string()));
            }
        }
    }

    fn take_material(&self) {
        match material::load(self.config, crate::unix_now()) {
            Ok((handshakes, summary)) => {
                self.front.replace_material(handshakes);
                self.status.note_summary(&summary);
                tracing::info!("certificates and revocation lists changed");
                self.journal.note(GatewayEvent::MaterialChanged, None);
            }
            Err(problems) => {
                tracing::error!(
                    "new certificates or revocation lists are not in force:\n{problems}"
                );
                self.journal.note(GatewayEvent::MaterialRejected, Some(problems.in_one_line()));
            }
        }
    }
}

/// Every file whose change matters to the TLS front.
fn files_of(config: &Config) -> Vec<PathBuf> {
    let tls = &config.tls;
    let certificates = tls.certificates.iter().flat_map(|files| [&files.chain, &files.key]);
    let located = certificates.chain(&tls.client_ca).chain(&tls.crl);
    located.map(|file| Path::to_path_buf(&file.path)).collect()
}
