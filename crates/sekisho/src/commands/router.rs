//! `sekisho router …`

use std::collections::HashMap;
use std::path::Path;

use ike_wire::Identity;
use policy::{Status, TerminalName};
use registry::{Filter, IkeIdentity, Ppk, PreSharedKeys, SealingKey, SharedKey};
use serde_json::json;
use zeroize::Zeroizing;

use super::{act, as_owner, open_registry, terminal};
use crate::cli::{self, Listing, PpkArgs, Psk, RouterAdd, RouterIdentity};
use crate::config::Config;
use crate::material::{sealing, secret};
use crate::{Failure, output};

pub(super) fn run(config: &Config, command: cli::Router) -> Result<(), Failure> {
    use cli::Router as Command;
    match command {
        Command::Add(options) => add(config, &options),
        Command::List(listing) => list(config, listing),
        Command::SetKey { which, psk, json } => set_key(config, &which, &psk, json.json),
        Command::SetPpk { which, ppk, remove: _, json } => set_ppk(config, &which, &ppk, json.json),
        Command::Suspend { name } => terminal::set(config, &name, Status::Suspended),
        Command::Resume { name } => terminal::set(config, &name, Status::Active),
        Command::Revoke { name, why } => terminal::revoke(config, &name, why.reason),
        Command::RevokeIdentity { identity } => {
            act(config, |desk| desk.set_ike_identity_status(&identity, Status::Revoked))?;
            output::line(format_args!("{identity}: revoked"))
        }
    }
}

/// The IKE identities of a router.
pub(super) fn identities(
    config: &Config,
    name: &TerminalName,
) -> Result<Vec<IkeIdentity>, Failure> {
    let filter = Filter { institution: Some(name.institution.clone()), ..Filter::default() };
    let mut identities = open_registry(config)?.reader().ike_identities(&filter)?;
    identities.retain(|identity| identity.terminal == *name);
    Ok(identities)
}

fn add(config: &Config, options: &RouterAdd) -> Result<(), Failure> {
    let RouterAdd { name, identity, psk, ppk, json } = options;
    let identity = canonical(identity)?;
    let (psk, ppk) = (psk_of(psk)?, ppk_of(ppk)?);
    let keys = PreSharedKeys { key: psk.key.clone(), ppk: ppk.as_ref().map(NewPpk::ppk) };
    let sealing = sealing_key(config)?;
    act(config, |desk| desk.add_router(name.clone(), &identity, &keys, &sealing))?;
    let done = Done { router: name, identity: &identity, what: "registered" };
    done.show(Some(&psk), ppk.as_ref(), json.json)
}

/// The text by which the policy will know the identity when a router shows it.
pub(super) fn canonical(given: &str) -> Result<String, Failure> {
    let identity: Identity = given.trim().parse().map_err(|error| format!("'{given}': {error}"))?;
    Ok(identity.to_string())
}

fn set_key(
    config: &Config,
    which: &RouterIdentity,
    psk: &Psk,
    as_json: bool,
) -> Result<(), Failure> {
    let identity = identity(config, which)?;
    let psk = psk_of(psk)?;
    let sealing = sealing_key(config)?;
    act(config, |desk| desk.set_pre_shared_key(&identity, &psk.key, &sealing))?;
    let done = Done { router: &which.name, identity: &identity, what: "key set" };
    done.show(Some(&psk), None, as_json)
}

fn set_ppk(
    config: &Config,
    which: &RouterIdentity,
    ppk: &PpkArgs,
    as_json: bool,
) -> Result<(), Failure> {
    let identity = identity(config, which)?;
    let ppk = ppk_of(ppk)?;
    let what = match &ppk {
        Some(ppk) => {
            let sealing = sealing_key(config)?;
            act(config, |desk| desk.set_ppk(&identity, &ppk.ppk(), &sealing))?;
            "PPK set"
        }
        None => {
            act(config, |desk| desk.remove_ppk(&identity))?;
            "PPK removed"
        }
    };
    let done = Done { router: &which.name, identity: &identity, what };
    done.show(None, ppk.as_ref(), as_json)
}

/// The one identity that is meant.
fn identity(config: &Config, which: &RouterIdentity) -> Result<String, Failure> {
    let name = &which.name;
    let mut identities = identities(config, name)?;
    match &which.identity {
        Some(given) => identities.retain(|identity| identity.identity == *given),
        None => identities.retain(|identity| identity.status != Status::Revoked),
    }
    match (identities.as_slice(), &which.identity) {
        ([one], _) => Ok(one.identity.clone()),
        ([], Some(given)) => Err(format!("{name} has no IKE identity '{given}'").into()),
        ([], None) => {
            Err(format!("{name} has no IKE identity: 'sekisho router add' gives it one").into())
        }
        (several, _) => {
            let several: Vec<&str> = several.iter().map(|one| one.identity.as_str()).collect();
            let several = several.join(", ");
            Err(format!("{name} has several IKE identities ({several}): give --identity").into())
        }
    }
}

