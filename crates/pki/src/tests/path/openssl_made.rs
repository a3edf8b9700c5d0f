//! Certificates in shapes that only OpenSSL makes.

use std::net::TcpListener;

use super::{Client, NONE, Server};
use crate::path::{AuthorityFault, MAX_PRESENTED};
use crate::tests::{DAY, Openssl};
use crate::{Authority, CrlUpdate, Leaf, PathError, PeerUsage, SigningKey, Trust, TrustError};

const P256: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";
const CA: &str = "-addext basicConstraints=critical,CA:true \
                  -addext keyUsage=critical,digitalSignature,keyCertSign,cRLSign";

/// Keys, certificates and lists by name; "root" is the trust anchor.
struct Maker(Openssl);

impl Maker {
    fn new() -> Self {
        let openssl = Openssl::new();
        // Without an extension the certificates would be of version 1.
        let configuration = "[req]\ndistinguished_name=dn\nx509_extensions=v3\n[dn]\n\
                             [v3]\nsubjectKeyIdentifier=hash\n";
        openssl.write("cnf", configuration);
        let maker = Self(openssl);
        maker.make("root", None, CA);
        maker
    }

    fn key(&self, name: &str, kind: &str) {
        self.0.run(&format!("genpkey {kind} -out {name}.key")).unwrap();
    }

    /// A certificate of `name`, by `issuer` or itself; its key is P-256 unless made before.
    fn make(&self, name: &str, issuer: Option<&str>, options: &str) -> Vec<u8> {
        if !self.0.path(&format!("{name}.key")).exists() {
            self.key(name, P256);
        }
        let signer = issuer.map_or(String::new(), |ca| format!("-CA {ca}.der -CAkey {ca}.key"));
        let request =
            format!("req -x509 -new -config cnf -days 99 -key {name}.key -subj /CN={name}");
        self.0.run(&format!("{request} -outform DER -out {name}.der {signer} {options}")).unwrap();
        self.0.file(&format!("{name}.der"))
    }

    fn crl(&self, name: &str) -> Vec<u8> {
        let key = SigningKey::from_pem(&self.0.file(&format!("{name}.key")), None).unwrap();
        let authority = Authority::from_der(&self.0.file(&format!("{name}.der")), key).unwrap();
        let now = self.now();
        let update = CrlUpdate { number: 1, this_update: now, next_update: now + DAY };
        authority.sign_crl(update, []).unwrap()
    }

    /// OpenSSL's own clock, with room for what is made in the next minutes.
    fn now(&self) -> i64 {
        Leaf::from_der(&self.0.file("root.der")).unwrap().not_before + 600
    }

    /// Trust in "root", with the lists of these authorities and its own.
    fn trust(&self, authorities: &[&str]) -> Trust {
        let lists: Vec<_> = authorities.iter().chain(&["root"]).map(|ca| self.crl(ca)).collect();
        Trust::new(&[self.0.file("root.der")], NONE, &lists).unwrap()
    }

    fn verify(
        &self,
        trust: &Trust,
        leaf: &[u8],
        presented: &[&[u8]],
        usage: PeerUsage,
    ) -> Result<(), PathError> {
        trust.verify(leaf, presented, usage, self.now()).map(drop)
    }
}

/// RFC 4945 §5.1.3.2 and §5.1.3.12.
#[test]
fn purposes_are_those_of_ike() {
    let maker = Maker::new();
    let trust = maker.trust(&[]);
    let wrong = Err(PathError::WrongPurpose);
    for (options, as_client, as_server) in [
        ("", Ok(()), Ok(())),
        ("extendedKeyUsage=clientAuth,emailProtection", Ok(()), wrong),
        ("extendedKeyUsage=serverAuth", wrong, Ok(())),
        ("extendedKeyUsage=1.3.6.1.5.5.7.3.17", Ok(()), Ok(())),
        ("extendedKeyUsage=1.3.6.1.5.5.8.2.2", Ok(()), Ok(())),
        ("extendedKeyUsage=anyExtendedKeyUsage", Ok(()), Ok(())),
        ("extendedKeyUsage=codeSigning", wrong, wrong),
        ("keyUsage=critical,digitalSignature", Ok(()), Ok(())),
        ("keyUsage=critical,nonRepudiation", Ok(()), Ok(())),
        ("keyUsage=critical,keyEncipherment,keyAgreement", wrong, wrong),
        ("basicConstraints=critical,CA:true", wrong, wrong),
    ] {
        let addition = options.split_whitespace().next().map(|option| format!("-addext {option}"));
        let leaf = maker.make("leaf", Some("root"), &addition.unwrap_or_default());
        assert_eq!(maker.verify(&trust, &leaf, &[], Client), as_client, "{options}");
        assert_eq!(maker.verify(&trust, &leaf, &[], Server), as_server, "{options}");
    }

    // An authority that may certify servers only.
    let authority =
        maker.make("ca", Some("root"), &format!("{CA} -addext extendedKeyUsage=serverAuth"));
    let leaf = maker.make("leaf", Some("ca"), "");
    let trust = maker.trust(&["ca"]);
    assert_eq!(maker.verify(&trust, &leaf, &[&authority], Client), wrong);
    assert_eq!(maker.verify(&trust, &leaf, &[&authority], Server), Ok(()));
}

