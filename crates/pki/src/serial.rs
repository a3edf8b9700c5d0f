//! Certificate serial numbers.

use std::fmt;
use std::str::FromStr;

use x509_cert::serial_number::SerialNumber;

/// RFC 5280 §4.1.2.2: at most 20 octets.
const MAX_LEN: usize = 20;

/// A serial number (RFC 5280 §4.1.2.2): a non-negative integer of at most 20 octets.
///
/// Written and read as lower-case hexadecimal without a sign octet, two digits per octet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial {
    // Big-endian, no leading zero octet unless the number is zero.
    magnitude: Vec<u8>,
}

impl Serial {
    /// A serial number for a new certificate from 16 random octets.
    ///
    /// The two top bits become 01, so that the number is positive and always 16 octets long.
    #[must_use]
    pub fn from_random(random: [u8; 16]) -> Self {
        let [first, rest @ ..] = random;
        let mut magnitude = vec![first & 0x3f | 0x40];
        magnitude.extend_from_slice(&rest);
        Self { magnitude }
    }

    /// The big-endian octets, without a sign octet.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.magnitude
    }

    fn from_magnitude(octets: &[u8]) -> Result<Self, SerialError> {
        let significant = octets.iter().position(|octet| *octet != 0);
        let magnitude = match significant {
            Some(first) => octets.get(first..).unwrap_or_default().to_vec(),
            None => vec![0],
        };
        if magnitude.len() > MAX_LEN {
            return Err(SerialError::TooLong { octets: magnitude.len() });
        }
        Ok(Self { magnitude })
    }

    pub(crate) fn to_x509(&self) -> Result<SerialNumber, der::Error> {
        SerialNumber::new(&self.magnitude)
    }

    pub(crate) fn from_x509(serial: &SerialNumber) -> Result<Self, SerialError> {
        match serial.as_bytes() {
            [] => Err(SerialError::Empty),
            [first, ..] if *first >= 0x80 => Err(SerialError::Negative),
            octets => Self::from_magnitude(octets),
        }
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.magnitude.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl FromStr for Serial {
    type Err = SerialError;

    fn from_str(text: &str) -> Result<Self, SerialError> {
        if text.is_empty() {
            return Err(SerialError::Empty);
        }
        let octets = text
            .as_bytes()
            .rchunks(2)
            .rev()
            .map(octet_from_hex)
            .collect::<Option<Vec<u8>>>()
            .ok_or(SerialError::NotHexadecimal)?;
        Self::from_magnitude(&octets)
    }
}

fn octet_from_hex(digits: &[u8]) -> Option<u8> {
    digits.iter().try_fold(0, |octet: u8, digit| {
        let value = char::from(*digit).to_digit(16)?;
        Some(octet << 4 | u8::try_from(value).ok()?)
    })
}

/// Not a serial number that RFC 5280 §4.1.2.2 permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SerialError {
    /// No digits.
    Empty,
    /// The certificate's issuer wrote a negative number.
    Negative,
    /// More than 20 octets.
    TooLong {
        /// How many there are.
        octets: usize,
    },
    /// The text holds something else than hexadecimal digits.
    NotHexadecimal,
}

impl fmt::Display for SerialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the serial number is empty"),
            Self::Negative => f.write_str(
                "the serial number is negative; its issuer must reissue the certificate",
            ),
            Self::TooLong { octets } => {
                write!(f, "the serial number has {octets} octets; at most {MAX_LEN} are permitted")
            }
            Self::NotHexadecimal => {
                f.write_str("the serial number must be hexadecimal digits without separators")
            }
        }
    }
}

impl std::error::Error for SerialError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_serials_are_positive_and_of_one_length() {
        for random in [[0x00; 16], [0xff; 16]] {
            let serial = Serial::from_random(random);
            let encoded = serial.to_x509().unwrap();
            assert_eq!(encoded.as_bytes().len(), 16);
            assert!(encoded.as_bytes()[0] < 0x80);
            assert_eq!(Serial::from_x509(&encoded), Ok(serial));
        }
    }

    #[test]
    fn text_is_canonical() {
        assert_eq!("00AB12".parse::<Serial>().unwrap().to_string(), "ab12");
        assert_eq!("b12".parse::<Serial>().unwrap().to_string(), "0b12");
        assert_eq!("0000".parse::<Serial>().unwrap().to_string(), "00");
        assert_eq!("ab:12".parse::<Serial>(), Err(SerialError::NotHexadecimal));
        assert_eq!("+1".parse::<Serial>(), Err(SerialError::NotHexadecimal));
        assert_eq!("1".repeat(42).parse::<Serial>(), Err(SerialError::TooLong { octets: 21 }));
    }

    #[test]
    fn the_sign_octet_is_not_part_of_the_number() {
        let encoded = SerialNumber::new(&[0x80, 0x01]).unwrap();
        assert_eq!(encoded.as_bytes(), [0x00, 0x80, 0x01]);
        assert_eq!(Serial::from_x509(&encoded).unwrap().to_string(), "8001");
    }
}
