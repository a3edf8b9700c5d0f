//! The record as one flat list of named values, and back.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use policy::TerminalName;

use crate::{
    ClockState, ConnectionId, Credential, Event, Facts, Negotiated, Record, Timestamp, Traffic,
};

/// One value of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Not known, or not applicable.
    Null,
    /// A number.
    Integer(i64),
    /// A word.
    Text(Cow<'a, str>),
    /// Raw bytes.
    Bytes([u8; 16]),
}

/// What kind of value a field holds when it is not null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// [`Value::Integer`]
    Integer,
    /// [`Value::Text`]
    Text,
    /// [`Value::Bytes`]
    Bytes,
}

/// A field's name and kind.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Column and JSON key.
    pub name: &'static str,
    /// What it holds.
    pub kind: FieldKind,
}

/// A stored row that is no record: which field, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError(pub &'static str);

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "field '{}' is missing or holds an unexpected value", self.0)
    }
}

impl std::error::Error for FieldError {}

macro_rules! fields {
    ($($name:literal $kind:ident,)+) => {
        /// Every field of a record, in the order of its values.
        pub const FIELDS: &[Field] = &[$(Field { name: $name, kind: FieldKind::$kind },)+];
    };
}

fields! {
    "connection" Bytes, "kind" Text, "time" Integer, "offset" Integer, "clock" Text,
    "gateway" Text, "network" Text,
    "source" Text, "source_port" Integer, "local" Text, "local_port" Integer,
    "inner_source" Text, "inner_source_port" Integer,
    "inner_destination" Text, "inner_destination_port" Integer, "protocol" Text,
    "institution" Text, "terminal" Text,
    "certificate_serial" Text, "certificate_issuer" Text, "claimed" Text, "ike_identity" Text,
    "system" Text, "requested" Text,
    "version" Text, "suite" Text, "group" Text, "generation" Integer,
    "reason" Text, "attempts" Integer, "detail" Text,
    "started" Integer, "bytes_in" Integer, "bytes_out" Integer,
    "packets_in" Integer, "packets_out" Integer,
}

fn text<'a>(value: impl Into<Cow<'a, str>>) -> Value<'a> {
    Value::Text(value.into())
}

fn maybe<'a, T>(value: Option<T>, to: impl FnOnce(T) -> Value<'a>) -> Value<'a> {
    value.map_or(Value::Null, to)
}

/// Counters above `i64::MAX` do not occur; they are capped rather than wrapped.
fn number<'a>(value: u64) -> Value<'a> {
    Value::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}

fn shared(value: Option<&Arc<str>>) -> Value<'_> {
    maybe(value, |value| text(&**value))
}

fn endpoint<'a>(address: Option<SocketAddr>) -> [Value<'a>; 2] {
    match address {
        Some(address) => [
            text(address.ip().to_canonical().to_string()),
            Value::Integer(i64::from(address.port())),
        ],
        None => [Value::Null, Value::Null],
    }
}

impl Record {
    /// The values of [`FIELDS`], in that order.
    pub fn values(&self) -> Vec<Value<'_>> {
        let mut values = Vec::with_capacity(FIELDS.len());
        values.extend([
            Value::Bytes(self.connection.0),
            text(self.kind()),
            Value::Integer(self.time.unix_micros),
            Value::Integer(i64::from(self.time.offset_minutes)),
            text(self.time.clock.as_str()),
            text(&*self.gateway),
        ]);
        push_facts(&self.facts, &mut values);
        push_event(&self.event, &mut values);
        values
    }

    /// A record from the values of [`FIELDS`], in that order.
    pub fn from_values<'a>(
        values: impl IntoIterator<Item = Value<'a>>,
    ) -> Result<Self, FieldError> {
        let mut row = Row { values: values.into_iter(), fields: FIELDS.iter() };
        let connection = ConnectionId(row.bytes()?);
        let kind = row.text()?;
        let time = Timestamp {
            unix_micros: row.integer()?,
            offset_minutes: row.parsed_integer()?,
            clock: match row.text()?.as_deref() {
                Some("synchronized") => ClockState::Synchronized,
                Some("unsynchronized") => ClockState::Unsynchronized,
                Some("unknown") => ClockState::Unknown,
                Some(_) | None => return Err(FieldError("clock")),
            },
        };
        let gateway = row.text()?.ok_or(FieldError("gateway"))?.into();
        let facts = read_facts(&mut row)?;
        let event = read_event(kind.as_deref(), &mut row)?;
        Ok(Self { connection, time, gateway, event, facts })
    }
}

