//! The key that seals site routers' keys in the registry: a file beside the database, or
//! elsewhere, that a copy of the database comes without.

use registry::{Filter, KeyRing, Reader, SealingKey};

use super::secret;
use crate::Failure;
use crate::config::{Config, Problem};
use crate::files::{self, PRIVATE};

/// Every key of the registry, opened.
pub(crate) fn key_ring(config: &Config, registry: &Reader) -> Result<KeyRing, Failure> {
    match read(config, registry)? {
        Some(sealing) => Ok(registry.key_ring(&sealing)?),
        None => Ok(KeyRing::default()),
    }
}

/// The sealing key; made where there is none yet.
pub(crate) fn key(config: &Config, registry: &Reader) -> Result<SealingKey, Failure> {
    if let Some(sealing) = read(config, registry)? {
        return Ok(sealing);
    }
    let octets = SealingKey::generate()?;
    files::create_whole(&config.sealing_key.path, &*octets, PRIVATE)?;
    Ok(SealingKey::new(&octets)?)
}

/// `None` where there is no sealing key, and nothing that one could have sealed.
fn read(config: &Config, registry: &Reader) -> Result<Option<SealingKey>, Failure> {
    let file = &config.sealing_key;
    let path = file.path.display();
    let at = |message: String, remedy: String| {
        config.problems(vec![Problem::at(file.span.clone(), message, remedy)])
    };
    if matches!(file.path.try_exists(), Ok(false)) {
        let sealed = registry.ike_identities(&Filter::default())?.len();
        if sealed == 0 {
            return Ok(None);
        }
        let message = format!("{path}, with which {sealed} keys were sealed, is not there");
        let remedy = format!(
            "restore it from its backup; if it is lost, run: (umask 077; head -c 32 \
             /dev/urandom > {path}) and give every router a new key with 'sekisho router set-key'"
        );
        return Err(at(message, remedy).into());
    }
    let octets =
        secret::octets(&file.path).map_err(|unfit| config.problems(vec![unfit.at(file)]))?;
    match octets.first_chunk().filter(|key: &&[u8; SealingKey::LEN]| key.len() == octets.len()) {
        Some(octets) => Ok(Some(SealingKey::new(octets)?)),
        None => {
            let message = format!("{path}: {} octets are no sealing key", octets.len());
            Err(at(message, "restore it from its backup: it has 32 octets".to_owned()).into())
        }
    }
}
