//! Real clients: curl, openssl, and DCMTK's echoscu and storescu.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use demo::systems::Kind;

use super::Failure;
use super::stage::{Stage, host};

const PATIENCE: Duration = Duration::from_secs(20);

/// How a client fared by its own account.
pub(super) struct Told {
    /// It did what it came for.
    pub(super) satisfied: bool,
    /// What it said.
    pub(super) said: String,
}

/// `curl` with the arguments that reach `kind` through the front.
pub(super) fn curl(
    stage: &Stage,
    port: u16,
    name: &str,
    client: Option<&str>,
    path: &str,
) -> Command {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--max-time", "20", "--noproxy", "*", "--cacert", &stage.ca_file()]);
    curl.args(["--resolve", &format!("{name}:{port}:127.0.0.1")]);
    if let Some(client) = client {
        curl.args(["--cert", &stage.client_file(client, "pem")]);
        curl.args(["--key", &stage.client_file(client, "key")]);
    }
    curl.arg(format!("https://{name}:{port}{path}"));
    curl
}

/// Fetches `path`; satisfied when the answer holds `marker`.
pub(super) fn fetch(command: &mut Command, marker: &str) -> Result<Told, Failure> {
    let told = run(command)?;
    Ok(Told { satisfied: told.satisfied && told.said.contains(marker), ..told })
}

/// `openssl s_client`, which only shakes hands.
pub(super) fn s_client(
    stage: &Stage,
    port: u16,
    client: &str,
    options: &[&str],
) -> Result<Told, Failure> {
    let mut openssl = Command::new("openssl");
    openssl.args(["s_client", "-connect", &format!("127.0.0.1:{port}")]);
    openssl.args(["-CAfile", &stage.ca_file(), "-verify_return_error"]);
    openssl.args(["-cert", &stage.client_file(client, "pem")]);
    openssl.args(["-key", &stage.client_file(client, "key")]);
    run(openssl.args(options))
}

/// Sends one HL7 v2 message by MLLP through `openssl s_client`; satisfied by `MSA|AA`.
pub(super) fn mllp(stage: &Stage, client: &str) -> Result<Told, Failure> {
    let mut openssl = Command::new("openssl")
        .args(["s_client", "-quiet", "-connect", &format!("127.0.0.1:{}", stage.ports.mllp)])
        .args(["-CAfile", &stage.ca_file(), "-verify_return_error"])
        .args(["-cert", &stage.client_file(client, "pem")])
        .args(["-cert_chain", &stage.ca_file()])
        .args(["-key", &stage.client_file(client, "key")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut stdin = openssl.stdin.take().ok_or("no standard input")?;
    let mut stdout = openssl.stdout.take().ok_or("no standard output")?;
    stdin.write_all(demo::HL7_MESSAGE)?;
    stdin.flush()?;
    let reader = thread::spawn(move || {
        let (mut answer, mut byte) = (Vec::new(), [0]);
        while !answer.ends_with(b"\x1c\r") && stdout.read(&mut byte).is_ok_and(|n| n == 1) {
            answer.extend_from_slice(&byte);
        }
        answer
    });
    let started = Instant::now();
    while !reader.is_finished() && started.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(20));
    }
    openssl.kill()?;
    openssl.wait()?;
    let answer = reader.join().map_err(|_| "the reader of the answer panicked")?;
    let said = String::from_utf8_lossy(&answer).replace('\r', " ");
    Ok(Told { satisfied: said.contains(demo::HL7_ACCEPTED), said })
}

/// DCMTK's `echoscu` or `storescu` over TLS, with the files to send.
pub(super) fn dicom(
    stage: &Stage,
    program: &str,
    client: &str,
    files: &[&str],
) -> Result<Told, Failure> {
    let mut dcmtk = Command::new(program);
    dcmtk.args(["--aetitle", "CT1", "--call", demo::systems::AE_TITLE]);
    dcmtk.args(["--enable-tls", &stage.client_file(client, "key")]);
    dcmtk.arg(stage.client_file(client, "pem"));
    dcmtk.args(["--add-cert-file", &stage.ca_file()]);
    dcmtk.args(["127.0.0.1", &stage.ports.dicom.to_string()]).args(files);
    run(&mut dcmtk)
}

/// Makes a small image to store.
pub(super) fn image(stage: &Stage) -> Result<String, Failure> {
    let [file] = &demo::image::series(&stage.directory, 1)?[..] else {
        return Err("one image was asked for".into());
    };
    Ok(file.display().to_string())
}

/// A download that goes on until the gateway ends it.
pub(super) fn endless(stage: &Stage, kind: Kind, client: &str) -> Command {
    let mut curl =
        curl(stage, stage.ports.front, &host(kind), Some(client), "/bytes?n=1000000000000");
    curl.args(["--limit-rate", "1M", "-o", "/dev/null"]);
    curl.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    curl
}

fn run(command: &mut Command) -> Result<Told, Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{program} cannot be run: {error}"))?;
    let text = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&text).into_owned();
    Ok(Told { satisfied: output.status.success(), said })
}