#[test]
fn weak_certificates_are_refused_wherever_they_stand() {
    let maker = Maker::new();
    maker.key("short", "-algorithm RSA -pkeyopt rsa_keygen_bits:1024");
    maker.key("edwards", "-algorithm ed25519");
    let trust = maker.trust(&[]);
    let verdict = |leaf: &[u8], presented: &[&[u8]]| maker.verify(&trust, leaf, presented, Client);

    let leaf = maker.make("short", Some("root"), "");
    assert_eq!(verdict(&leaf, &[]), Err(PathError::WeakKey));
    let leaf = maker.make("leaf", Some("root"), "-sha1");
    assert_eq!(verdict(&leaf, &[]), Err(PathError::WeakSignature));

    let authority = maker.make("ca", Some("root"), &format!("{CA} -sha1"));
    let leaf = maker.make("leaf", Some("ca"), "");
    assert_eq!(verdict(&leaf, &[&authority]), Err(PathError::WeakSignature));
    let authority = maker.make("short", Some("root"), CA);
    let leaf = maker.make("leaf", Some("short"), "");
    assert_eq!(verdict(&leaf, &[&authority]), Err(PathError::WeakKey));
    let fault = Trust::new(&[&authority], NONE, &[maker.crl("root")]).unwrap_err();
    assert!(matches!(fault, TrustError::Anchor { index: 0, fault: AuthorityFault::Weak(_) }));
}

#[test]
fn only_an_authority_may_issue_and_only_as_deep_as_permitted() {
    let maker = Maker::new();
    let refused = Err(PathError::IssuerNotPermitted);
    let middle = maker.make("middle", Some("root"), &CA.replace("true", "true,pathlen:0"));
    let below = maker.make("below", Some("middle"), CA);
    let leaf = maker.make("leaf", Some("below"), "");
    let trust = maker.trust(&["middle", "below"]);
    assert_eq!(maker.verify(&trust, &leaf, &[&below, &middle], Client), refused);

    let terminal = maker.make("terminal", Some("root"), "");
    let forged = maker.make("forged", Some("terminal"), "");
    assert_eq!(maker.verify(&trust, &forged, &[&terminal], Client), refused);

    let critical = maker.make("leaf", Some("root"), "-addext 1.2.3.4=critical,DER:0500");
    assert_eq!(maker.verify(&trust, &critical, &[], Client), Err(PathError::CriticalExtension));
    maker.0.write("cnf", "[req]\ndistinguished_name=dn\n[dn]\n");
    let old = maker.make("old", Some("root"), "");
    assert_eq!(maker.verify(&trust, &old, &[], Client), Err(PathError::Malformed));
    assert_eq!(maker.verify(&trust, b"0", &[], Client), Err(PathError::Malformed));
}

