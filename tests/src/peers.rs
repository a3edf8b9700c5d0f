//! Clients that others wrote: curl, OpenSSL, DCMTK.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::gateway::Gateway;
use crate::program::{self, Outcome};
use crate::site::{PLUS, Site};

/// Certificate and key.
pub type Credential = (PathBuf, PathBuf);

/// A curl of this terminal, with all it needs but what to fetch: for URLs that begin with
/// [`url`].
pub fn curl(gateway: &Gateway, terminal: &str) -> Command {
    curl_to(gateway, gateway.named(), PLUS, &gateway.site.terminal(terminal))
}

/// The same for any listener, host name and certificate.
pub fn curl_to(
    gateway: &Gateway,
    to: SocketAddr,
    host: &str,
    (certificate, key): &Credential,
) -> Command {
    let mut curl = program::command("curl");
    // An IPv6 address in brackets, as curl wants it.
    let address = to.to_string();
    let address = address.rsplit_once(':').map_or("", |(address, _)| address);
    curl.args(["--silent", "--show-error", "--noproxy", "*"])
        .args(["--resolve", &format!("{host}:{}:{address}", to.port())])
        .arg("--cacert")
        .arg(gateway.site.ca())
        .arg("--cert")
        .arg(certificate)
        .arg("--key")
        .arg(key);
    curl
}

/// A URL of `kmix-plus` behind the gateway.
pub fn url(gateway: &Gateway, path: &str) -> String {
    format!("https://{PLUS}:{}{path}", gateway.named().port())
}

/// Fetches a page of `kmix-plus` as a terminal.
pub fn fetch(gateway: &Gateway, terminal: &str, path: &str) -> Outcome {
    program::finish(curl(gateway, terminal).arg(url(gateway, path)), b"")
}

/// `openssl s_client`, which asks the web system behind for `/health` and reads until the
/// connection ends.
pub fn s_client(
    site: &Site,
    to: SocketAddr,
    credential: Option<&Credential>,
    options: &[&str],
) -> Outcome {
    let mut openssl = s_client_command(site, to, credential);
    program::finish(openssl.arg("-ign_eof").args(options), b"GET /health HTTP/1.0\r\n\r\n")
}

/// An `openssl s_client`, for options and input of a test's own.
pub fn s_client_command(site: &Site, to: SocketAddr, credential: Option<&Credential>) -> Command {
    let mut openssl = program::command("openssl");
    openssl
        .args(["s_client", "-connect", &to.to_string(), "-servername", PLUS, "-CAfile"])
        .arg(site.ca());
    if let Some((certificate, key)) = credential {
        openssl.arg("-cert").arg(certificate).arg("-key").arg(key);
    }
    openssl
}

/// The options of a DCMTK program that is `terminal`, for the listener at `to`.
pub fn dcmtk(program: &str, site: &Site, terminal: &str, to: SocketAddr) -> Command {
    let (certificate, key) = site.terminal(terminal);
    let mut command = program::command(program);
    command
        .args(["-to", "10", "-ta", "20", "-td", "20", "-aec", demo::systems::AE_TITLE])
        .args([Path::new("+tls"), &key, &certificate, Path::new("+cf"), &site.ca()])
        .args([to.ip().to_string(), to.port().to_string()]);
    command
}

/// An image that holds no patient, made by DCMTK; its file.
pub fn dicom_image(site: &Site) -> PathBuf {
    const DUMP: &str = "\
(0008,0016) UI =SecondaryCaptureImageStorage
(0008,0018) UI [1.2.826.0.1.3680043.10.1.1]
(0008,0060) CS [OT]
(0020,000d) UI [1.2.826.0.1.3680043.10.1.2]
(0020,000e) UI [1.2.826.0.1.3680043.10.1.3]
";
    let (dump, image) = (site.path("image.dump"), site.path("image.dcm"));
    std::fs::write(&dump, DUMP).unwrap();
    program::run("dump2dcm", [&dump, &image]).expect_success();
    image
}
