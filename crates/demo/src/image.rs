//! Images to store: made up, of nobody.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes a series of `count` small DICOM images in `directory`, by DCMTK's `dump2dcm`.
///
/// # Errors
///
/// When a file cannot be written or `dump2dcm` cannot be run, or what it said.
pub fn series(directory: &Path, count: u8) -> io::Result<Vec<PathBuf>> {
    (1..=count).map(|number| image(directory, number)).collect()
}

fn image(directory: &Path, number: u8) -> io::Result<PathBuf> {
    let path = |extension| directory.join(format!("image-{number}.{extension}"));
    let (dump, file) = (path("dump"), path("dcm"));
    let text = format!(
        "\
(0008,0016) UI =SecondaryCaptureImageStorage
(0008,0018) UI [1.2.392.200036.9999.1.{number}]
(0008,0060) CS [OT]
(0020,000d) UI [1.2.392.200036.9999.2]
(0020,000e) UI [1.2.392.200036.9999.3]
(0020,0013) IS [{number}]
(0010,0010) PN [DEMO^TARO]
(0028,0002) US 1
(0028,0004) CS [MONOCHROME2]
(0028,0010) US 2
(0028,0011) US 2
(0028,0100) US 8
(0028,0101) US 8
(0028,0102) US 7
(0028,0103) US 0
(7fe0,0010) OB 00\\01\\02\\{number:02x}
"
    );
    std::fs::write(&dump, text)?;
    let made = Command::new("dump2dcm").arg("+te").arg(&dump).arg(&file).output()?;
    if made.status.success() {
        return Ok(file);
    }
    let said = String::from_utf8_lossy(&made.stderr);
    Err(io::Error::other(format!("dump2dcm: {said}")))
}
