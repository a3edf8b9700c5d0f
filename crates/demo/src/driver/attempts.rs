//! Who tries what, and what should come of it.

use std::time::{Duration, Instant};

use demo::report::Row;
use demo::systems::Kind;
use jiff::Timestamp;

use super::Failure;
use super::clients::{self, Told};
use super::records::{self, field};
use super::stage::{Stage, host};

const PERMITTED: &str = "permitted";

/// Makes every attempt, one after the other.
pub(super) fn all(stage: &Stage) -> Result<Vec<Row>, Failure> {
    let mut rows = permitted(stage)?;
    rows.extend(refused_by_policy(stage)?);
    rows.extend(refused_by_tls(stage)?);
    rows.push(ended_live(stage)?);
    Ok(rows)
}

fn permitted(stage: &Stage) -> Result<Vec<Row>, Failure> {
    let front = stage.ports.front;
    let get = |kind: Kind, client: &str, options: &[&str]| {
        let mut curl = clients::curl(stage, front, &host(kind), Some(client), "/");
        clients::fetch(curl.args(options), &format!("content=\"{}\"", kind.id()))
    };
    let image = clients::image(stage)?;
    let mut rows = Vec::new();
    let mut row = |attempt: &str, told: &dyn Fn() -> Result<Told, Failure>| {
        rows.push(judge(stage, attempt, PERMITTED, told)?);
        Ok::<(), Failure>(())
    };
    row("K-MIX R BASIC — curl, TLS 1.3, 3720001/pc-1 歯科", &|| {
        get(Kind::KmixRBasic, "3720001/pc-1", &["--tlsv1.3"])
    })?;
    row("K-MIX R BASIC — curl, TLS 1.2, 3740001/pc-1 薬局", &|| {
        get(Kind::KmixRBasic, "3740001/pc-1", &["--tls-max", "1.2"])
    })?;
    row("地域患者情報 — curl, FHIR metadata, 3710101/pc-1 診療所", &|| {
        let name = host(Kind::ChiikiKanja);
        let mut curl = clients::curl(stage, front, &name, Some("3710101/pc-1"), "/metadata");
        clients::fetch(&mut curl, "CapabilityStatement")
    })?;
    row("地域患者情報 — HL7 v2 MLLP over TLS, 3710101/pc-1 診療所", &|| {
        clients::mllp(stage, "3710101/pc-1")
    })?;
    row("K-MIX+ — curl upload, 3710002/pc-1 病院", &|| {
        let name = host(Kind::KmixPlus);
        let mut curl = clients::curl(stage, front, &name, Some("3710002/pc-1"), "/upload");
        clients::fetch(curl.args(["--data-binary", &format!("@{image}")]), "sha256")
    })?;
    row("K-MIX+ — PROXY v2 names the terminal, 3710002/pc-1 病院", &|| {
        let name = host(Kind::KmixPlus);
        let mut curl = clients::curl(stage, front, &name, Some("3710002/pc-1"), "/whoami");
        clients::fetch(&mut curl, "\"client_cn\":\"pc-1\"")
    })?;
    row("遠隔読影 — DCMTK echoscu (C-ECHO) without SNI, 3710001/ct-1 病院", &|| {
        clients::dicom(stage, "echoscu", "3710001/ct-1", &[])
    })?;
    row("遠隔読影 — DCMTK storescu (C-STORE), 3710001/ct-1 病院", &|| {
        clients::dicom(stage, "storescu", "3710001/ct-1", &[&image])
    })?;
    row("地域連携パス — curl, TLS 1.2-only listener, 3710001/pc-1 病院", &|| {
        let (name, port) = (host(Kind::RenkeiPath), stage.ports.tls12);
        let mut curl = clients::curl(stage, port, &name, Some("3710001/pc-1"), "/");
        clients::fetch(&mut curl, "content=\"renkei-path\"")
    })?;
    Ok(rows)
}

fn refused_by_policy(stage: &Stage) -> Result<Vec<Row>, Failure> {
    let front = stage.ports.front;
    let cases = [
        (
            "システム利用許可なし — 3720001/pc-1 → K-MIX+",
            Kind::KmixPlus,
            "3720001/pc-1",
            "policy.system-not-permitted",
        ),
        (
            "停止中の端末 suspended terminal — 3710102/pc-1",
            Kind::KmixRBasic,
            "3710102/pc-1",
            "policy.terminal-stopped",
        ),
        (
            "停止中の機関 suspended institution — 3740002/pc-1",
            Kind::KmixRBasic,
            "3740002/pc-1",
            "policy.institution-stopped",
        ),
        (
            "TLS 許可なし (IP-VPN only) — 3720002/pc-1",
            Kind::KmixRBasic,
            "3720002/pc-1",
            "policy.network-not-permitted",
        ),
        (
            "未登録の証明書 unregistered certificate",
            Kind::KmixRBasic,
            "unregistered",
            "policy.certificate-not-registered",
        ),
    ];
    let mut rows = Vec::new();
    for (attempt, kind, client, expected) in cases {
        rows.push(judge(stage, attempt, expected, &|| {
            clients::fetch(&mut clients::curl(stage, front, &host(kind), Some(client), "/"), "")
        })?);
    }
    Ok(rows)
}

