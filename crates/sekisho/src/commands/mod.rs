//! The commands, one module for each thing they are about.

mod barrier;
mod ca;
mod check;
mod institution;
mod log;
mod operator;
mod policy;
mod reasons;
mod registry;
mod router;
mod sessions;
mod status;
mod terminal;
mod when;

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use ::registry::{Actor, Desk, Registry};

pub(crate) use policy::Refused;

use crate::cli::{Cli, Command};
use crate::config::Config;
use crate::{Failure, files, gateway, output, unix_now};

/// Does what the command line says.
pub(crate) fn run(cli: Cli) -> Result<(), Failure> {
    let language = cli.lang.unwrap_or_else(output::language_of_environment);
    let config = || Config::load(&cli.config);
    match cli.command {
        Command::Run => {
            let config = config()?;
            config.check_folders()?;
            // A registry without institutions lets nobody in, and that is a fair beginning.
            drop(open_registry(&config)?);
            files::private_directory(&config.log.directory)?;
            gateway::run(&config)
        }
        Command::Check(json) => check::run(&config()?, json),
        Command::Status(json) => status::run(&config()?, json, language),
        Command::Sessions(command) => sessions::run(&config()?, command),
        Command::Barrier(command) => barrier::run(&config()?, command),
        Command::Ca(command) => ca::run(&config()?, command),
        Command::Institution(command) => institution::run(&config()?, command),
        Command::Terminal(command) => terminal::run(&config()?, command),
        Command::Router(command) => router::run(&config()?, command),
        Command::Policy(command) => policy::run(&config()?, command, language),
        Command::Operator(command) => operator::run(&config()?, command),
        Command::Registry(command) => registry::run(&config()?, command),
        Command::Log(command) => log::run(&config()?, command, language),
        Command::Reasons(json) => reasons::run(json, language),
    }
}

/// One act in the registry, in the name of whoever runs the command.
fn act<T>(
    config: &Config,
    act: impl FnOnce(&mut Desk<'_>) -> Result<T, ::registry::Error>,
) -> Result<T, Failure> {
    let mut registry = open_registry(config)?;
    let actor = actor();
    Ok(act(&mut registry.desk(&actor, unix_now()).beside(&config.systems))?)
}

/// The registry, opened by the user whose it is. What root makes there, SQLite's own files
/// among it, the gateway could not write.
fn open_registry(config: &Config) -> Result<Registry, Failure> {
    as_owner(&config.registry)?;
    Ok(Registry::open(&config.registry)?)
}

/// Refuses root where `path` belongs into another user's folder.
fn as_owner(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let Ok(found) = std::fs::metadata(folder.unwrap_or(Path::new("."))) else {
        // Not there: whoever opens it will say so.
        return Ok(());
    };
    if !rustix::process::getuid().is_root() || found.uid() == 0 {
        return Ok(());
    }
    let owner = login_name(found.uid()).unwrap_or_else(|| format!("#{}", found.uid()));
    Err(format!(
        "{} belongs to user {owner}: run this as 'sudo -u {owner} sekisho …', or the gateway \
         could not use what root makes there",
        path.display()
    )
    .into())
}

/// Who runs the command. The environment is believed only where root speaks for somebody:
/// root's own name is of little use in an audit where sudo knows who it was.
fn actor() -> Actor {
    let uid = rustix::process::getuid();
    let by_sudo = std::env::var("SUDO_USER").ok().filter(|name| uid.is_root() && !name.is_empty());
    let name = by_sudo.or_else(|| login_name(uid.as_raw()));
    Actor { name: name.unwrap_or_else(|| format!("uid {}", uid.as_raw())) }
}

/// The name of a user of this machine.
fn login_name(uid: u32) -> Option<String> {
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(uid)).then(|| name.to_owned())
    })
}
