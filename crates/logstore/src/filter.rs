//! Which records to read.

use std::net::IpAddr;

use connlog::{ConnectionId, Record};
use ipnet::IpNet;
use policy::{InstitutionCode, Network, SystemId, TerminalId, UnknownWord};
use rusqlite::types::Value;

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$vmeta])* $variant,)+ }

        impl $name {
            /// The word in records and commands.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord(&[$($word,)+])),
                }
            }
        }
    };
}

words! {
    /// The kinds of record.
    Kind {
        /// A connection began.
        Open = "open",
        /// It ended.
        Close = "close",
        /// A connection was refused.
        Denied = "denied",
        /// The gateway itself.
        Control = "control",
    }
}

words! {
    /// What was decided.
    Verdict {
        /// The connection was let through: open and close records.
        Permitted = "permitted",
        /// It was refused.
        Denied = "denied",
        /// Nothing: a record of the gateway itself.
        Control = "control",
    }
}

impl Verdict {
    fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Permitted => &[Kind::Open, Kind::Close],
            Self::Denied => &[Kind::Denied],
            Self::Control => &[Kind::Control],
        }
    }
}

/// Which records to read: those that meet every condition given.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Not before this time, in Unix microseconds.
    pub since: Option<i64>,
    /// Before this time, in Unix microseconds.
    pub until: Option<i64>,
    /// Of this institution; also refusals of a caller that claimed to be of it.
    pub institution: Option<InstitutionCode>,
    /// Of a terminal of this name; also refusals of a caller that claimed it.
    pub terminal: Option<TerminalId>,
    /// To this system.
    pub system: Option<SystemId>,
    /// By this road.
    pub network: Option<Network>,
    /// So decided.
    pub verdict: Option<Verdict>,
    /// Of this kind.
    pub kind: Option<Kind>,
    /// From an address within, outside or inside a tunnel.
    pub peer: Option<IpNet>,
    /// With this reason code.
    pub reason: Option<String>,
    /// Of this connection.
    pub connection: Option<ConnectionId>,
    /// At most so many.
    pub limit: Option<u64>,
    /// The last first. Records are in the order in which they were written, day by day.
    pub newest_first: bool,
}

/// A query as conditions on rows: in SQL, and what SQL cannot tell.
pub(crate) struct Filter {
    /// Without parameters of its own numbered: they follow those of the caller.
    pub(crate) sql: String,
    pub(crate) parameters: Vec<Value>,
    peer: Option<IpNet>,
}

impl Filter {
    pub(crate) fn new(query: &Query) -> Self {
        let mut filter = Self { sql: String::new(), parameters: Vec::new(), peer: query.peer };
        filter.and("\"time\" >= ?", query.since);
        filter.and("\"time\" < ?", query.until);
        if let Some(code) = query.institution.as_ref().map(InstitutionCode::as_str) {
            let claimed = "\"kind\" = 'denied' AND substr(\"claimed\", 1, length(?)) = ?";
            let prefix = format!("{code}/");
            let values = [code.to_owned(), prefix.clone(), prefix];
            filter.push(&format!("(\"institution\" = ? OR {claimed})"), values);
        }
        if let Some(id) = query.terminal.as_ref().map(TerminalId::as_str) {
            let claimed = "\"kind\" = 'denied' AND substr(\"claimed\", -length(?)) = ?";
            let suffix = format!("/{id}");
            let values = [id.to_owned(), suffix.clone(), suffix];
            filter.push(&format!("(\"terminal\" = ? OR {claimed})"), values);
        }
        filter.and("\"system\" = ?", query.system.as_ref().map(|id| id.as_str().to_owned()));
        filter.and("\"network\" = ?", query.network.map(|network| network.as_str().to_owned()));
        if let Some(kinds) = query.verdict.map(Verdict::kinds) {
            let places = vec!["?"; kinds.len()].join(", ");
            let values = kinds.iter().map(|kind| kind.as_str().to_owned());
            filter.push(&format!("\"kind\" IN ({places})"), values);
        }
        filter.and("\"kind\" = ?", query.kind.map(|kind| kind.as_str().to_owned()));
        filter.and("\"reason\" = ?", query.reason.clone());
        filter.and("\"connection\" = ?", query.connection.map(|id| id.0.to_vec()));
        filter
    }

    /// Whether SQL alone decides.
    pub(crate) fn is_sql_only(&self) -> bool {
        self.peer.is_none()
    }

    /// What SQL cannot tell.
    pub(crate) fn accepts(&self, record: &Record) -> bool {
        let Some(network) = self.peer else { return true };
        let sources = [record.facts.source, record.facts.inner_source];
        let mut addresses =
            sources.into_iter().flatten().map(|address| address.ip().to_canonical());
        addresses.any(|address: IpAddr| network.contains(&address))
    }

    fn and(&mut self, condition: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.push(condition, [value]);
        }
    }

    fn push(&mut self, condition: &str, values: impl IntoIterator<Item = impl Into<Value>>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.parameters.extend(values.into_iter().map(Into::into));
    }
}
