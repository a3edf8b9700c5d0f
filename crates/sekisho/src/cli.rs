//! The command line.

mod barrier;
mod policy;
mod router;
mod sessions;

use std::net::IpAddr;
use std::path::PathBuf;

use ::policy::{
    Fingerprint, Hours, InstitutionCode, InstitutionKind, Network, Status, SystemId, TerminalId,
    TerminalName,
};
use clap::{Args, Parser, Subcommand};
use ipnet::IpNet;
use reason::Language;
use registry::{RevocationReason, Role};

pub(crate) use barrier::Barrier;
pub(crate) use policy::{Policy, PolicyExplain, PolicyTest};
pub(crate) use router::{PpkArgs, Psk, Router, RouterAdd, RouterIdentity};
pub(crate) use sessions::{SessionFilter, SessionOrder, Sessions};

/// 関所: the security gateway in front of a medical network's connected systems.
#[derive(Debug, Parser)]
#[command(name = "sekisho", version, arg_required_else_help = true, propagate_version = true)]
#[command(after_help = "Example: sekisho --config /etc/sekisho/sekisho.toml check")]
pub(crate) struct Cli {
    /// The configuration file
    #[arg(long, global = true, env = "SEKISHO_CONFIG", value_name = "FILE")]
    #[arg(default_value = "/etc/sekisho/sekisho.toml")]
    pub(crate) config: PathBuf,
    /// Language of explanations, ja or en [default: that of the environment]
    #[arg(long, global = true, value_parser = language)]
    pub(crate) lang: Option<Language>,
    /// Say more on standard error
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

fn language(word: &str) -> Result<Language, &'static str> {
    match word {
        "ja" => Ok(Language::Japanese),
        "en" => Ok(Language::English),
        _ => Err("use ja or en"),
    }
}

/// `--json`, where there is something to read by program.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Json {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the gateway
    #[command(after_help = "SIGTERM drains and stops; SIGHUP reads certificates and CRLs anew.\n\
                            Example: sekisho --config sekisho.toml run")]
    Run,
    /// Check configuration, certificates, CRLs and registry without serving
    #[command(after_help = "Example: sekisho --config sekisho.toml check")]
    Check(Json),
    /// Show what the running gateway does
    #[command(after_help = "Example: sekisho status --json")]
    Status(Json),
    /// List live TLS connections, IKE sessions and flows, or end one
    #[command(after_help = sessions::EXAMPLES)]
    Sessions(Sessions),
    /// What bars the IP-VPN and the tunnels while no gateway judges
    #[command(subcommand)]
    Barrier(Barrier),
    /// The network's own certification authority
    #[command(subcommand)]
    Ca(Ca),
    /// Institutions
    #[command(subcommand)]
    Institution(Institution),
    /// Terminals and their certificates
    #[command(subcommand)]
    Terminal(Terminal),
    /// Site routers that authenticate with a pre-shared key
    #[command(subcommand)]
    Router(Router),
    /// What the policy decides, and why
    #[command(subcommand)]
    Policy(Policy),
    /// Operators of the gateway
    #[command(subcommand)]
    Operator(Operator),
    /// The registry as a whole
    #[command(subcommand)]
    Registry(Registry),
    /// The connection log
    #[command(subcommand)]
    Log(Log),
    /// List every reason code in the log and what it means
    #[command(after_help = "Example: sekisho reasons --lang ja")]
    Reasons(Json),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Ca {
    /// Make a root and an issuing CA in the configured directory
    #[command(
        after_help = "Example: sekisho ca init --organization かがわ医療情報ネットワーク協議会"
    )]
    Init(CaInit),
    /// Issue a server certificate for the gateway
    #[command(
        after_help = "Example: sekisho ca server front --dns basic.kmix-r.example --out /etc/sekisho/tls"
    )]
    Server(CaServer),
    /// Issue the CRL anew from the registry's revocations
    #[command(after_help = "Example, daily from cron: sekisho ca crl")]
    Crl(CaCrl),
}

