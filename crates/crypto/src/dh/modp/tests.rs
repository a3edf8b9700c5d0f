use super::*;
use crate::openssl::OpenSsl;

/// A prime, its length in octets, and OpenSSL's name for it.
const PRIMES: [(Prime, usize, &str); 3] = [
    (Prime::Modp2048, 256, "modp_2048"),
    (Prime::Modp3072, 384, "modp_3072"),
    (Prime::Modp4096, 512, "modp_4096"),
];

/// Which is also the proof of the primes.
#[test]
fn agrees_with_openssl() {
    for (prime, len, name) in PRIMES {
        let openssl = OpenSsl::new();
        // A value of full length, the usual case, ends the structure.
        let spki = loop {
            openssl.run(&format!("genpkey -algorithm DH -pkeyopt group:{name} -out key.pem"));
            let spki = openssl.run("pkey -in key.pem -pubout -outform DER");
            if is_full(&spki, len) {
                break spki;
            }
        };
        let (head, value) = spki.split_at(spki.len() - len);

        // The value ends the structure: ours takes the place of one with the same top bit, so
        // that the lengths stay.
        let ours = loop {
            let key = ModpKey::generate(prime).unwrap();
            let candidate = key.public_value().unwrap();
            if candidate[0] != 0 && (candidate[0] ^ value[0]) & 0x80 == 0 {
                openssl.write("peer.der", &[head, &candidate].concat());
                break key;
            }
        };
        let derive = "pkeyutl -derive -pkeyopt dh_pad:1 -inkey key.pem";
        let theirs = openssl.run(&format!("{derive} -peerform DER -peerkey peer.der"));
        assert!(ours.agree(value).unwrap().matches(&theirs), "{name}");
    }
}

/// The INTEGER at the end has `len` octets, besides the zero that keeps it positive.
fn is_full(spki: &[u8], len: usize) -> bool {
    let (head, value) = spki.split_at(spki.len() - len);
    let header = |octets: usize| [&[0x02, 0x82][..], &(octets as u16).to_be_bytes()].concat();
    match value[0] {
        0 => false,
        1..0x80 => head.ends_with(&header(len)),
        0x80.. => head.ends_with(&[header(len + 1), vec![0]].concat()),
    }
}

#[test]
fn values_out_of_range_are_refused() {
    for (prime, len, _) in PRIMES {
        let key = ModpKey::generate(prime).unwrap();
        let from_prime = |difference| {
            let mut number = key.prime.to_owned().unwrap();
            number.sub_word(difference).unwrap();
            number.to_vec_padded(len).unwrap()
        };
        let small = |number| {
            let mut value = vec![0; len];
            *value.last_mut().unwrap() = number;
            value
        };
        let above = vec![0xff; len];
        for value in [small(0), small(1), from_prime(1), from_prime(0), above] {
            assert_eq!(key.agree(&value).err(), Some(Error::PublicValue));
        }
        for value in [small(2), from_prime(2)] {
            assert!(key.agree(&value).is_ok());
        }
    }
}
