//! Institutions.

use ipnet::IpNet;
use policy::{
    Conflict, Hours, InstitutionCode, InstitutionKind, Network, Networks, Status, SystemId,
    UnixSeconds,
};
use rusqlite::{Connection, OptionalExtension as _, Row};
use serde::{Serialize, Serializer};

use crate::act::Act;
use crate::error::bad;
use crate::record::{self, Conditions, Record};
use crate::{Desk, Error, Subject, text};

/// An institution as it is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Institution {
    /// What the policy needs to know of it. Systems and prefixes are a set: kept in
    /// order, each once.
    pub profile: policy::Institution,
    /// A note for the support desk.
    pub note: String,
    /// When it was registered, in Unix seconds.
    pub created: UnixSeconds,
}

/// One change to an institution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstitutionChange {
    /// Its name for people.
    Name(String),
    /// What it is.
    Kind(InstitutionKind),
    /// The roads it may use, all of them.
    Networks(Networks),
    /// When it may connect; `None` for always.
    Hours(Option<Hours>),
    /// The systems it may reach, all of them.
    Systems(Vec<SystemId>),
    /// Its prefixes in the closed IP-VPN, all of them.
    IpVpnPrefixes(Vec<IpNet>),
    /// Its prefixes inside IPsec tunnels, all of them.
    InnerPrefixes(Vec<IpNet>),
    /// The institutions within whose prefixes its own may lie, all of them.
    Within(Vec<InstitutionCode>),
    /// The note for the support desk.
    Note(String),
}

impl Desk<'_> {
    /// Adds an institution, with a note for the support desk.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`], [`Error::PrefixTaken`], [`Error::PrefixConflict`],
    /// [`Error::HostBits`].
    pub fn add_institution(
        &mut self,
        profile: policy::Institution,
        note: String,
    ) -> Result<(), Error> {
        self.transact(|act| {
            let code = profile.code.clone();
            act.add(Institution { profile, note, created: act.now })?;
            act.refuse_conflicts_of(&code)
        })
    }

    /// Changes an institution, all at once. One that was withdrawn can be corrected
    /// still: its prefixes are its own until they are taken away.
    ///
    /// # Errors
    /// [`Error::NoSuch`], [`Error::PrefixTaken`], [`Error::PrefixConflict`],
    /// [`Error::HostBits`].
    pub fn change_institution(
        &mut self,
        code: &InstitutionCode,
        changes: Vec<InstitutionChange>,
    ) -> Result<(), Error> {
        let of_prefixes = changes.iter().any(InstitutionChange::is_of_prefixes);
        self.transact(|act| {
            act.change("change", code, |institution: &mut Institution| {
                changes.into_iter().for_each(|change| institution.apply(change));
                Ok(())
            })?;
            if of_prefixes { act.refuse_conflicts_of(code) } else { Ok(()) }
        })
    }

    /// Suspends or resumes an institution, or withdraws it for good. Its terminals and
    /// their credentials keep their own status.
    ///
    /// # Errors
    /// [`Error::NoSuch`], [`Error::Ended`].
    pub fn set_institution_status(
        &mut self,
        code: &InstitutionCode,
        status: Status,
    ) -> Result<(), Error> {
        self.transact(|act| act.set_status::<Institution>(code, status))
    }
}

impl Act<'_> {
    fn refuse_conflicts_of(&self, code: &InstitutionCode) -> Result<(), Error> {
        let mut conflicts = self.prefix_conflicts()?.into_iter();
        match conflicts.find(|conflict| conflict.is_of_prefixes_of(code)) {
            Some(conflict) => Err(Error::PrefixConflict(Box::new(conflict))),
            None => Ok(()),
        }
    }

    /// What overlaps among all that is registered now.
    pub(crate) fn prefix_conflicts(&self) -> Result<Vec<Conflict>, Error> {
        let institutions: Vec<Institution> = record::list(self.sql, &Conditions::default())?;
        let profiles: Vec<_> = institutions.into_iter().map(|one| one.profile).collect();
        Ok(policy::prefix_conflicts(&profiles, self.systems))
    }
}

impl InstitutionChange {
    fn is_of_prefixes(&self) -> bool {
        matches!(self, Self::IpVpnPrefixes(_) | Self::InnerPrefixes(_) | Self::Within(_))
    }
}

