//! The image store against DCMTK, and against peers that misbehave.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

use super::*;
use crate::systems::testing::{connection, run, start_on_loopback, succeed};
use crate::systems::{Kind, Options, Running};

const DCMTK: &str = "dcmtk";
const SOP_INSTANCE: &str = "1.2.826.0.1.3680043.10.1.1";
const SECONDARY_CAPTURE: &str = "1.2.840.10008.5.1.4.1.1.7";
/// A secondary capture of one megapixel, in the text form DCMTK reads.
const DUMP: &str = "\
(0008,0016) UI =SecondaryCaptureImageStorage
(0008,0018) UI [1.2.826.0.1.3680043.10.1.1]
(0008,0060) CS [OT]
(0010,0010) PN [DEMO^PATIENT]
(0020,000d) UI [1.2.826.0.1.3680043.10.1.2]
(0020,000e) UI [1.2.826.0.1.3680043.10.1.3]
(0028,0002) US 1
(0028,0004) CS [MONOCHROME2]
(0028,0010) US 1024
(0028,0011) US 1024
(0028,0100) US 8
(0028,0101) US 8
(0028,0102) US 7
(0028,0103) US 0
(7fe0,0010) OW =";

/// An image made by DCMTK, as a file and as the bare data set it must arrive as.
struct Image {
    dir: TempDir,
}

impl Image {
    async fn make() -> Self {
        let image = Self { dir: tempfile::tempdir().unwrap() };
        let pixels: Vec<u8> = (0..1024 * 1024).map(|i: u32| (i / 1024 + i) as u8).collect();
        fs::write(image.path("pixels"), pixels).unwrap();
        fs::write(image.path("dump"), format!("{DUMP}{}\n", image.path("pixels"))).unwrap();
        let (dump, file) = (image.path("dump"), image.path("explicit.dcm"));
        succeed(DCMTK, "dump2dcm", &["+te", &dump, &file]).await;
        succeed(DCMTK, "dump2dcm", &["-F", "+te", &dump, &image.path("explicit")]).await;
        succeed(DCMTK, "dump2dcm", &["-F", "+ti", &dump, &image.path("implicit")]).await;
        let jpeg = image.path("jpeg.dcm");
        succeed(DCMTK, "dcmcjpeg", &["+eb", "+un", &file, &jpeg]).await;
        succeed(DCMTK, "dcmconv", &["-F", &jpeg, &image.path("jpeg")]).await;
        image
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }
}

fn timeouts_and<'a>(options: &[&'a str]) -> Vec<&'a str> {
    [&["-to", "10", "-ta", "20", "-td", "20"], options].concat()
}

async fn echo(system: &Running) {
    let port = system.address().port().to_string();
    let args = timeouts_and(&["-v", "-aec", "ANYTHING", "127.0.0.1", &port]);
    let output = run(DCMTK, "echoscu", &args).await;
    assert!(output.status.success(), "{output:?}");
}

async fn store(system: &Running, options: &[&str], file: &str) {
    let port = system.address().port().to_string();
    let args = timeouts_and(&[options, &["-aec", AE_TITLE, "127.0.0.1", &port, file]].concat());
    let output = run(DCMTK, "storescu", &args).await;
    assert!(output.status.success(), "{output:?}");
}

fn sum(path: impl AsRef<Path>) -> (u64, String) {
    let mut checksum = crate::systems::checksum::Checksum::new();
    checksum.update(&fs::read(path).unwrap());
    let sum = checksum.finish();
    (sum.bytes, sum.sha256)
}

#[tokio::test]
async fn an_image_arrives_unchanged_in_each_encoding() {
    let system = start_on_loopback(Kind::EnkakuDokuei, Options::default()).await;
    let image = Image::make().await;
    let cases = [
        ("explicit.dcm", "-xe", "explicit", "1.2.840.10008.1.2.1"),
        ("explicit.dcm", "-xi", "implicit", "1.2.840.10008.1.2"),
        ("jpeg.dcm", "-xy", "jpeg", "1.2.840.10008.1.2.4.50"),
    ];
    for (file, proposal, data_set, transfer_syntax) in cases {
        store(&system, &["-R", proposal], &image.path(file)).await;
        let latest = system.received().unwrap().latest.pop_back().unwrap();
        let (bytes, sha256) = sum(image.path(data_set));
        let expected = Instance {
            sop_class: SECONDARY_CAPTURE.to_owned(),
            sop_instance: SOP_INSTANCE.to_owned(),
            transfer_syntax: transfer_syntax.to_owned(),
            bytes,
            sha256,
        };
        assert_eq!(latest, expected, "{data_set}");
    }
    assert_eq!(system.received().unwrap().instances, 3);
}

