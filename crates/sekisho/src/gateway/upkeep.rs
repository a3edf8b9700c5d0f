//! Keeps a running gateway in step with the registry and with the files of its
//! certificates. Each change is applied whole or, with a record of why, not at all; what
//! could not be applied is tried again.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use policy::{Network, Policy};
use registry::Reader;
use terminator::Front;
use tokio::sync::watch;

use super::status::Status;
use super::{GatewayEvent, Journal, compile, data_plane, ipsec, layer3};
use crate::Failure;
use crate::config::{CertificateFiles, Config, Located};
use crate::material::{self, CrlNumbers};

/// How often files are looked at.
const FILES: Duration = Duration::from_secs(1);
/// How long after a failure the same thing is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// Which file a path leads to, and which version of it.
pub(super) type Identity = Option<(u64, u64, u64, SystemTime)>;

pub(super) struct Upkeep<'a> {
    config: &'a Config,
    policies: watch::Sender<Arc<Policy>>,
    front: &'a Front,
    status: &'a Status,
    journal: &'a Journal,
    reader: Reader,
    /// Which file the reader has open.
    registry: Option<(u64, u64)>,
    /// The version of the registry that is in force, as [`Reader::data_version`] counts.
    applied: Option<u32>,
    policy: Attempt,
    files: Vec<PathBuf>,
    versions: Vec<Identity>,
    material: Attempt,
    crl_numbers: CrlNumbers,
    files_due: Instant,
    ipsec: Option<ipsec::Upkeep<'a>>,
    data_plane: Option<data_plane::Upkeep<'a>>,
}

/// When something that failed is tried again, and what was said of it.
#[derive(Default)]
pub(super) struct Attempt {
    again_at: Option<Instant>,
    said: String,
}

impl Attempt {
    pub(super) fn is_due(&self) -> bool {
        self.again_at.is_none_or(|at| Instant::now() >= at)
    }

    pub(super) fn has_failed(&self) -> bool {
        self.again_at.is_some()
    }

    pub(super) fn failed(&mut self, why: String, note: impl FnOnce(&str)) {
        self.again_at = Some(Instant::now() + RETRY);
        if self.said != why {
            note(&why);
            self.said = why;
        }
    }
}

impl<'a> Upkeep<'a> {
    pub(super) fn new(
        config: &'a Config,
        reader: Reader,
        policies: watch::Sender<Arc<Policy>>,
        crl_numbers: CrlNumbers,
        front: &'a Front,
        status: &'a Status,
        journal: &'a Journal,
    ) -> Self {
        let tls = &config.tls;
        let files = files_of(&tls.certificates, &tls.client_ca, &tls.crl);
        let versions = versions(&files);
        Self {
            config,
            policies,
            front,
            status,
            journal,
            reader,
            registry: file_of(&config.registry),
            applied: None,
            policy: Attempt::default(),
            files,
            versions,
            material: Attempt::default(),
            crl_numbers,
            files_due: Instant::now() + FILES,
            ipsec: None,
            data_plane: None,
        }
    }

    /// The roads of layer 3 as well.
    pub(super) fn with_layer3(self, started: Option<layer3::Started>) -> Self {
        let Some(layer3::Started { plane, ipsec }) = started else { return self };
        let ipsec = self.config.ipsec.as_ref().zip(ipsec).map(|(ipsec, started)| {
            ipsec::Upkeep::new(self.config, ipsec, started, self.status, self.journal)
        });
        Self { ipsec, data_plane: Some(data_plane::Upkeep::new(self.config, plane)), ..self }
    }

    /// Applies what has changed since the last look.
    pub(super) fn look(&mut self) {
        if self.policy.is_due() {
            self.take_policy();
        }
        if let Some(ipsec) = &mut self.ipsec {
            ipsec.take_keys(&self.reader);
        }
        if Instant::now() < self.files_due {
            return;
        }
        self.files_due = Instant::now() + FILES;
        let versions = versions(&self.files);
        if versions != self.versions || (self.material.has_failed() && self.material.is_due()) {
            self.versions = versions;
            self.take_material();
        }
        if let Some(ipsec) = &mut self.ipsec {
            ipsec.look_at_files();
        }
        if let Some(plane) = &self.data_plane {
            plane.look_at_addresses();
        }
        self.status.warn_of_expiry();
        self.status.watch_log();
    }

    /// Reads certificates and CRLs anew, whether they have changed or not.
    pub(super) fn reload(&mut self) {
        self.take_material();
        if let Some(ipsec) = &mut self.ipsec {
            ipsec.reload();
        }
    }

    fn take_policy(&mut self) {
        match self.try_policy() {
            Ok(()) => self.policy = Attempt::default(),
            Err(error) => self.policy.failed(error.to_string(), |why| {
                tracing::error!("the registry's change is not in force: {why}");
                self.journal.note(GatewayEvent::PolicyRejected, Some(why.to_owned()));
            }),
        }
    }

    fn try_policy(&mut self) -> Result<(), Failure> {
        // A registry restored from a backup is another file, and its versions count anew.
        let registry = file_of(&self.config.registry);
        let replaced = registry != self.registry;
        if replaced {
            self.reader = Reader::open(&self.config.registry)?;
            self.registry = registry;
            self.applied = None;
        }
        let version = self.reader.data_version()?;
        if self.applied == Some(version) {
            return Ok(());
        }
        if replaced || self.reader.version()? != self.policies.borrow().generation() {
            let policy = Arc::new(compile(self.config, &self.reader)?);
            let generation = policy.generation();
            self.policies.send_replace(Arc::clone(&policy));
            tracing::info!(generation, "policy changed");
            self.journal
                .note(GatewayEvent::PolicyChanged, Some(format!("generation {generation}")));
            if let Some(plane) = &self.data_plane {
                plane.take_policy(&policy);
            }
            if let Some(ipsec) = &mut self.ipsec {
                ipsec.note_registry();
            }
        }
        self.applied = Some(version);
        Ok(())
    }

    fn take_material(&mut self) {
        match material::load(self.config, crate::unix_now(), &self.crl_numbers) {
            Ok((handshakes, summary)) => {
                self.front.replace_material(handshakes);
                self.crl_numbers = summary.crl_numbers();
                self.status.note_summary(Network::Tls, &summary);
                self.material = Attempt::default();
                tracing::info!("certificates and revocation lists changed");
                self.journal.note(GatewayEvent::MaterialChanged, None);
            }
            Err(problems) => self.material.failed(problems.in_one_line(), |why| {
                tracing::error!("certificates or CRLs are not in force:\n{problems}");
                self.journal.note(GatewayEvent::MaterialRejected, Some(why.to_owned()));
            }),
        }
    }
}

/// Every file whose change matters to a road.
pub(super) fn files_of(
    certificates: &[CertificateFiles],
    client_ca: &[Located],
    crl: &[Located],
) -> Vec<PathBuf> {
    let certificates = certificates
        .iter()
        .flat_map(|files| [Some(&files.chain), Some(&files.key), files.passphrase.as_ref()]);
    let located = certificates.flatten().chain(client_ca).chain(crl);
    located.map(|file| file.path.clone()).collect()
}

pub(super) fn versions(files: &[PathBuf]) -> Vec<Identity> {
    let version = |path: &PathBuf| {
        let found = fs::metadata(path).ok()?;
        Some((found.dev(), found.ino(), found.len(), found.modified().ok()?))
    };
    files.iter().map(version).collect()
}

fn file_of(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
}