fn refused_by_tls(stage: &Stage) -> Result<Vec<Row>, Failure> {
    let front = stage.ports.front;
    let basic = host(Kind::KmixRBasic);
    let mut rows = Vec::new();
    let cases = [
        (
            "失効した証明書 revoked — 3710101/old-pc",
            Some("3710101/old-pc"),
            "tls.certificate-revoked",
        ),
        ("期限切れの証明書 expired", Some("expired"), "tls.certificate-expired"),
        ("別の CA の証明書 unknown CA", Some("stranger"), "tls.certificate-unknown-ca"),
        ("証明書なし no certificate", None, "tls.no-certificate"),
    ];
    for (attempt, client, expected) in cases {
        rows.push(judge(stage, attempt, expected, &|| {
            clients::fetch(&mut clients::curl(stage, front, &basic, client, "/"), "")
        })?);
    }
    rows.push(judge(
        stage,
        "知らない接続先名 unknown server name",
        "tls.unknown-server-name",
        &|| {
            let name = "intranet.kmix-r.example";
            clients::fetch(&mut clients::curl(stage, front, name, Some("3710001/pc-1"), "/"), "")
        },
    )?);
    let old = ["-cipher", "DEFAULT@SECLEVEL=0", "-tls1_1", "-servername", &basic];
    let cbc = [
        "-cipher",
        "ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES128-SHA256:AES256-SHA256",
        "-tls1_2",
        "-servername",
        &basic,
    ];
    let cases: [(&str, &str, &[&str]); 3] = [
        ("TLS 1.1 — openssl s_client", "tls.protocol-version", &old),
        ("CBC 暗号スイート CBC suites only — openssl s_client", "tls.cipher-suite", &cbc),
        (
            "接続先名 (SNI) なし no server name — openssl s_client",
            "tls.no-server-name",
            &["-noservername"],
        ),
    ];
    for (attempt, expected, options) in cases {
        rows.push(judge(stage, attempt, expected, &|| {
            clients::s_client(stage, front, "3710001/pc-1", options)
        })?);
    }
    Ok(rows)
}

/// A transfer is under way when its terminal is suspended.
fn ended_live(stage: &Stage) -> Result<Row, Failure> {
    let since = Timestamp::now();
    let mut transfer = clients::endless(stage, Kind::RenkeiPath, "3710101/pc-1").spawn()?;
    records::first(stage, since, &["open"])?.ok_or("the transfer was not let in")?;
    let (suspended, moment) = (Instant::now(), Timestamp::now());
    stage.sekisho(&["terminal", "suspend", "3710101/pc-1"])?;
    let ended = loop {
        if transfer.try_wait()?.is_some() {
            break true;
        }
        if suspended.elapsed() > Duration::from_secs(10) {
            transfer.kill()?;
            transfer.wait()?;
            break false;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let closed = records::first(stage, since, &["close"])?.ok_or("the end is not on record")?;
    stage.sekisho(&["terminal", "resume", "3710101/pc-1"])?;
    let ended_at = closed.get("time").and_then(serde_json::Value::as_i64).unwrap_or_default();
    let took = (ended_at - moment.as_microsecond()) / 1000;
    Ok(Row {
        attempt: format!("通信中に端末を停止 suspended while connected: ended in {took} ms"),
        expected: "policy.terminal-stopped",
        got: field(&closed, "reason").to_owned(),
        client_agrees: ended,
        said: String::new(),
    })
}

/// Lets a client try, and compares what it says with what the record says.
fn judge(
    stage: &Stage,
    attempt: &str,
    expected: &'static str,
    client: &dyn Fn() -> Result<Told, Failure>,
) -> Result<Row, Failure> {
    let since = Timestamp::now();
    let Told { satisfied, said } = client()?;
    let record = records::first(stage, since, &["open", "denied"])?;
    let got = match &record {
        Some(record) if field(record, "kind") == "open" => PERMITTED.to_owned(),
        Some(record) => field(record, "reason").to_owned(),
        None => "not on record".to_owned(),
    };
    let client_agrees = satisfied == (expected == PERMITTED);
    let said = said.lines().last().unwrap_or_default().chars().take(200).collect();
    Ok(Row { attempt: attempt.to_owned(), expected, got, client_agrees, said })
}