#[derive(Args, Debug)]
pub(crate) struct CaInit {
    /// The organization that stands behind the CA
    #[arg(long)]
    pub(crate) organization: String,
    /// ecdsa-p256, ecdsa-p384 or rsa-3072
    #[arg(long, default_value = "ecdsa-p384", value_parser = algorithm)]
    pub(crate) algorithm: pki::Algorithm,
    /// Validity of the root, in years; the issuing CA has half of it
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(2..=40))]
    pub(crate) years: u16,
    /// Keep the keys unencrypted (mode 0600) instead of under a passphrase
    #[arg(long)]
    pub(crate) no_passphrase: bool,
}

#[derive(Args, Debug)]
pub(crate) struct CaServer {
    /// Name of the files to write: NAME.pem and NAME.key
    pub(crate) name: String,
    /// A host name it is for; may be repeated
    #[arg(long = "dns", value_name = "NAME")]
    pub(crate) dns_names: Vec<String>,
    /// An address it is for; may be repeated
    #[arg(long = "ip", value_name = "ADDRESS")]
    pub(crate) addresses: Vec<IpAddr>,
    #[command(flatten)]
    pub(crate) issuance: Issuance,
}

/// What every certificate is issued with.
#[derive(Args, Debug)]
pub(crate) struct Issuance {
    /// Where to write NAME.pem (certificate and chain) and NAME.key
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) out: PathBuf,
    /// ecdsa-p256, ecdsa-p384, rsa-2048 or rsa-3072
    #[arg(long, default_value = "ecdsa-p256", value_parser = algorithm)]
    pub(crate) algorithm: pki::Algorithm,
    /// Validity in days
    #[arg(long, default_value_t = 397, value_parser = clap::value_parser!(u16).range(1..=1200))]
    pub(crate) days: u16,
}

#[derive(Args, Debug)]
pub(crate) struct CaCrl {
    /// Hours until nextUpdate
    #[arg(long, default_value_t = 72, value_parser = clap::value_parser!(u16).range(1..=8784))]
    pub(crate) hours: u16,
    /// Issue the root's CRL too; needs the root's key
    #[arg(long)]
    pub(crate) root: bool,
}

fn algorithm(word: &str) -> Result<pki::Algorithm, &'static str> {
    match word {
        "ecdsa-p256" => Ok(pki::Algorithm::EcdsaP256),
        "ecdsa-p384" => Ok(pki::Algorithm::EcdsaP384),
        "rsa-2048" => Ok(pki::Algorithm::Rsa2048),
        "rsa-3072" => Ok(pki::Algorithm::Rsa3072),
        _ => Err("use ecdsa-p256, ecdsa-p384, rsa-2048 or rsa-3072"),
    }
}

/// What can be set of an institution.
#[derive(Args, Clone, Debug)]
pub(crate) struct InstitutionFields {
    /// hospital, clinic, dental-clinic or pharmacy (病院 診療所 歯科診療所 薬局)
    #[arg(long)]
    pub(crate) kind: Option<InstitutionKind>,
    /// Name for people
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Roads it may use: ip-vpn, ipsec, tls
    #[arg(long, value_delimiter = ',', value_name = "NETWORK,…")]
    pub(crate) networks: Option<Vec<Network>>,
    /// Systems it may reach
    #[arg(long, value_delimiter = ',', value_name = "SYSTEM,…")]
    pub(crate) systems: Option<Vec<SystemId>>,
    /// When it may connect, as 'mon-fri 08:30-18:00, sat 09:00-12:30', or 'always'
    #[arg(long, value_parser = hours)]
    pub(crate) hours: Option<OptionalHours>,
    /// Its prefixes in the closed IP-VPN
    #[arg(long, value_delimiter = ',', value_name = "PREFIX,…")]
    pub(crate) ip_vpn_prefixes: Option<Vec<IpNet>>,
    /// Its prefixes inside IPsec tunnels
    #[arg(long, value_delimiter = ',', value_name = "PREFIX,…")]
    pub(crate) inner_prefixes: Option<Vec<IpNet>>,
    /// Institutions within whose prefixes its own may lie: without this word that is refused
    #[arg(long, value_delimiter = ',', value_name = "CODE,…")]
    pub(crate) within: Option<Vec<InstitutionCode>>,
    /// A note for the support desk
    #[arg(long)]
    pub(crate) note: Option<String>,
}

/// Hours, or `always`.
#[derive(Clone, Debug)]
pub(crate) struct OptionalHours(pub(crate) Option<Hours>);