fn push_facts<'a>(facts: &'a Facts, values: &mut Vec<Value<'a>>) {
    values.push(maybe(facts.network, |network| text(network.as_str())));
    values.extend(endpoint(facts.source));
    values.extend(endpoint(facts.local));
    values.extend(endpoint(facts.inner_source));
    values.extend(endpoint(facts.inner_destination));
    values.push(maybe(facts.protocol, |protocol| text(protocol.as_str())));
    values.push(maybe(facts.institution.as_ref(), |code| text(code.as_str())));
    values.push(maybe(facts.terminal.as_ref(), |name| text(name.terminal.as_str())));
    values.extend(match &facts.credential {
        Some(Credential::Certificate { serial, issuer, claimed }) => {
            [text(&**serial), text(&**issuer), shared(claimed.as_ref()), Value::Null]
        }
        Some(Credential::Ike(identity)) => {
            [Value::Null, Value::Null, Value::Null, text(&**identity)]
        }
        None => [Value::Null, Value::Null, Value::Null, Value::Null],
    });
    values.push(maybe(facts.system.as_ref(), |id| text(id.as_str())));
    values.push(shared(facts.requested.as_ref()));
    let negotiated = facts.negotiated.as_ref();
    values.push(maybe(negotiated, |n| text(&*n.version)));
    values.push(maybe(negotiated, |n| text(&*n.suite)));
    values.push(maybe(negotiated, |n| text(&*n.group)));
    values.push(maybe(facts.generation, number));
}

fn push_event<'a>(event: &'a Event, values: &mut Vec<Value<'a>>) {
    let (reason, attempts, detail) = match event {
        Event::Opened => (None, None, None),
        Event::Closed { reason, detail, .. } => (Some(reason), None, detail.as_ref()),
        Event::Denied { reason, attempts, detail } => {
            (Some(reason), Some(*attempts), detail.as_ref())
        }
        Event::Control { reason, detail } => (Some(reason), None, detail.as_ref()),
    };
    values.push(maybe(reason, |reason| text(&**reason)));
    values.push(maybe(attempts, number));
    values.push(shared(detail));
    if let Event::Closed { started, traffic, .. } = event {
        values.push(Value::Integer(*started));
        values.push(number(traffic.bytes_in));
        values.push(number(traffic.bytes_out));
        values.push(number(traffic.packets_in));
        values.push(number(traffic.packets_out));
    } else {
        values.extend([const { Value::Null }; 5]);
    }
}

/// Walks a row and its fields together.
struct Row<I> {
    values: I,
    fields: std::slice::Iter<'static, Field>,
}

impl<'a, I: Iterator<Item = Value<'a>>> Row<I> {
    fn next(&mut self) -> (&'static str, Value<'a>) {
        let name = self.fields.next().map_or("", |field| field.name);
        (name, self.values.next().unwrap_or(Value::Null))
    }

    fn bytes(&mut self) -> Result<[u8; 16], FieldError> {
        match self.next() {
            (_, Value::Bytes(bytes)) => Ok(bytes),
            (name, Value::Null | Value::Integer(_) | Value::Text(_)) => Err(FieldError(name)),
        }
    }

    fn text(&mut self) -> Result<Option<String>, FieldError> {
        match self.next() {
            (_, Value::Text(text)) => Ok(Some(text.into_owned())),
            (_, Value::Null) => Ok(None),
            (name, Value::Integer(_) | Value::Bytes(_)) => Err(FieldError(name)),
        }
    }

