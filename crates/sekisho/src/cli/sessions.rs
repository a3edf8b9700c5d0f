//! `sekisho sessions …` on the command line.

use clap::{Args, Subcommand};
use ipnet::IpNet;
use policy::{InstitutionCode, Network, SystemId, TerminalId};

use super::{Json, address_or_prefix};

pub(super) const EXAMPLES: &str = "\
The newest come last. 'in' is from the caller. Ids are shown by their last group, which is enough \
to end a session; --json has the whole, with which its records are found.\n\
Examples: sekisho sessions --institution 3710001\n          \
sekisho sessions --source 192.0.2.0/24 --json\n          \
sekisho sessions end 7fd2c61e09ab --reason 'terminal reported stolen'";

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Sessions {
    #[command(subcommand)]
    pub(crate) order: Option<SessionOrder>,
    #[command(flatten)]
    pub(crate) filter: SessionFilter,
}

/// Which sessions to list.
#[derive(Args, Debug)]
pub(crate) struct SessionFilter {
    /// ip-vpn, ipsec or tls
    #[arg(long)]
    pub(crate) road: Option<Network>,
    /// Only this institution's
    #[arg(long, value_name = "CODE")]
    pub(crate) institution: Option<InstitutionCode>,
    /// Only terminals of this name
    #[arg(long)]
    pub(crate) terminal: Option<TerminalId>,
    /// Only those that lead to this system; an IKE session leads to none in particular
    #[arg(long)]
    pub(crate) system: Option<SystemId>,
    /// Only from this address or prefix
    #[arg(long, value_name = "ADDRESS", value_parser = address_or_prefix)]
    pub(crate) source: Option<IpNet>,
    /// The newest so many, at most 10000
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) limit: u16,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionOrder {
    /// End one session now; who did and why is on record
    ///
    /// A TLS connection is closed at once; the peer of an IKE session is sent DELETE; a flow's next
    /// packet must begin another, as only a TCP SYN, a datagram or a ping can. Whoever is permitted
    /// may connect again: to keep a terminal or an institution out, suspend it.
    #[command(after_help = "Example: sekisho sessions end 7fd2c61e09ab --reason 'maintenance'")]
    End {
        /// Its id, or the last group of it
        id: String,
        /// Why, for the record
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}
