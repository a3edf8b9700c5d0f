//! The HL7 receiver over a plain socket.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::*;
use crate::systems::testing::{PATIENCE, start_on_loopback};
use crate::systems::{Kind, Options};

/// An admission, with a name in ISO-2022-JP.
const ADT: &[u8] = b"\
MSH|^~\\&|HIS|TAKAMATSU|CHIIKI|KAGAWA|20260401120000||ADT^A01^ADT_A01|MSG0001|P|2.5||||||~ISO IR87\r\
EVN|A01|20260401120000\r\
PID|1||0001^^^^PI||\x1b$B9a@n\x1b(B^\x1b$BB@O:\x1b(B\r";

async fn send(stream: &mut TcpStream, message: &[u8]) -> String {
    stream.write_all(&[b"\x0b", message, b"\x1c\x0d"].concat()).await.unwrap();
    let mut reply = Vec::new();
    while !reply.ends_with(b"\x1c\x0d") {
        reply.push(timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap());
    }
    assert_eq!(reply.remove(0), 0x0b);
    reply.truncate(reply.len() - 2);
    String::from_utf8(reply).unwrap()
}

#[tokio::test]
async fn every_message_is_acknowledged_on_one_connection() {
    let system = start_on_loopback(Kind::ChiikiKanja, Options::default()).await;
    let mut stream = TcpStream::connect(system.mllp_address().unwrap()).await.unwrap();

    let reply = send(&mut stream, ADT).await;
    let fields: Vec<&str> = reply.split('|').collect();
    assert_eq!(fields[..6], ["MSH", "^~\\&", "CHIIKI", "KAGAWA", "HIS", "TAKAMATSU"]);
    assert_eq!(fields[8], "ACK^A01");
    assert_eq!(fields[10..], ["P", "2.5\rMSA", "AA", "MSG0001", "\r"]);

    let cases: [(&[u8], &str); 6] = [
        (b"", "\rMSA|AR||"),
        (b"PID|1||0001\r", "\rMSA|AR||"),
        (b"MSH|^~\\&|A|B|C|D|2026||ADT^A01|M2|P|3.0\r", "\rMSA|AR|M2|"),
        (b"MSH|^~\\&|A|B|C|D|2026|||M3|P|2.5\r", "\rMSA|AR|M3|"),
        (b"MSH|^~\\&|A|B|C|D|2026||ADT^A01||P|2.5\r", "\rMSA|AE||"),
        (b"MSH|^~\\&|A|B|C|D|2026||ADT^A01|M4|P|2.5\rnonsense\r", "\rMSA|AE|M4|"),
    ];
    for (message, expected) in cases {
        let reply = send(&mut stream, message).await;
        assert!(reply.contains(expected), "{message:?} was answered {reply:?}");
    }
    let other_separators = b"MSH#*~\\&#A#B#C#D#2026##ORU*R01#M5#P#2.3.1\r";
    assert!(send(&mut stream, other_separators).await.ends_with("\rMSA#AA#M5#\r"));
}

#[tokio::test]
async fn what_is_not_a_bounded_frame_ends_the_connection() {
    let longest = usize::try_from(MAX_MESSAGE).unwrap();
    let frame = |len: usize| [b"\x0b", vec![b'A'; len].as_slice(), b"\x1c\x0d"].concat();
    let cases = [
        (frame(longest), "Ok(Some("),
        (frame(longest + 1), "Err(TooLong)"),
        (b"GET / HTTP/1.1\r\n".to_vec(), "Err(NoStartBlock(71))"),
        (b"\x0bMSH|\x1cX".to_vec(), "Err(NoCarriageReturn)"),
        (b"\x0bMSH|".to_vec(), "Err(Connection("),
        (b"".to_vec(), "Ok(None)"),
    ];
    for (sent, expected) in cases {
        let outcome = format!("{:?}", read_frame(&mut sent.as_slice()).await);
        assert!(outcome.starts_with(expected), "{outcome:.80}");
    }
}