    /// A word that must parse where it is given.
    fn parsed<T: std::str::FromStr>(&mut self) -> Result<Option<T>, FieldError> {
        let name = self.fields.as_slice().first().map_or("", |field| field.name);
        let text = self.text()?;
        text.map(|text| text.parse()).transpose().map_err(|_| FieldError(name))
    }

    fn maybe_integer(&mut self) -> Result<Option<i64>, FieldError> {
        match self.next() {
            (_, Value::Integer(number)) => Ok(Some(number)),
            (_, Value::Null) => Ok(None),
            (name, Value::Text(_) | Value::Bytes(_)) => Err(FieldError(name)),
        }
    }

    fn maybe_number<T: TryFrom<i64>>(&mut self) -> Result<Option<T>, FieldError> {
        let name = self.fields.as_slice().first().map_or("", |field| field.name);
        let number = self.maybe_integer()?;
        number.map(T::try_from).transpose().map_err(|_| FieldError(name))
    }

    fn integer(&mut self) -> Result<i64, FieldError> {
        self.parsed_integer()
    }

    fn parsed_integer<T: TryFrom<i64>>(&mut self) -> Result<T, FieldError> {
        let name = self.fields.as_slice().first().map_or("", |field| field.name);
        self.maybe_number()?.ok_or(FieldError(name))
    }

    fn endpoint(&mut self) -> Result<Option<SocketAddr>, FieldError> {
        let address: Option<IpAddr> = self.parsed()?;
        let port: Option<u16> = self.maybe_number()?;
        Ok(address.map(|address| SocketAddr::new(address, port.unwrap_or(0))))
    }
}

fn read_facts<'a>(row: &mut Row<impl Iterator<Item = Value<'a>>>) -> Result<Facts, FieldError> {
    let network = row.parsed()?;
    let (source, local) = (row.endpoint()?, row.endpoint()?);
    let (inner_source, inner_destination) = (row.endpoint()?, row.endpoint()?);
    let protocol = row.parsed()?;
    let institution: Option<policy::InstitutionCode> = row.parsed()?;
    let terminal: Option<policy::TerminalId> = row.parsed()?;
    let terminal = institution.clone().zip(terminal);
    let (serial, issuer) = (row.text()?, row.text()?);
    let (claimed, ike) = (row.text()?, row.text()?);
    let credential = match (serial, issuer, ike) {
        (Some(serial), Some(issuer), None) => Some(Credential::Certificate {
            serial: serial.into(),
            issuer: issuer.into(),
            claimed: claimed.map(Into::into),
        }),
        (None, None, Some(identity)) => Some(Credential::Ike(identity.into())),
        (None, None, None) => None,
        _ => return Err(FieldError("certificate_serial")),
    };
    let system = row.parsed()?;
    let requested = row.text()?.map(Into::into);
    let negotiated = match (row.text()?, row.text()?, row.text()?) {
        (Some(version), Some(suite), Some(group)) => {
            Some(Negotiated { version: version.into(), suite: suite.into(), group: group.into() })
        }
        (None, None, None) => None,
        _ => return Err(FieldError("version")),
    };
    Ok(Facts {
        network,
        source,
        local,
        inner_source,
        inner_destination,
        protocol,
        institution,
        terminal: terminal.map(|(institution, terminal)| TerminalName { institution, terminal }),
        credential,
        system,
        requested,
        negotiated,
        generation: row.maybe_number()?,
    })
}

