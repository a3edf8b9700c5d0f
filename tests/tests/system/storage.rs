//! A log that cannot be written: nobody is let in unrecorded, nobody live is thrown out.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;

use demo::systems::Kind;
use sekisho_tests::client::Client;
use sekisho_tests::gateway::Gateway;
use sekisho_tests::program::{self, lacks_root};
use sekisho_tests::setup::Setup;
use sekisho_tests::{systems, until};
use tempfile::TempDir;

/// A small disk of its own, taken away when dropped.
struct Disk(TempDir);

impl Disk {
    fn mount() -> Self {
        let disk = Self(tempfile::tempdir().unwrap());
        let options = ["-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs"].map(OsStr::new);
        program::run("mount", options.into_iter().chain([disk.0.path().as_os_str()]))
            .expect_success();
        disk
    }

    /// Fills it to the last byte.
    fn fill(&self) {
        let full = fs::write(self.0.path().join("ballast"), vec![0; 4 << 20]);
        full.expect_err("no disk of that size is there");
    }

    fn free(&self) {
        fs::remove_file(self.0.path().join("ballast")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        program::run("umount", ["--lazy".as_ref(), self.0.path().as_os_str()]);
    }
}

fn log_state(gateway: &Gateway) -> serde_json::Value {
    gateway.status()["log"]["state"].clone()
}

#[test]
fn a_fulldisk_refuses_newcomers_and_service_resumes_by_itself() {
    if lacks_root() {
        return;
    }
    let setup = Setup::new().upstream(Kind::KmixPlus, systems::echo());
    let disk = Disk::mount();
    symlink(disk.0.path(), setup.site.path("log")).unwrap();
    let gateway = setup.start();
    let client = Client::of(&gateway.site, "H1/pc-1");
    let mut live = client.converse(gateway.named());
    let leaving = client.converse(gateway.named());
    let left = leaving.local();

    disk.fill();
    // The first after the disk is full may learn of it, and so tell the gateway.
    until("newcomers are refused", || {
        let mut newcomer = client.connect(gateway.named());
        newcomer.echo(b"hello").is_err().then_some(())
    });
    until("the status says so", || (log_state(&gateway)["failing"] == "disk-full").then_some(()));
    client.connect(gateway.named()).echo(b"hello").unwrap_err();
    assert!(gateway.count("log.storage-failed") > 0, "{:#}", gateway.status());
    live.echo(b"still here").unwrap();
    drop(leaving);
    live.echo(b"still here").unwrap();

    disk.free();
    until("service resumes", || {
        let mut newcomer = client.connect(gateway.named());
        newcomer.echo(b"hello").is_ok().then_some(())
    });
    assert_eq!(log_state(&gateway), "writing");
    // What ended meanwhile is on record, and so is the outage.
    assert_eq!(gateway.closed(left).number("bytes_in"), 5);
    let regained = gateway.record(|record| record.reason() == "log.regained");
    assert!(regained.text("detail").contains("disk-full"), "{regained:?}");
    live.echo(b"still here").unwrap();
    let source = live.local();
    live.finish();
    assert_eq!(gateway.closed(source).reason(), "close.client");
    assert_eq!(gateway.status()["log"]["lost"], 0);
}
