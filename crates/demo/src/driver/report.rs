//! What people see: the table of attempts, the records, and how to try it by hand.

use std::path::Path;

use demo::report::{self, Meanings, Row};
use demo::systems::Kind;

use super::Failure;
use super::stage::{Stage, host};

/// Prints attempt, expected, got and reason.
pub(super) fn table(stage: &Stage, rows: &[Row]) -> Result<(), Failure> {
    let meanings = Meanings::parse(&stage.sekisho(&["reasons", "--json"])?)?;
    println!("{}", report::table(rows, &meanings));
    Ok(())
}

/// Writes the rows for programs.
pub(super) fn json(file: &Path, rows: &[Row]) -> Result<(), Failure> {
    Ok(std::fs::write(file, serde_json::to_string_pretty(&report::json(rows))?)?)
}

/// Prints the last records of the connection log.
pub(super) fn records(stage: &Stage) -> Result<(), Failure> {
    println!("\nthe connection log (sekisho log tail):\n");
    println!("{}", stage.sekisho(&["log", "tail", "-n", "12"])?);
    Ok(())
}

/// Prints commands to copy.
pub(super) fn by_hand(stage: &Stage) {
    let (front, dicom) = (stage.ports.front, stage.ports.dicom);
    let directory = stage.directory.display();
    let program = stage.program().display();
    let ca = stage.ca_file();
    println!("try it by hand, in another terminal:\n");
    println!("  cd {directory}");
    for (kind, client) in [(Kind::KmixRBasic, "3720001-pc-1"), (Kind::KmixPlus, "3710002-pc-1")] {
        let name = host(kind);
        println!(
            "  curl --noproxy '*' --cacert ca/ca.pem --resolve {name}:{front}:127.0.0.1 \\\n    \
             --cert terminals/{client}.pem --key terminals/{client}.key \\\n    \
             https://{name}:{front}/"
        );
    }
    println!(
        "  echoscu --enable-tls terminals/3710001-ct-1.key terminals/3710001-ct-1.pem \\\n    \
         --add-cert-file {ca} --call {} 127.0.0.1 {dicom}",
        demo::systems::AE_TITLE
    );
    println!("\n  export SEKISHO_CONFIG={directory}/sekisho.toml");
    for command in ["log tail -f", "status", "institution list", "terminal suspend 3720001/pc-1"] {
        println!("  {program} {command}");
    }
    println!("\nCtrl-C stops the gateway and the systems.");
}
