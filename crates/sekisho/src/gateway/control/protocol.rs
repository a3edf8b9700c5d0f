//! What commands and the gateway say to each other: one line of JSON each way.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::timed::Timed;
use crate::Failure;

/// A request, its line feed included, in octets.
pub(super) const LONGEST_REQUEST: u64 = 4096;
/// An answer, in octets.
const LONGEST_ANSWER: u64 = 64 << 20;
/// How long a command waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a command asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Request {
    /// What the gateway does, for `sekisho status`.
    Status {},
    /// Live sessions: a [`Listing`].
    Sessions(Selection),
    /// End one session: the [`Session`] that it was.
    End {
        /// Its id, or the end of it.
        id: String,
        /// Who orders it.
        operator: String,
        /// Why, in the operator's words.
        reason: Option<String>,
    },
}

/// What the gateway answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// What was asked for.
    Answer(Value),
    /// Why there is none, and what to do about it.
    Error(String),
}

impl Answer {
    /// The answer with a value, or why there is none.
    pub(crate) fn of(value: Result<impl Serialize, String>) -> Self {
        let value = value.and_then(|value| {
            serde_json::to_value(value).map_err(|error| format!("no JSON can say it: {error}"))
        });
        value.map_or_else(Self::Error, Self::Answer)
    }
}

/// Which sessions; what is `None` matters not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Selection {
    pub(crate) road: Option<String>,
    pub(crate) institution: Option<String>,
    pub(crate) terminal: Option<String>,
    pub(crate) system: Option<String>,
    pub(crate) source: Option<IpNet>,
    /// The newest so many.
    pub(crate) limit: usize,
}

/// Sessions, the newest last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listing {
    pub(crate) sessions: Vec<Session>,
    /// How many more there are, older than these.
    pub(crate) left_out: usize,
    /// Roads that did not answer in time: theirs are missing.
    pub(crate) silent: Vec<String>,
}

/// A live session of any road.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    /// The id of its records.
    pub(crate) id: String,
    /// The road, as the policy calls it.
    pub(crate) road: String,
    pub(crate) institution: Option<String>,
    pub(crate) terminal: Option<String>,
    pub(crate) system: Option<String>,
    /// The caller's outer address.
    pub(crate) source: Option<SocketAddr>,
    /// When it was opened, microseconds since the epoch.
    pub(crate) since: i64,
    /// Since something last came; of TLS, or went.
    pub(crate) idle_seconds: Option<u64>,
    /// From the caller. `None` while the road does not tell.
    pub(crate) octets_in: Option<u64>,
    /// To the caller.
    pub(crate) octets_out: Option<u64>,
    pub(crate) state: String,
    #[serde(flatten)]
    pub(crate) kind: Kind,
}

/// What sort of session it is, with what only that sort has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// A TLS connection.
    Tls,
    /// An IKE SA with its CHILD_SAs.
    Ike {
        /// What the peer calls itself.
        identity: String,
        children: Vec<Child>,
    },
    /// A flow on a layer-3 road.
    Flow {
        /// Address and port of the client.
        client: SocketAddr,
        /// Address and port of the system.
        destination: SocketAddr,
        /// `tcp`, `udp` or `icmp`.
        protocol: String,
    },
}

/// A CHILD_SA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Child {
    pub(crate) spi_in: String,
    pub(crate) spi_out: String,
    pub(crate) suite: String,
    /// Selectors of the gateway's side.
    pub(crate) local: Vec<String>,
    /// Selectors of the peer's side.
    pub(crate) remote: Vec<String>,
    pub(crate) age_seconds: u64,
}

/// Asks the gateway behind the socket.
pub(crate) fn ask(path: &Path, request: &Request) -> Result<Value, Failure> {
    let socket = UnixStream::connect(path).map_err(|error| {
        format!(
            "no gateway answers on {}: {error}; is it running, and are you its user or root?",
            path.display()
        )
    })?;
    match exchange(&socket, request) {
        Ok(Answer::Answer(answer)) => Ok(answer),
        Ok(Answer::Error(error)) => Err(error.into()),
        Err(error) => Err(format!(
            "the gateway on {} does not answer: {error}; try again, and look at its diagnostics",
            path.display()
        )
        .into()),
    }
}

fn exchange(socket: &UnixStream, request: &Request) -> io::Result<Answer> {
    let mut stream = Timed::new(socket, PATIENCE);
    stream.write_all(format!("{}\n", serde_json::to_string(request)?).as_bytes())?;
    let mut text = String::new();
    stream.take(LONGEST_ANSWER).read_to_string(&mut text)?;
    if text.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_str(&text)?)
}
