//! `sekisho policy …`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use policy::Network;

use super::Json;

#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Say whether somebody may reach a system, which rule decides, and what would change it
    #[command(after_help = "Reads configuration and registry; nothing is sent.\n\
                            Exit status: 0 permitted, 3 denied, 1 no answer, 2 usage.\n\
                            Example: sekisho policy explain --road tls --from 3710001/ct-1 \
                            --to enkaku-dokuei --at '2026-11-24 10:00'")]
    Explain(PolicyExplain),
    /// Compare the policy with a file of expectations, for the review of a change
    #[command(after_help = "The file: conf/policy-test.toml is a commented example.\n\
                            Exit status: 0 all as expected, 1 some not, or the file is at fault.\n\
                            Example: sekisho policy test policy-test.toml")]
    Test(PolicyTest),
}

#[derive(Args, Debug)]
pub(crate) struct PolicyExplain {
    /// How the caller comes: ip-vpn, ipsec or tls
    #[arg(long)]
    pub(crate) road: Network,
    /// On ip-vpn a source address; else INSTITUTION/TERMINAL, a certificate's SHA-256
    /// fingerprint, or an IKE identity
    #[arg(long, value_name = "WHO")]
    pub(crate) from: String,
    /// A system, a host name that leads to one, ADDRESS:PORT, ADDRESS:PORT/udp or ADDRESS/icmp
    #[arg(long, value_name = "WHERE")]
    pub(crate) to: String,
    /// When, as 2026-11-22 or '2026-11-22 09:00' [default: now]
    #[arg(long, value_name = "WHEN")]
    pub(crate) at: Option<String>,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Args, Debug)]
pub(crate) struct PolicyTest {
    /// The expectations, in TOML
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) json: Json,
}