#[tokio::test]
async fn associations_run_side_by_side() {
    let system = start_on_loopback(Kind::EnkakuDokuei, Options::default()).await;
    let image = Image::make().await;
    let file = image.path("explicit.dcm");
    // An association that is open and silent must not hold up the others.
    let _silent = TcpStream::connect(system.address()).await.unwrap();
    tokio::join!(
        store(&system, &["--repeat", "10"], &file),
        store(&system, &["--repeat", "10"], &file),
        echo(&system),
    );
    let received = system.received().unwrap();
    assert_eq!((received.instances, received.latest.len()), (20, 16));
}

#[tokio::test]
async fn an_abort_and_a_lost_peer_leave_the_store_in_service() {
    let system = start_on_loopback(Kind::EnkakuDokuei, Options::default()).await;
    let port = system.address().port().to_string();
    run(DCMTK, "echoscu", &timeouts_and(&["--abort", "127.0.0.1", &port])).await;

    let image = Image::make().await;
    let lost = association_request(SECONDARY_CAPTURE);
    let mut stream = TcpStream::connect(system.address()).await.unwrap();
    stream.write_all(&lost).await.unwrap();
    stream.write_all(&p_data(&store_command(), true, true)).await.unwrap();
    stream
        .write_all(&p_data(&fs::read(image.path("pixels")).unwrap()[..9000], false, false))
        .await
        .unwrap();
    drop(stream);

    echo(&system).await;
    assert_eq!(system.received().unwrap().instances, 0, "half an image is no image");
}

#[tokio::test]
async fn other_services_are_refused_by_status() {
    let system = start_on_loopback(Kind::EnkakuDokuei, Options::default()).await;
    let port = system.address().port().to_string();
    let query = timeouts_and(&["-v", "-W", "-k", "0008,0050", "127.0.0.1", &port]);
    let output = run(DCMTK, "findscu", &query).await;
    let log = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(log.contains("Status: 0x211") && log.contains("Releasing"), "{log}");
}

/// Every byte of a valid exchange, spoiled in turn: an error is an answer, a
/// panic or a hang is not.
#[tokio::test]
async fn spoiled_bytes_are_never_fatal() {
    let valid = [
        association_request(SECONDARY_CAPTURE),
        p_data(&store_command(), true, true),
        p_data(b"data", false, true),
        vec![5, 0, 0, 0, 0, 4, 0, 0, 0, 0],
    ]
    .concat();
    let inbox = Arc::new(Inbox::default());
    for position in 0..valid.len() {
        for value in [0x00, 0x7f, 0xff] {
            let mut spoiled = valid.clone();
            spoiled[position] = value;
            let (mut client, server) = connection().await;
            client.write_all(&spoiled).await.unwrap();
            client.shutdown().await.unwrap();
            let scp = Scp::new(Arc::clone(&inbox), Duration::from_secs(5));
            let _ = scp.serve(server).await;
        }
    }
    assert!(inbox.snapshot().instances > 0, "some spoiled bytes do not matter");
}

#[test]
fn a_long_value_in_a_short_command_takes_no_memory() {
    let command = [&[0, 0, 2, 0][..], &0xffff_fff0_u32.to_le_bytes(), b"1.2"].concat();
    assert!(command::Request::parse(&command).is_err());
}

/// A-ASSOCIATE-RQ (PS3.8 §9.3.2) with one context: `sop_class`, implicit VR.
fn association_request(sop_class: &str) -> Vec<u8> {
    fn item(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind, 0], &(body.len() as u16).to_be_bytes()[..], body].concat()
    }
    let context =
        [&[1, 0, 0, 0][..], &item(0x30, sop_class.as_bytes()), &item(0x40, b"1.2.840.10008.1.2")]
            .concat();
    let body = [
        &[0, 1, 0, 0][..],
        b"ENKAKU          ",
        b"TEST            ",
        &[0; 32],
        &item(0x10, b"1.2.840.10008.3.1.1.1"),
        &item(0x20, &context),
        &item(0x50, &item(0x51, &16384_u32.to_be_bytes())),
    ]
    .concat();
    [&[1, 0], &(body.len() as u32).to_be_bytes()[..], &body].concat()
}

/// P-DATA-TF (PS3.8 §9.3.5) with one fragment in context 1.
fn p_data(data: &[u8], is_command: bool, is_last: bool) -> Vec<u8> {
    let value = [&[1, u8::from(is_command) | u8::from(is_last) << 1], data].concat();
    let item = [&(value.len() as u32).to_be_bytes()[..], &value].concat();
    [&[4, 0], &(item.len() as u32).to_be_bytes()[..], &item].concat()
}

/// C-STORE-RQ (PS3.7 §9.3.1.1).
fn store_command() -> Vec<u8> {
    fn element(number: u16, value: &[u8]) -> Vec<u8> {
        let len = (value.len() as u32).to_le_bytes();
        [&[0, 0][..], &number.to_le_bytes(), &len, value].concat()
    }
    [
        element(0x0002, b"1.2.840.10008.5.1.4.1.1.7\0"),
        element(0x0100, &[1, 0]),
        element(0x0110, &[7, 0]),
        element(0x0800, &[0, 0]),
        element(0x1000, b"1.2\0"),
    ]
    .concat()
}