fn sealing_key(config: &Config) -> Result<SealingKey, Failure> {
    as_owner(&config.sealing_key.path)?;
    sealing::key(config, open_registry(config)?.reader())
}

/// A key to set, and its text if it was made here.
struct NewKey {
    key: SharedKey,
    made: Option<Zeroizing<String>>,
}

impl NewKey {
    /// From a file, or made.
    fn from(file: Option<&Path>) -> Result<Self, Failure> {
        let Some(file) = file else {
            let text = SharedKey::generate()?;
            return Ok(Self { key: text.parse()?, made: Some(text) });
        };
        let key = secret::text(file)?.parse();
        let key = key.map_err(|problem| format!("{}: the key {problem}", file.display()))?;
        Ok(Self { key, made: None })
    }

    fn made(&self) -> Option<&str> {
        self.made.as_ref().map(|text| text.as_str())
    }
}

/// A post-quantum pre-shared key to set.
struct NewPpk {
    id: String,
    key: NewKey,
}

impl NewPpk {
    fn ppk(&self) -> Ppk {
        Ppk { id: self.id.clone(), key: self.key.key.clone() }
    }
}

fn psk_of(given: &Psk) -> Result<NewKey, Failure> {
    NewKey::from(given.psk_file.as_deref())
}

fn ppk_of(given: &PpkArgs) -> Result<Option<NewPpk>, Failure> {
    let Some(id) = given.ppk_id.clone() else { return Ok(None) };
    Ok(Some(NewPpk { id, key: NewKey::from(given.ppk_file.as_deref())? }))
}

/// What was done to which identity.
struct Done<'a> {
    router: &'a TerminalName,
    identity: &'a str,
    what: &'static str,
}

impl Done<'_> {
    /// Says so, with the keys that were made: this is the only time that they are shown.
    fn show(
        &self,
        psk: Option<&NewKey>,
        ppk: Option<&NewPpk>,
        as_json: bool,
    ) -> Result<(), Failure> {
        let Self { router, identity, what } = self;
        let key = psk.and_then(NewKey::made);
        let ppk_key = ppk.and_then(|ppk| ppk.key.made());
        if as_json {
            return output::json(&json!({
                "router": router.to_string(),
                "identity": identity,
                "pre_shared_key": key,
                "ppk_id": ppk.map(|ppk| &ppk.id),
                "ppk": ppk_key,
            }));
        }
        output::line(format_args!("{router}, {identity}: {what}"))?;
        if let Some(key) = key {
            output::line(format_args!("pre-shared key: {key}"))?;
        }
        if let Some(key) = ppk_key {
            output::line(format_args!("post-quantum pre-shared key: {key}"))?;
        }
        if key.or(ppk_key).is_some() {
            output::line("put it into the router now: it is not shown again")?;
        }
        Ok(())
    }
}

fn list(config: &Config, listing: Listing) -> Result<(), Failure> {
    let registry = open_registry(config)?;
    let of = Filter { institution: listing.institution, ..Filter::default() };
    let terminals = registry.reader().terminals(&of)?;
    let terminals: HashMap<_, _> =
        terminals.into_iter().map(|terminal| (terminal.name.clone(), terminal)).collect();
    let identities = registry.reader().ike_identities(&Filter { text: listing.search, ..of })?;
    let routers = identities.into_iter().filter_map(|identity| {
        let terminal = terminals.get(&identity.terminal)?;
        // Stopped is whichever of the two is.
        let status = identity.status.max(terminal.status);
        let wanted = listing.status.is_none_or(|wanted| wanted == status);
        wanted.then_some((terminal, status, identity))
    });
    let routers: Vec<_> = routers.collect();
    if listing.json.json {
        let routers = routers.iter().map(|(terminal, status, identity)| {
            json!({
                "router": terminal.name.to_string(),
                "status": status.to_string(),
                "identity": identity.identity,
                "ppk_id": identity.ppk.as_ref().map(|ppk| &ppk.id),
                "label": terminal.label,
            })
        });
        return output::json(&routers.collect::<Vec<_>>());
    }
    let rows = routers.into_iter().map(|(terminal, status, identity)| {
        vec![
            terminal.name.to_string(),
            status.to_string(),
            identity.identity,
            identity.ppk.map_or("–".to_owned(), |ppk| ppk.id),
            terminal.label.clone(),
        ]
    });
    let heading = ["router", "status", "identity", "PPK", "label"];
    output::table(&heading, &rows.collect::<Vec<_>>())
}