fn hours(text: &str) -> Result<OptionalHours, ::policy::HoursError> {
    if text == "always" {
        Ok(OptionalHours(None))
    } else {
        text.parse().map(Some).map(OptionalHours)
    }
}

/// Which of many to list.
#[derive(Args, Clone, Debug)]
pub(crate) struct Listing {
    /// Only those of this institution
    #[arg(long, value_name = "CODE")]
    pub(crate) institution: Option<InstitutionCode>,
    /// Only those with this status: active, suspended, revoked
    #[arg(long)]
    pub(crate) status: Option<Status>,
    /// Only those whose names hold this text
    #[arg(long, value_name = "TEXT")]
    pub(crate) search: Option<String>,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Institution {
    /// Register an institution
    #[command(after_help = "Example: sekisho institution add 3710001 --kind hospital \
                            --name 中央病院 --networks tls --systems kmix-plus,enkaku-dokuei")]
    Add {
        /// Its code
        code: InstitutionCode,
        #[command(flatten)]
        fields: InstitutionFields,
    },
    /// Change what is given, and nothing else
    #[command(after_help = "Example: sekisho institution change 3710001 --hours always")]
    Change {
        /// Its code
        code: InstitutionCode,
        #[command(flatten)]
        fields: InstitutionFields,
    },
    /// List institutions
    List(Listing),
    /// Show one institution
    Show {
        /// Its code
        code: InstitutionCode,
        #[command(flatten)]
        json: Json,
    },
    /// Stop it for now; its live connections end within a second
    Suspend {
        /// Its code
        code: InstitutionCode,
    },
    /// Let it connect again
    Resume {
        /// Its code
        code: InstitutionCode,
    },
    /// End its participation for good
    Withdraw {
        /// Its code
        code: InstitutionCode,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Terminal {
    /// Register a terminal
    #[command(after_help = "Example: sekisho terminal add 3710001/ct-1 --label 'CT室 1号機'")]
    Add {
        /// INSTITUTION/TERMINAL
        name: TerminalName,
        /// What people call it
        #[arg(long, default_value = "")]
        label: String,
    },
    /// Change what people call it
    Relabel {
        /// INSTITUTION/TERMINAL
        name: TerminalName,
        /// What people call it
        label: String,
    },
    /// List terminals
    List(Listing),
    /// Show a terminal and its certificates
    Show {
        /// INSTITUTION/TERMINAL
        name: TerminalName,
        #[command(flatten)]
        json: Json,
    },
    /// Issue a certificate for it, register it, and write certificate and key
    #[command(after_help = "Example: sekisho terminal issue 3710001/ct-1 --out ./3710001")]
    Issue(TerminalIssue),
    /// Register a certificate that another CA issued for it
    #[command(after_help = "Example: sekisho terminal register 3710001/ct-1 ct-1.pem")]
    Register {
        /// INSTITUTION/TERMINAL
        name: TerminalName,
        /// The certificate, in PEM form
        certificate: PathBuf,
    },
    /// Stop it for now; its live connections end within a second
    Suspend {
        /// INSTITUTION/TERMINAL
        name: TerminalName,
    },
    /// Let it connect again
    Resume {
        /// INSTITUTION/TERMINAL
        name: TerminalName,
    },
    /// End it for good, revoke all its certificates and IKE identities, and issue the CRL anew
    Revoke {
        /// INSTITUTION/TERMINAL
        name: TerminalName,
        #[command(flatten)]
        why: Why,
    },
    /// Revoke one certificate and issue the CRL anew
    RevokeCertificate {
        /// Its SHA-256 fingerprint
        fingerprint: Fingerprint,
        #[command(flatten)]
        why: Why,
    },
}

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Why {
    /// keyCompromise, superseded, cessationOfOperation, … (RFC 5280 §5.3.1)
    #[arg(long, default_value = "unspecified", value_parser = revocation_reason)]
    pub(crate) reason: RevocationReason,
}

fn revocation_reason(word: &str) -> Result<RevocationReason, String> {
    let known = RevocationReason::ALL.iter().find(|reason| reason.as_str() == word);
    known.copied().ok_or_else(|| {
        let words: Vec<&str> = RevocationReason::ALL.iter().map(|r| r.as_str()).collect();
        format!("use one of: {}", words.join(", "))
    })
}

#[derive(Args, Debug)]
pub(crate) struct TerminalIssue {
    /// INSTITUTION/TERMINAL; the files are called INSTITUTION-TERMINAL
    pub(crate) name: TerminalName,
    #[command(flatten)]
    pub(crate) issuance: Issuance,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Operator {
    /// Register an operator
    #[command(after_help = "Example: sekisho operator add tanaka --role support")]
    Add {
        /// Login name
        name: String,
        /// viewer, support or administrator
        #[arg(long)]
        role: Role,
        /// SHA-256 fingerprint of the certificate that proves who it is
        #[arg(long)]
        certificate: Option<Fingerprint>,
    },
    /// Change an operator's role
    Role {
        /// Login name
        name: String,
        /// viewer, support or administrator
        role: Role,
    },
    /// List operators
    List(Json),
    /// Stop an operator for now
    Suspend {
        /// Login name
        name: String,
    },
    /// Let an operator act again
    Resume {
        /// Login name
        name: String,
    },
    /// End an operator's account for good
    Revoke {
        /// Login name
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Registry {
    /// Import institutions and terminals from a CSV or TOML file, all or nothing
    #[command(after_help = "Example: sekisho registry import roster.csv --dry-run")]
    Import {
        /// A .csv or .toml file
        file: PathBuf,
        /// Say what would change, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Write institutions and terminals as CSV or TOML
    #[command(after_help = "Example: sekisho registry export roster.csv")]
    Export {
        /// A .csv or .toml file that is not there yet
        file: PathBuf,
    },
    /// Show administrative acts, oldest first
    #[command(after_help = "Example: sekisho registry audit --subject 3710001")]
    Audit {
        /// Only acts on this institution, terminal or operator, and what belongs to it
        #[arg(long)]
        subject: Option<String>,
        /// Only acts since then, as 2026-11-22, '2026-11-22 09:00' or 24h
        #[arg(long, value_name = "WHEN")]
        since: Option<String>,
        #[command(flatten)]
        json: Json,
    },
}

/// Which records to read.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Selection {
    /// Only this institution's, claimed identities included
    #[arg(long, value_name = "CODE")]
    pub(crate) institution: Option<InstitutionCode>,
    /// Only terminals of this name
    #[arg(long)]
    pub(crate) terminal: Option<TerminalId>,
    /// Only this system's
    #[arg(long)]
    pub(crate) system: Option<SystemId>,
    /// ip-vpn, ipsec or tls
    #[arg(long)]
    pub(crate) network: Option<Network>,
    /// permitted, denied or control
    #[arg(long)]
    pub(crate) verdict: Option<logstore::Verdict>,
    /// open, close, denied or control
    #[arg(long)]
    pub(crate) kind: Option<logstore::Kind>,
    /// Only from this address or prefix
    #[arg(long, value_name = "ADDRESS", value_parser = address_or_prefix)]
    pub(crate) peer: Option<IpNet>,
    /// Only with this reason code, as tls.certificate-expired
    #[arg(long, value_name = "CODE")]
    pub(crate) reason: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

fn address_or_prefix(text: &str) -> Result<IpNet, &'static str> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    address.or_else(|_| text.parse()).map_err(|_| "give an address or prefix, as 192.0.2.0/24")
}

#[derive(Debug, Subcommand)]
pub(crate) enum Log {
    /// Show the last records
    #[command(after_help = "Example: sekisho log tail -f --verdict denied")]
    Tail {
        /// How many
        #[arg(short = 'n', default_value_t = 20)]
        count: u64,
        /// Go on with new ones until Ctrl-C
        #[arg(short, long)]
        follow: bool,
        #[command(flatten)]
        selection: Selection,
    },
    /// Search records
    #[command(
        after_help = "Example: sekisho log query --since 24h --institution 3710001 --verdict denied"
    )]
    Query {
        /// From then on: 2026-11-22, '2026-11-22 09:00', or a duration back as 24h
        #[arg(long, value_name = "WHEN")]
        since: Option<String>,
        /// Before then
        #[arg(long, value_name = "WHEN")]
        until: Option<String>,
        /// At most so many
        #[arg(long)]
        limit: Option<u64>,
        /// Newest first
        #[arg(long)]
        newest: bool,
        #[command(flatten)]
        selection: Selection,
    },
}
