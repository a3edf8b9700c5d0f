//! `sekisho barrier`.

use clap::Subcommand;

use super::Json;

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Barrier {
    /// Install rules, blackholes and firewall; at any time, and as often as you like
    #[command(after_help = "As root or with CAP_NET_ADMIN. Without a registry that can be read, \
                            what is not about prefixes is installed all the same, and the exit \
                            status is 1.\n\
                            Example: sekisho barrier install")]
    Install,
    /// Show what stands and what is missing; the exit status is 1 if anything is
    #[command(after_help = "Example: sekisho barrier show --json")]
    Show(Json),
    /// Take all of it away; not while a gateway runs
    #[command(after_help = "Example: systemctl stop sekisho && sekisho barrier remove")]
    Remove,
}
