//! Who made the peer, from its VendorIDs: for the operator only.

/// Known VendorIDs, or how they begin.
const KNOWN: [(&[u8], &str); 7] = [
    (b"\x88\x2f\xe5\x6d\x6f\xd2\x0d\xbc\x22\x51\x61\x3b\x2e\xbe\x5b\xeb", "strongSwan"),
    (b"\x1e\x2b\x51\x69\x05\x99\x1c\x7d\x7c\x96\xfc\xbf\xb5\x87\xe4\x61", "Windows"),
    (b"\xfb\x1d\xe3\xcd\xf3\x41\xb7\xea\x16\xb7\xe5\xbe\x08\x55\xf1\x20", "Windows"),
    (b"CISCO", "Cisco"),
    (b"FortiGate", "FortiGate"),
    (b"\x82\x99\x03\x17\x57\xa3\x60\x82\xc6\xa6\x21\xde", "FortiGate"),
    (b"OpenIKED", "OpenIKED"),
];

pub(crate) fn vendor(id: &[u8]) -> Option<&'static str> {
    KNOWN.iter().find(|(known, _)| id.starts_with(known)).map(|(_, name)| *name)
}
