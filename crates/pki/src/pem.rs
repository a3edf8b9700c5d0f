//! PEM text (RFC 7468) with one or more sections.
//!
//! Unlike strict readers this one passes over whatever stands outside the sections, as the bundles
//! that `openssl` and certification authorities hand out carry names and comments there.

use std::fmt;

use der::pem::{self, LineEnding};
use zeroize::Zeroizing;

const BEGIN: &[u8] = b"-----BEGIN ";
const DASHES: &[u8] = b"-----";

/// What a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// `CERTIFICATE`
    Certificate,
    /// `X509 CRL`
    RevocationList,
    /// `PUBLIC KEY`: a `SubjectPublicKeyInfo`.
    PublicKey,
}

impl Label {
    fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "CERTIFICATE",
            Self::RevocationList => "X509 CRL",
            Self::PublicKey => "PUBLIC KEY",
        }
    }
}

/// One section for each DER document, in the order given: a chain is written leaf first.
///
/// # Errors
/// When a document is too large for the encoder.
pub fn encode<'a>(
    label: Label,
    documents: impl IntoIterator<Item = &'a [u8]>,
) -> Result<String, PemError> {
    documents
        .into_iter()
        .map(|der| pem::encode_string(label.as_str(), LineEnding::LF, der))
        .collect::<Result<String, pem::Error>>()
        .map_err(|error| PemError::Section { label: label.as_str().to_owned(), error })
}

/// The DER documents of all sections with this label, in order. Other sections are passed over.
///
/// # Errors
/// When there is no such section, or one is broken.
pub fn decode(label: Label, text: &[u8]) -> Result<Vec<Vec<u8>>, PemError> {
    let mut documents = Vec::new();
    for section in sections(text) {
        let section = section?;
        if section.label == label.as_str() {
            documents.push(section.decode()?.to_vec());
        }
    }
    if documents.is_empty() {
        return Err(PemError::NoSection { wanted: label.as_str() });
    }
    Ok(documents)
}

/// One section, not yet decoded.
pub(crate) struct Section<'a> {
    pub(crate) label: &'a str,
    pub(crate) text: &'a [u8],
}

impl Section<'_> {
    /// The document inside. Zeroizing, as it may be a private key.
    pub(crate) fn decode(&self) -> Result<Zeroizing<Vec<u8>>, PemError> {
        let mut document = Zeroizing::new(Vec::new());
        pem::Decoder::new_detect_wrap(self.text)
            .and_then(|mut decoder| decoder.decode_to_end(&mut document).map(drop))
            .map_err(|error| PemError::Section { label: self.label.to_owned(), error })?;
        Ok(document)
    }
}

/// The sections of `text`; stops at the first error.
pub(crate) fn sections(mut text: &[u8]) -> impl Iterator<Item = Result<Section<'_>, PemError>> {
    std::iter::from_fn(move || {
        let Some(start) = find(text, BEGIN) else {
            // What is left of a BEGIN line where the file was cut.
            let cut = text.split(|&byte| byte == b'\n').any(|line| line.starts_with(DASHES));
            text = &[];
            return cut.then_some(Err(PemError::Unterminated));
        };
        let (section, rest) = match split_section(text.get(start..)?) {
            Some((section, rest)) => (Ok(section), rest),
            None => (Err(PemError::Unterminated), &[][..]),
        };
        text = rest;
        Some(section)
    })
}

/// Splits `text`, which begins with a BEGIN line, after the matching END line.
fn split_section(text: &[u8]) -> Option<(Section<'_>, &[u8])> {
    let after_begin = text.get(BEGIN.len()..)?;
    let label = after_begin.get(..find(after_begin, DASHES)?)?;
    let label = std::str::from_utf8(label).ok()?;
    let end_line = format!("-----END {label}-----");
    let end = find(text, end_line.as_bytes())? + end_line.len();
    let (text, rest) = text.split_at_checked(end)?;
    Some((Section { label, text }, rest))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// The text is not the PEM it should be: the fault of whoever made the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PemError {
    /// No section of the wanted kind.
    NoSection {
        /// Its label.
        wanted: &'static str,
    },
    /// A BEGIN line without its END line.
    Unterminated,
    /// A section's content is not base64.
    Section {
        /// The section's label.
        label: String,
        /// What is wrong with it.
        error: pem::Error,
    },
}

impl fmt::Display for PemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSection { wanted } => write!(
                f,
                "no '-----BEGIN {wanted}-----' section; convert the file to PEM, or give the right file"
            ),
            Self::Unterminated => {
                f.write_str("a PEM section has no END line; the file is cut short")
            }
            Self::Section { label, error } => {
                write!(f, "the PEM section {label:?} is broken ({error}); export it again")
            }
        }
    }
}

impl std::error::Error for PemError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_other_sections_are_passed_over() {
        let documents: [&[u8]; 2] = [&[1; 100], &[2; 3]];
        let chain = encode(Label::Certificate, documents).unwrap();
        let other = encode(Label::PublicKey, [&[3; 5][..]]).unwrap();
        let bundle =
            format!("\u{feff}Bag Attributes\n  端末\n{other}\nsubject=x\n{chain}\n\n# end");
        for text in [bundle.replace('\n', "\r\n"), bundle] {
            assert_eq!(decode(Label::Certificate, text.as_bytes()).unwrap(), documents);
        }
    }

    #[test]
    fn faults_are_told_apart() {
        let whole = encode(Label::Certificate, [&[1; 100][..]]).unwrap();
        let decode = |text: &str| decode(Label::Certificate, text.as_bytes()).unwrap_err();
        assert_eq!(decode("hello"), PemError::NoSection { wanted: "CERTIFICATE" });
        assert_eq!(decode(&whole[..whole.len() - 10]), PemError::Unterminated);
        assert_eq!(decode(&format!("{whole}-----BEG")), PemError::Unterminated);
        assert!(matches!(decode(&whole.replacen("AQEB", "!QEB", 1)), PemError::Section { .. }));
    }
}
