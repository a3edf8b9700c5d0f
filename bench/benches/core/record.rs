//! A record as values, as JSON, and back.

use std::hint::black_box;
use std::time::Duration;

use bench::log::{GATEWAY, now};
use bench::population::{SYSTEMS, terminal_name};
use connlog::{
    ConnectionId, Credential, Event, Facts, Negotiated, Record, Timestamp, Traffic, to_json,
};
use criterion::Criterion;
use policy::Network;

pub(crate) fn bench(criterion: &mut Criterion) {
    let record = closed();
    assert_eq!(Record::from_values(record.values()).unwrap(), record);
    let mut group = criterion.benchmark_group("record");
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    group.bench_function("values", |bencher| bencher.iter(|| black_box(&record).values()));
    group.bench_function("to-json", |bencher| bencher.iter(|| to_json(black_box(&record))));
    group.bench_function("from-values", |bencher| {
        bencher.iter(|| Record::from_values(black_box(&record).values()).unwrap());
    });
    group.finish();
}

/// The close record of a TLS connection: the kind with most to say.
fn closed() -> Record {
    let time = now();
    let event = Event::Closed {
        reason: "close.client".into(),
        detail: None,
        started: time.unix_micros,
        traffic: Traffic { bytes_in: 123_456, bytes_out: 7_890_123, packets_in: 0, packets_out: 0 },
    };
    Record { event, ..opened(time) }
}

/// The open record of a TLS connection.
pub(crate) fn opened(time: Timestamp) -> Record {
    let [permitted, ..] = SYSTEMS;
    let terminal = terminal_name(4711, 7);
    Record {
        connection: ConnectionId::new(time.unix_micros, [7; 10]),
        time,
        gateway: GATEWAY.into(),
        event: Event::Opened,
        facts: Facts {
            network: Some(Network::Tls),
            source: Some(([198, 51, 100, 7], 50123).into()),
            local: Some(([192, 0, 2, 1], 443).into()),
            institution: Some(terminal.institution.clone()),
            credential: Some(Credential::Certificate {
                serial: "4b1d2f30a1b2c3d4e5f60718293a4b5c".into(),
                issuer: "CN=Sekisho Issuing CA,O=Example Medical Network".into(),
                claimed: Some(terminal.to_string().into()),
            }),
            terminal: Some(terminal),
            system: Some(permitted.parse().unwrap()),
            requested: Some("referral.example.jp".into()),
            negotiated: Some(Negotiated {
                version: "TLSv1.3".into(),
                suite: "TLS_AES_256_GCM_SHA384".into(),
                group: "secp256r1".into(),
            }),
            generation: Some(7),
            ..Facts::default()
        },
    }
}
