//! The reference topology: who may come comes, who may not does not, and all of it is on record.

use std::collections::HashMap;

use demo::report::{self, Meanings, Row};
use sekisho_tests::program::lacks;
use sekisho_tests::record::Record;
use sekisho_tests::strongswan::lacks_strongswan;
use sekisho_tests::topology::{DROPPED, Judged, PERMITTED, Topology, rows};

#[test]
fn everybody_on_every_road() {
    if lacks_strongswan() || ["curl", "storescu", "openssl"].into_iter().any(lacks) {
        return;
    }
    let mut topology = Topology::new();
    let judged = topology.attempt_all(|| false);
    topology.stop();
    let table = || {
        let meanings = Meanings::parse(&topology.gateway.sekisho("reasons --json")).unwrap();
        report::table(&rows(&judged), &meanings)
    };
    assert!(judged.iter().all(|judged| judged.row.as_expected()), "{}", table());
    let records = Records::new(topology.gateway.records());
    judged.iter().for_each(|judged| records.hold(judged));
    records.are_complete();
}

/// What is on record, by connection.
struct Records(HashMap<String, Vec<Record>>);

impl Records {
    fn new(all: Vec<Record>) -> Self {
        let mut records = HashMap::<_, Vec<_>>::new();
        for record in all {
            records.entry(record.text("connection").to_owned()).or_default().push(record);
        }
        Self(records)
    }

    /// Whether what came of an attempt is there, and says whose it was.
    fn hold(&self, judged: &Judged) {
        let Row { attempt, expected, .. } = &judged.row;
        let Some(record) = &judged.record else {
            assert_eq!(*expected, DROPPED, "{attempt}");
            return;
        };
        assert_eq!(record.text("network"), judged.road, "{attempt}: {record:?}");
        let system = judged.system.map_or("", |kind| kind.id());
        if record.is("denied") {
            assert_eq!(record.reason(), *expected, "{attempt}: {record:?}");
            assert!(record.number("attempts") > 0, "{attempt}: {record:?}");
            // Before its key is proven, a terminal only claims to be one.
            let claimed = record.text("claimed").starts_with(judged.institution);
            let known = record.text("institution") == judged.institution;
            assert!(known || claimed, "{attempt}: {record:?}");
            return;
        }
        let [institution, _, reached] = record.way();
        assert_eq!([institution, reached], [judged.institution, system], "{attempt}: {record:?}");
        let close = self.close(record);
        assert_eq!(close.way(), record.way(), "{attempt}: {close:?}");
        assert!(close.number("bytes_in") > 0, "{attempt}: {close:?}");
        if *expected != PERMITTED {
            assert_eq!(close.reason(), *expected, "{attempt}: {close:?}");
        }
        // A forger's answers too are the flow's.
        assert!(close.number("bytes_out") > 0, "{attempt}: {close:?}");
    }

    /// The only close record of a connection.
    fn close(&self, open: &Record) -> &Record {
        let all = &self.0[open.text("connection")];
        let closes: Vec<_> = all.iter().filter(|record| record.is("close")).collect();
        assert_eq!(closes.len(), 1, "{all:#?}");
        closes[0]
    }

    /// Whether whatever was opened was opened once and closed once.
    fn are_complete(&self) {
        for all in self.0.values() {
            let count = |kind| all.iter().filter(|record| record.is(kind)).count();
            assert!(count("open") <= 1 && count("open") == count("close"), "{all:#?}");
        }
    }
}
