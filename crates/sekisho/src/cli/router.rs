//! `sekisho router …`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use policy::TerminalName;

use super::{Json, Listing, Why};

#[derive(Debug, Subcommand)]
pub(crate) enum Router {
    /// Register a site router, or a further identity of one, with its key
    #[command(after_help = "Without --psk-file a key is made and shown once, for you to put into \
                            the router.\n\
                            Example: sekisho router add 3710001/rtx --identity rtx.3710001.example")]
    Add(RouterAdd),
    /// List site routers and their identities
    List(Listing),
    /// Give a router another pre-shared key
    #[command(after_help = "Example: sekisho router set-key 3710001/rtx")]
    SetKey {
        #[command(flatten)]
        which: RouterIdentity,
        #[command(flatten)]
        psk: Psk,
        #[command(flatten)]
        json: Json,
    },
    /// Give a router a post-quantum pre-shared key (RFC 8784), or take it away
    #[command(after_help = "Example: sekisho router set-ppk 3710001/rtx --ppk-id kmix-r-0001")]
    SetPpk {
        #[command(flatten)]
        which: RouterIdentity,
        #[command(flatten)]
        ppk: PpkArgs,
        /// Take away the one it has
        #[arg(long, required_unless_present = "ppk_id", conflicts_with = "ppk_id")]
        remove: bool,
        #[command(flatten)]
        json: Json,
    },
    /// Stop it for now; its live tunnels end within a second
    Suspend {
        /// INSTITUTION/ROUTER
        name: TerminalName,
    },
    /// Let it connect again
    Resume {
        /// INSTITUTION/ROUTER
        name: TerminalName,
    },
    /// End it for good, and revoke all its IKE identities and certificates
    Revoke {
        /// INSTITUTION/ROUTER
        name: TerminalName,
        #[command(flatten)]
        why: Why,
    },
    /// Revoke one IKE identity
    RevokeIdentity {
        /// The identity as 'router list' shows it
        identity: String,
    },
}

#[derive(Args, Debug)]
pub(crate) struct RouterAdd {
    /// INSTITUTION/ROUTER
    pub(crate) name: TerminalName,
    /// Its IKE identity: a host name, USER@HOST, an address, or keyid:HEX
    #[arg(long)]
    pub(crate) identity: String,
    #[command(flatten)]
    pub(crate) psk: Psk,
    #[command(flatten)]
    pub(crate) ppk: PpkArgs,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Which identity of which router.
#[derive(Args, Debug)]
pub(crate) struct RouterIdentity {
    /// INSTITUTION/ROUTER
    pub(crate) name: TerminalName,
    /// Which of its IKE identities, if it has several
    #[arg(long)]
    pub(crate) identity: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Psk {
    /// A file (mode 0600) with the key: text, or octets as 0x… in hexadecimal
    #[arg(long, value_name = "FILE")]
    pub(crate) psk_file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct PpkArgs {
    /// Its PPK_ID; without a file the key is made and shown once
    #[arg(long, value_name = "ID")]
    pub(crate) ppk_id: Option<String>,
    /// A file (mode 0600) with the post-quantum pre-shared key
    #[arg(long, value_name = "FILE", requires = "ppk_id")]
    pub(crate) ppk_file: Option<PathBuf>,
}