/// strongSwan CVE-2026-35331: constraints evaded by upper case; and kinds of name that are not
/// compared at all are refused.
#[test]
fn cve_2026_35331_names_are_constrained_in_any_case() {
    let maker = Maker::new();
    let verdict = |constraint: &str, name: &str| {
        let options = format!("{CA} -addext nameConstraints=critical,{constraint}");
        let authority = maker.make("ca", Some("root"), &options);
        let leaf = maker.make("leaf", Some("ca"), &format!("-addext subjectAltName={name}"));
        maker.verify(&maker.trust(&["ca"]), &leaf, &[&authority], Client)
    };
    let outside = Err(PathError::NameConstraint);
    for (constraint, name, expected) in [
        ("excluded;DNS:example.jp", "DNS:gw.eXample.JP", outside),
        ("excluded;DNS:EXAMPLE.jp", "DNS:gw.example.jp", outside),
        ("excluded;DNS:gw.example.jp", "DNS:*.example.jp", outside),
        ("excluded;DNS:example.jp", "DNS:gw.example.com", Ok(())),
        ("permitted;DNS:Example.jp", "DNS:gw.example.JP", Ok(())),
        ("permitted;DNS:example.jp", "DNS:badexample.jp", outside),
        ("permitted;IP:10.0.0.0/255.0.0.0", "IP:10.1.2.3", Ok(())),
        ("permitted;IP:10.0.0.0/255.0.0.0", "IP:192.0.2.1", outside),
        ("excluded;email:example.jp", "email:a@EXAMPLE.jp", outside),
        ("permitted;URI:.example.jp", "URI:spiffe://gw.example.org/i/t", outside),
    ] {
        assert_eq!(verdict(constraint, name), expected, "{constraint} {name}");
    }

    // An anchor's own constraints bind too.
    maker.make(
        "root",
        None,
        &format!("{CA} -addext nameConstraints=critical,excluded;DNS:example.jp"),
    );
    let leaf = maker.make("leaf", Some("root"), "-addext subjectAltName=DNS:gw.EXAMPLE.jp");
    assert_eq!(maker.verify(&maker.trust(&[]), &leaf, &[], Client), outside);
}

/// strongSwan CVE-2022-40617: URIs of untrusted certificates were fetched.
#[test]
fn cve_2022_40617_nothing_a_certificate_names_is_fetched() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let uri = format!("URI:http://{}/x", listener.local_addr().unwrap());
    let maker = Maker::new();
    let named = format!(
        "-addext crlDistributionPoints={uri} -addext authorityInfoAccess=OCSP;{uri},caIssuers;{uri}"
    );
    let rogue = maker.make("rogue", None, &format!("{CA} {named}"));
    let untrusted = maker.make("untrusted", Some("rogue"), &named);
    let trusted = maker.make("trusted", Some("root"), &named);

    let trust = maker.trust(&[]);
    let unknown = Err(PathError::UnknownIssuer);
    assert_eq!(maker.verify(&trust, &untrusted, &[], Client), unknown);
    assert_eq!(maker.verify(&trust, &untrusted, &[&rogue], Client), unknown, "no anchor");
    assert_eq!(maker.verify(&trust, &trusted, &[], Client), Ok(()));
    let accepted = listener.accept().map(drop).map_err(|error| error.kind());
    assert_eq!(accepted, Err(std::io::ErrorKind::WouldBlock));
}

#[test]
fn many_presented_authorities_cost_little() {
    let maker = Maker::new();
    let trust = maker.trust(&[]);
    let leaf = maker.make("a", Some("root"), "");
    let extra = maker.make("b", None, CA);
    let crowd = vec![extra.as_slice(); MAX_PRESENTED];
    assert_eq!(maker.verify(&trust, &leaf, &crowd, Client), Ok(()), "the same one over and over");
    let crowd = vec![extra.as_slice(); MAX_PRESENTED + 1];
    let fresh = maker.trust(&[]);
    assert_eq!(maker.verify(&fresh, &leaf, &crowd, Client), Err(PathError::TooLong));
    assert_eq!(maker.verify(&fresh, &leaf, &[b"junk", &extra], Client), Ok(()), "passed over");

    // Two of each name, every one issued by the next: all paths end in a circle.
    let names = ["a", "b", "c"];
    for name in names {
        maker.make(name, None, CA);
    }
    let circle: Vec<_> = (0..6)
        .map(|n| {
            let (name, issuer) = (names[n % 3], names[(n + 1) % 3]);
            std::fs::remove_file(maker.0.path(&format!("{name}.key"))).unwrap();
            maker.make(name, None, CA);
            maker.make(name, Some(issuer), CA)
        })
        .collect();
    let circle: Vec<_> = circle.iter().map(Vec::as_slice).collect();
    let leaf = maker.make("lost", Some("a"), "");
    assert_eq!(maker.verify(&fresh, &leaf, &circle, Client), Err(PathError::UnknownIssuer));

    // Three of one name would make the paths multiply.
    let alike: Vec<_> = (0..3).map(|_| maker.make("a", Some("b"), CA)).collect();
    let alike: Vec<_> = alike.iter().map(Vec::as_slice).collect();
    assert_eq!(maker.verify(&fresh, &leaf, &alike, Client), Err(PathError::TooLong));
}
