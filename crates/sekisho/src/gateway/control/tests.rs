//! The socket against clients that are stuck, slow, or speak something else.

use std::time::Instant;

use serde_json::{Value, json};

use super::clients::CLIENTS;
use super::*;

/// Answers with what it is asked; sessions with very much.
fn start() -> (tempfile::TempDir, PathBuf, Socket) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("status.sock");
    let responder = |request: Request| match request {
        Request::Sessions(_) => Answer::Answer(Value::String("x".repeat(8 << 20))),
        Request::Status {} | Request::End { .. } => Answer::Answer(json!(request)),
    };
    let socket = serve(&path, Arc::new(responder)).unwrap();
    (directory, path, socket)
}

/// What comes back for octets of any kind.
fn say(path: &Path, octets: &[u8]) -> String {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(TO_READ * 2)).unwrap();
    stream.write_all(octets).unwrap();
    let mut answer = String::new();
    // What is sent beyond the longest request breaks the connection once the answer has come.
    let _ = stream.read_to_string(&mut answer);
    answer
}

#[test]
fn a_request_is_answered_and_anything_else_refused_by_name() {
    let (_directory, path, socket) = start();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let end = Request::End {
        id: "0192".to_owned(),
        operator: "田中".to_owned(),
        reason: Some("a\n\"b\"".to_owned()),
    };
    assert_eq!(ask(&path, &end).unwrap(), json!(end));
    for (octets, expected) in [
        (&b"\n"[..], "not a request"),
        (b"{\"request\":\"status\",\"more\":1}\n", "not a request"),
        (b"{\"request\":\"reboot\"}\n", "not a request"),
        (b"\xff\xfe\n", "not a request"),
        (&[b' '; 5000], "one line"),
    ] {
        assert!(say(&path, octets).contains(expected), "{octets:?}");
    }
    assert_eq!(
        say(&path, b"{\"request\":\"status\"}\n{}\n"),
        format!("{}\n", json!({"answer": {"request": "status"}}))
    );
    drop(socket);
    assert!(!path.exists());
}

#[test]
fn stuck_clients_stop_nobody() {
    let (_directory, path, _socket) = start();
    let request = json!(Request::Sessions(Selection::default())).to_string() + "\n";
    let mut stuck = Vec::new();
    for number in 0..5 * CLIENTS {
        let mut stream = UnixStream::connect(&path).unwrap();
        match number % 3 {
            // Says nothing, does not finish its sentence, or does not listen to the answer.
            0 => {}
            1 => stream.write_all(b"{").unwrap(),
            _ => stream.write_all(request.as_bytes()).unwrap(),
        }
        stuck.push(stream);
    }
    let begun = Instant::now();
    assert_eq!(ask(&path, &Request::Status {}).unwrap(), json!(Request::Status {}));
    // Each eighth of them would take all of their time.
    assert!(begun.elapsed() < TO_ASK * 3, "without waiting for their time to be over");
    let threads = fs::read_dir("/proc/self/task").unwrap().filter(|task| {
        let name = fs::read_to_string(task.as_ref().unwrap().path().join("comm"));
        name.is_ok_and(|name| name.starts_with("control-client"))
    });
    assert!(threads.count() <= 2 * CLIENTS, "this test's and the other's");
}

#[test]
fn a_client_that_drips_has_its_time_and_no_more() {
    let (_directory, path, _socket) = start();
    let mut stream = UnixStream::connect(&path).unwrap();
    let begun = Instant::now();
    while stream.write_all(b" ").is_ok() {
        assert!(begun.elapsed() < TO_ASK * 3, "it goes on for ever");
        std::thread::sleep(PAUSE);
    }
    assert!(begun.elapsed() >= TO_ASK / 2);
}