impl Institution {
    fn apply(&mut self, change: InstitutionChange) {
        let profile = &mut self.profile;
        match change {
            InstitutionChange::Name(name) => profile.name = name,
            InstitutionChange::Kind(kind) => profile.kind = kind,
            InstitutionChange::Networks(networks) => profile.networks = networks,
            InstitutionChange::Hours(hours) => profile.hours = hours,
            InstitutionChange::Systems(systems) => profile.systems = systems,
            InstitutionChange::IpVpnPrefixes(prefixes) => profile.ip_vpn_prefixes = prefixes,
            InstitutionChange::InnerPrefixes(prefixes) => profile.inner_prefixes = prefixes,
            InstitutionChange::Within(within) => profile.within = within,
            InstitutionChange::Note(note) => self.note = note,
        }
    }

    fn sort_sets(&mut self) {
        let profile = &mut self.profile;
        profile.systems.sort_unstable();
        profile.systems.dedup();
        profile.within.sort_unstable();
        profile.within.dedup();
        for prefixes in [&mut profile.ip_vpn_prefixes, &mut profile.inner_prefixes] {
            prefixes.sort_unstable();
            prefixes.dedup();
        }
    }

    fn write_sets(&self, sql: &Connection) -> Result<(), Error> {
        let profile = &self.profile;
        let code = profile.code.as_str();
        sql.prepare_cached("DELETE FROM institution_systems WHERE institution = ?1")?
            .execute([code])?;
        let mut allow = sql.prepare_cached("INSERT INTO institution_systems VALUES (?1, ?2)")?;
        for system in &profile.systems {
            allow.execute([code, system.as_str()])?;
        }
        release_prefixes(sql, &profile.code)?;
        let ip_vpn = profile.ip_vpn_prefixes.iter().map(|prefix| ("ip-vpn", prefix));
        let inner = profile.inner_prefixes.iter().map(|prefix| ("inner", prefix));
        ip_vpn.chain(inner).try_for_each(|(road, prefix)| claim(sql, road, *prefix, code))
    }
}

/// Takes all prefixes from an institution.
pub(crate) fn release_prefixes(sql: &Connection, code: &InstitutionCode) -> Result<(), Error> {
    sql.prepare_cached("DELETE FROM prefixes WHERE institution = ?1")?.execute([code.as_str()])?;
    Ok(())
}

fn claim(sql: &Connection, road: &str, prefix: IpNet, code: &str) -> Result<(), Error> {
    let text = prefix.to_string();
    let holder = sql
        .prepare_cached("SELECT institution FROM prefixes WHERE road = ?1 AND prefix = ?2")?
        .query_row([road, &text], |row| record::parsed(row, 0))
        .optional()?;
    if let Some(holder) = holder {
        return Err(Error::PrefixTaken { prefix, holder });
    }
    sql.prepare_cached("INSERT INTO prefixes VALUES (?1, ?2, ?3)")?.execute([road, &text, code])?;
    Ok(())
}

impl Record for Institution {
    type Key = InstitutionCode;

