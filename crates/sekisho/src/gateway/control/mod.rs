//! The local Unix socket on which commands ask the running gateway.
//!
//! The socket is its owner's alone (mode 0600). A client sends one request, as JSON on one line,
//! hears one answer, and the connection closes. Every client has its own thread and little time,
//! and there are few at once: whoever is stuck stops nobody else.

mod clients;
mod protocol;
#[cfg(test)]
mod tests;
mod timed;

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::Failure;
use clients::Clients;
pub(super) use protocol::Answer;
use protocol::LONGEST_REQUEST;
pub(crate) use protocol::{Child, Kind, Listing, Request, Selection, Session, ask};
use timed::Timed;

/// A request is sent by then.
const TO_ASK: Duration = Duration::from_secs(2);
/// And its answer read.
const TO_READ: Duration = Duration::from_secs(5);
/// After a failure of the system's.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers a request, or says why it cannot.
pub(super) type Responder = dyn Fn(Request) -> Answer + Send + Sync;

/// The socket's file, removed when dropped.
pub(super) struct Socket(PathBuf);

impl Drop for Socket {
    fn drop(&mut self) {
        // Already gone is as good.
        let _ = fs::remove_file(&self.0);
    }
}

/// Answers on the socket from threads of its own. A socket that a killed gateway left behind is
/// taken over; one that answers is another gateway's.
pub(super) fn serve(path: &Path, responder: Arc<Responder>) -> Result<Socket, Failure> {
    if UnixStream::connect(path).is_ok() {
        return Err(format!(
            "another gateway answers on {}; stop it, or configure another [gateway] socket",
            path.display()
        )
        .into());
    }
    let described = |error| format!("cannot make the status socket {}: {error}", path.display());
    // Bound under another name and moved once it is private; this also takes the place of a
    // socket left behind, and of nothing else.
    let left_behind = fs::symlink_metadata(path).map(|found| found.file_type().is_socket());
    if matches!(left_behind, Ok(false)) {
        return Err(format!("{} is there and is no socket; name another", path.display()).into());
    }
    let new = path.with_extension(format!("new-{}", std::process::id()));
    let listener = UnixListener::bind(&new).map_err(described)?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).map_err(described)?;
    fs::rename(&new, path).map_err(described)?;
    let name = std::thread::Builder::new().name("control".to_owned());
    name.spawn(move || accept(&listener, &responder))?;
    Ok(Socket(path.to_owned()))
}

fn accept(listener: &UnixListener, responder: &Arc<Responder>) {
    let clients = Arc::<Clients>::default();
    for stream in listener.incoming() {
        let served = stream.and_then(|stream| {
            let (client, responder) = (clients.enter(&stream)?, Arc::clone(responder));
            let thread = std::thread::Builder::new().name("control-client".to_owned());
            thread.spawn(move || {
                // A client that left early has its answer, or does not want it.
                drop(answer(&stream, &*responder));
                drop(client);
            })
        });
        if served.is_err() {
            // As when there are no file descriptors left.
            std::thread::sleep(PAUSE);
        }
    }
}

fn answer(stream: &UnixStream, responder: &Responder) -> io::Result<()> {
    let mut line = Vec::new();
    let asking = Timed::new(stream, TO_ASK).take(LONGEST_REQUEST);
    BufReader::new(asking).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        // It only looked whether anybody is here.
        return Ok(());
    }
    let answer = match line.strip_suffix(b"\n") {
        Some(line) => match serde_json::from_slice(line) {
            Ok(request) => responder(request),
            Err(error) => Answer::Error(format!("not a request: {error}")),
        },
        None => Answer::Error(format!("a request is one line, shorter than {LONGEST_REQUEST} B")),
    };
    let mut text = serde_json::to_vec(&answer)?;
    text.push(b'\n');
    Timed::new(stream, TO_READ).write_all(&text)
}