fn read_event<'a>(
    kind: Option<&str>,
    row: &mut Row<impl Iterator<Item = Value<'a>>>,
) -> Result<Event, FieldError> {
    let reason = row.text()?.map(Cow::Owned).ok_or(FieldError("reason"));
    let attempts = row.maybe_number()?;
    let detail = row.text()?.map(Into::into);
    let started = row.maybe_integer()?;
    let mut count = || row.maybe_number().map(|count| count.unwrap_or(0));
    let traffic = Traffic {
        bytes_in: count()?,
        bytes_out: count()?,
        packets_in: count()?,
        packets_out: count()?,
    };
    match kind {
        Some("open") => Ok(Event::Opened),
        Some("close") => {
            let started = started.ok_or(FieldError("started"))?;
            Ok(Event::Closed { reason: reason?, detail, started, traffic })
        }
        Some("denied") => {
            Ok(Event::Denied { reason: reason?, attempts: attempts.unwrap_or(1), detail })
        }
        Some("control") => Ok(Event::Control { reason: reason?, detail }),
        Some(_) | None => Err(FieldError("kind")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::Network;

    fn full(event: Event) -> Record {
        Record {
            connection: ConnectionId::new(1_795_359_600_123_456, [0xff; 10]),
            time: Timestamp {
                unix_micros: 1_795_359_600_123_456,
                offset_minutes: 540,
                clock: ClockState::Unknown,
            },
            gateway: "gw1".into(),
            event,
            facts: Facts {
                network: Some(Network::Tls),
                source: Some("198.51.100.7:50123".parse().unwrap()),
                local: Some("[2001:db8::1]:443".parse().unwrap()),
                institution: Some("H1".parse().unwrap()),
                terminal: Some("H1/pc-1".parse().unwrap()),
                credential: Some(Credential::Certificate {
                    serial: "0a1b".into(),
                    issuer: "CN=Issuing".into(),
                    claimed: Some("H1/pc-1".into()),
                }),
                system: Some("kmix-plus".parse().unwrap()),
                requested: Some("plus.example".into()),
                negotiated: Some(Negotiated {
                    version: "TLSv1.3".into(),
                    suite: "TLS13_AES_256_GCM_SHA384".into(),
                    group: "secp256r1".into(),
                }),
                generation: Some(7),
                inner_source: None,
                inner_destination: Some("192.0.2.10:443".parse().unwrap()),
                protocol: Some(policy::Transport::Tcp),
            },
        }
    }

    #[test]
    fn a_record_survives_its_fields() {
        let traffic =
            Traffic { bytes_in: 1, bytes_out: u64::MAX >> 1, packets_in: 3, packets_out: 4 };
        let events = [
            Event::Opened,
            Event::Closed { reason: "close.client".into(), detail: None, started: 5, traffic },
            Event::Closed {
                reason: "close.operator".into(),
                detail: Some("by tanaka".into()),
                started: 5,
                traffic,
            },
            Event::Denied { reason: "tls.x".into(), attempts: 3, detail: Some("why".into()) },
            Event::Control { reason: "gateway.started".into(), detail: None },
        ];
        for event in events {
            let record = full(event);
            assert_eq!(record.values().len(), FIELDS.len());
            assert_eq!(Record::from_values(record.values()).unwrap(), record);
        }
        let bare = Record { facts: Facts::default(), ..full(Event::Opened) };
        assert_eq!(Record::from_values(bare.values()).unwrap(), bare);
    }

    #[test]
    fn a_foreign_row_is_an_error_that_names_its_field() {
        let record = full(Event::Opened);
        for (index, field) in FIELDS.iter().enumerate() {
            let mut values = record.values();
            values[index] = match field.kind {
                FieldKind::Text => Value::Integer(1),
                FieldKind::Integer | FieldKind::Bytes => text("x"),
            };
            assert!(Record::from_values(values).is_err(), "{}", field.name);
        }
        assert!(Record::from_values([]).is_err());
    }

    #[test]
    fn connection_ids_are_version_7_and_sort_by_time() {
        let id = ConnectionId::new(1_795_359_600_123_456, [0xff; 10]);
        assert_eq!(id.to_string(), "01a203c5-6dfb-7fff-bfff-ffffffffffff");
        assert!(id < ConnectionId::new(1_795_359_600_124_456, [0; 10]));
    }
}
