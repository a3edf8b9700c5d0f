//! What a datagram is, by its port and its first octets (RFC 3948 §2).

use crate::Discarded;

/// Before IKE on the port that it shares with ESP (RFC 3948 §2.2): no ESP packet has SPI 0.
pub(crate) const NON_ESP_MARKER: [u8; 4] = [0; 4];

/// A NAT keepalive (RFC 3948 §2.3).
const KEEPALIVE: [u8; 1] = [0xff];

/// What a datagram holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Datagram<'a> {
    /// An IKE message, without marker.
    Ike(&'a [u8]),
    /// An ESP packet.
    Esp(&'a [u8]),
}

/// Tells what came, on the port with ESP or on that without.
pub(crate) fn read(octets: &[u8], with_esp: bool) -> Result<Datagram<'_>, Discarded> {
    if octets.is_empty() {
        return Err(Discarded::Empty);
    }
    if !with_esp {
        return Ok(Datagram::Ike(octets));
    }
    if *octets == KEEPALIVE {
        return Err(Discarded::KeepAlive);
    }
    if octets.starts_with(&NON_ESP_MARKER) {
        return Ok(Datagram::Ike(octets.get(NON_ESP_MARKER.len()..).unwrap_or_default()));
    }
    Ok(Datagram::Esp(octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ike_and_esp_share_a_port_and_are_told_apart() {
        let ike = |octets: &[u8], with_esp| match read(octets, with_esp) {
            Ok(Datagram::Ike(message)) => message.len(),
            other => panic!("{other:?}"),
        };
        assert_eq!(ike(&[0; 28], false), 28, "port 500 has no marker");
        assert_eq!(ike(&[0; 32], true), 28);
        assert_eq!(ike(&[0; 4], true), 0, "the endpoint calls it malformed");
        assert_eq!(ike(&[0xff], false), 1);

        assert_eq!(read(&[], true), Err(Discarded::Empty));
        assert_eq!(read(&[0xff], true), Err(Discarded::KeepAlive));
        for packet in [[0, 0, 0, 1, 9].as_slice(), &[0, 0, 0], &[0xff, 0xff]] {
            assert!(matches!(read(packet, true), Ok(Datagram::Esp(_))), "{packet:?}");
        }
    }
}