    const KIND: &'static str = "institution";
    const END: &'static str = "withdraw";
    const SELECT: &'static str = "SELECT code, name, kind, status, networks, hours, note, created,
        (SELECT group_concat(system, ' ') FROM institution_systems WHERE institution = code),
        (SELECT group_concat(prefix, ' ') FROM prefixes WHERE institution = code AND road = 'ip-vpn'),
        (SELECT group_concat(prefix, ' ') FROM prefixes WHERE institution = code AND road = 'inner'),
        within
        FROM institutions";
    const ORDER: &'static str = "code";
    const INSTITUTION: &'static str = "code";
    const TEXT: &'static str = "code || ' ' || name || ' ' || note";

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let hours: Option<Hours> = match row.get_ref(5)?.as_str_or_null()? {
            Some(_) => Some(record::parsed(row, 5)?),
            None => None,
        };
        let profile = policy::Institution {
            code: record::parsed(row, 0)?,
            name: row.get(1)?,
            kind: record::parsed(row, 2)?,
            status: record::parsed(row, 3)?,
            networks: record::parsed_words::<Network, _>(row, 4)?,
            hours,
            systems: record::parsed_words::<SystemId, _>(row, 8)?,
            ip_vpn_prefixes: record::parsed_words::<IpNet, _>(row, 9)?,
            inner_prefixes: record::parsed_words::<IpNet, _>(row, 10)?,
            within: record::parsed_words::<InstitutionCode, _>(row, 11)?,
        };
        let mut institution = Self { profile, note: row.get(6)?, created: row.get(7)? };
        institution.sort_sets();
        Ok(institution)
    }

    fn key(&self) -> &InstitutionCode {
        &self.profile.code
    }

    fn matching(code: &InstitutionCode) -> Conditions {
        Conditions::default().and("code = ?", code.to_string())
    }

    fn subject(code: &InstitutionCode) -> Subject {
        Subject::Institution(code.clone())
    }

    fn path(&self) -> String {
        self.profile.code.to_string()
    }

    fn status(&mut self) -> &mut Status {
        &mut self.profile.status
    }

    fn normalise(&mut self) -> Result<(), Error> {
        self.profile.name = text::name(&self.profile.name).map_err(bad("institution's name"))?;
        self.note = text::note(&self.note).map_err(bad("note"))?;
        self.sort_sets();
        let mut prefixes =
            self.profile.ip_vpn_prefixes.iter().chain(&self.profile.inner_prefixes).copied();
        match prefixes.find(|prefix| prefix.trunc() != *prefix) {
            Some(prefix) => Err(Error::HostBits(prefix)),
            None => Ok(()),
        }
    }

    fn insert(&self, sql: &Connection) -> Result<(), Error> {
        if record::find::<Self>(sql, self.key())?.is_some() {
            return Err(Error::AlreadyExists(Self::subject(self.key())));
        }
        sql.prepare_cached("INSERT INTO institutions VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?
            .execute((
                self.profile.code.as_str(),
                &self.profile.name,
                self.profile.kind.as_str(),
                self.profile.status.as_str(),
                words(self.profile.networks),
                self.profile.hours.as_ref().map(ToString::to_string),
                &self.note,
                self.created,
                codes(&self.profile.within),
            ))?;
        self.write_sets(sql)
    }

    fn update(&self, sql: &Connection) -> Result<(), Error> {
        sql.prepare_cached(
            "UPDATE institutions SET name = ?2, kind = ?3, status = ?4, networks = ?5, \
             hours = ?6, note = ?7, within = ?8 WHERE code = ?1",
        )?
        .execute((
            self.profile.code.as_str(),
            &self.profile.name,
            self.profile.kind.as_str(),
            self.profile.status.as_str(),
            words(self.profile.networks),
            self.profile.hours.as_ref().map(ToString::to_string),
            &self.note,
            codes(&self.profile.within),
        ))?;
        self.write_sets(sql)
    }
}

fn words(networks: Networks) -> String {
    networks.iter().map(Network::as_str).collect::<Vec<_>>().join(" ")
}

fn codes(within: &[InstitutionCode]) -> String {
    within.iter().map(InstitutionCode::as_str).collect::<Vec<_>>().join(" ")
}

/// An institution as an object, in the words of files and commands. What `Serialize` of
/// [`Institution`] writes, and what an exported file holds.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Document<'a> {
    code: &'a str,
    name: &'a str,
    kind: &'static str,
    status: &'static str,
    networks: Vec<&'static str>,
    systems: Vec<&'a str>,
    /// Empty for always: TOML has no null, and a missing key would not say it.
    hours: String,
    ip_vpn: Vec<String>,
    inner: Vec<String>,
    within: Vec<&'a str>,
    note: &'a str,
}

impl<'a> From<&'a Institution> for Document<'a> {
    fn from(institution: &'a Institution) -> Self {
        let profile = &institution.profile;
        Self {
            code: profile.code.as_str(),
            name: &profile.name,
            kind: profile.kind.as_str(),
            status: profile.status.as_str(),
            networks: profile.networks.iter().map(Network::as_str).collect(),
            systems: profile.systems.iter().map(SystemId::as_str).collect(),
            hours: profile.hours.as_ref().map(ToString::to_string).unwrap_or_default(),
            ip_vpn: profile.ip_vpn_prefixes.iter().map(ToString::to_string).collect(),
            inner: profile.inner_prefixes.iter().map(ToString::to_string).collect(),
            within: profile.within.iter().map(InstitutionCode::as_str).collect(),
            note: &institution.note,
        }
    }
}

impl Serialize for Institution {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Whole<'a> {
            #[serde(flatten)]
            document: Document<'a>,
            created: UnixSeconds,
        }
        Whole { document: self.into(), created: self.created }.serialize(to)
    }
}
