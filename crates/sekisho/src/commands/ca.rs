//! `sekisho ca …`

use super::{act, as_owner};
use crate::ca::{Ca, Issued};
use crate::cli;
use crate::config::Config;
use crate::files::{self, PRIVATE, PUBLIC};
use crate::material::moment;
use crate::{Failure, output};

pub(super) fn run(config: &Config, command: cli::Ca) -> Result<(), Failure> {
    let ca = Ca::of(config)?;
    if let Some(files) = &config.ca {
        as_owner(&files.directory)?;
    }
    match command {
        cli::Ca::Init(options) => {
            let passphrase = if options.no_passphrase { None } else { Some(ca.new_passphrase()?) };
            ca.init(&options.organization, options.algorithm, options.years, passphrase.as_ref())?;
            output::line("made root.pem, issuing.pem, ca.pem, root.crl, issuing.crl")?;
            output::line("keep root.key off this machine: only 'ca crl --root' needs it")
        }
        cli::Ca::Server(options) => {
            let issued = ca.server(options.dns_names, options.addresses, &options.issuance)?;
            write(&issued, &options.issuance.out, &options.name)
        }
        cli::Ca::Crl(options) => {
            renew_crl(config, &ca, "issuing", options.hours)?;
            if options.root {
                renew_crl(config, &ca, "root", 8784)?;
            }
            Ok(())
        }
    }
}

/// Issues the CRL of one of the CAs from the registry.
pub(super) fn renew_crl(
    config: &Config,
    ca: &Ca<'_>,
    name: &str,
    hours: u16,
) -> Result<(), Failure> {
    let (number, entries) =
        ca.crl(name, hours, |issuer| act(config, |desk| desk.begin_crl(issuer)))?;
    output::line(format_args!("{name}.crl: number {number}, {entries} revoked, for {hours} hours"))
}

/// Writes certificate chain and key, and says what they are.
pub(super) fn write(
    issued: &Issued,
    directory: &std::path::Path,
    name: &str,
) -> Result<(), Failure> {
    files::private_directory(directory)?;
    let (chain, key) =
        (directory.join(format!("{name}.pem")), directory.join(format!("{name}.key")));
    files::create(&key, issued.key.as_bytes(), PRIVATE)?;
    files::create(&chain, issued.chain.as_bytes(), PUBLIC)?;
    output::line(format_args!(
        "{} and {}: {}, until {}",
        chain.display(),
        key.display(),
        issued.leaf.subject,
        moment(issued.leaf.not_after)
    ))
}

/// Removes what `write` wrote.
pub(super) fn remove(directory: &std::path::Path, name: &str) {
    for extension in ["pem", "key"] {
        // If it cannot be removed it is still of no use.
        let _ = std::fs::remove_file(directory.join(format!("{name}.{extension}")));
    }
}
