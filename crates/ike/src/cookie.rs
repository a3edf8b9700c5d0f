//! COOKIE: proof that a source address receives what is sent to it (RFC 7296 §2.6).

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crypto::prf::Prf;
use zeroize::Zeroizing;

use crate::Random;

/// A secret makes cookies for this long, and its cookies hold for as long again.
const PERIOD: Duration = Duration::from_secs(60);

type CookieSecret = Zeroizing<[u8; 32]>;

/// Makes and checks cookies without remembering any.
pub(crate) struct Cookies {
    current: CookieSecret,
    previous: CookieSecret,
    rotate_at: Instant,
}

impl Cookies {
    pub(crate) fn new(now: Instant, random: &mut (dyn Random + Send)) -> Self {
        let mut secret = || Zeroizing::new(random.array());
        Self { current: secret(), previous: secret(), rotate_at: now + PERIOD }
    }

    /// The cookie for an initiator's SPI, nonce and address.
    pub(crate) fn make(
        &mut self,
        now: Instant,
        random: &mut (dyn Random + Send),
        about: &About<'_>,
    ) -> Option<Vec<u8>> {
        self.rotate(now, random);
        about.cookie(&self.current)
    }

    /// Whether `cookie` is one of ours, for the same SPI, nonce and address.
    pub(crate) fn check(
        &mut self,
        now: Instant,
        random: &mut (dyn Random + Send),
        about: &About<'_>,
        cookie: &[u8],
    ) -> bool {
        self.rotate(now, random);
        [&self.current, &self.previous].into_iter().any(|secret| about.is(secret, cookie))
    }

    fn rotate(&mut self, now: Instant, random: &mut (dyn Random + Send)) {
        while now >= self.rotate_at {
            let fresh = Zeroizing::new(random.array());
            self.previous = std::mem::replace(&mut self.current, fresh);
            // After a long quiet both are replaced, and the next look starts afresh.
            let next = self.rotate_at + PERIOD;
            self.rotate_at = if next + PERIOD <= now { now } else { next };
        }
    }
}

/// What a cookie is bound to.
pub(crate) struct About<'a> {
    pub(crate) initiator_spi: u64,
    pub(crate) nonce: &'a [u8],
    pub(crate) source: SocketAddr,
}

impl About<'_> {
    fn cookie(&self, secret: &CookieSecret) -> Option<Vec<u8>> {
        self.mac(secret).map(|mac| mac.as_bytes().to_vec())
    }

    fn is(&self, secret: &CookieSecret, cookie: &[u8]) -> bool {
        self.mac(secret).is_some_and(|mac| mac.matches(cookie))
    }

    fn mac(&self, secret: &CookieSecret) -> Option<crypto::Secret> {
        let address = match self.source.ip() {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        let parts: [&[u8]; 4] = [
            &self.initiator_spi.to_be_bytes(),
            &address.octets(),
            &self.source.port().to_be_bytes(),
            self.nonce,
        ];
        Prf::HmacSha256.compute(secret.as_slice(), &parts).ok()
    }
}
