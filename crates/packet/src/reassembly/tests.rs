use proptest::prelude::*;

use super::*;
use crate::checksum::sum;
use crate::octets::put;

const LIMITS: Limits = Limits {
    datagrams: 8,
    datagrams_per_owner: 4,
    octets: 1 << 20,
    lifetime: Duration::from_secs(15),
};

/// A fragment, as one writes it down.
#[derive(Clone, Debug)]
struct Piece {
    ipv6: bool,
    identification: u16,
    offset: u16,
    more: bool,
    ecn: u8,
    data: Vec<u8>,
}

impl Piece {
    fn build(&self) -> Vec<u8> {
        let [high, low] = self.identification.to_be_bytes();
        let mut packet = if self.ipv6 {
            // Destination options in front of the fragment header, UDP behind it.
            let offset = (self.offset | u16::from(self.more)).to_be_bytes();
            let mut packet = ipv6_front(44, 16 + self.data.len(), self.ecn);
            packet.extend([17, 0, offset[0], offset[1], 0, 0, high, low]);
            packet
        } else {
            let word = (self.offset / 8) | (u16::from(self.more) << 13);
            ipv4_header([high, low], word, self.data.len(), self.ecn)
        };
        packet.extend(&self.data);
        packet
    }
}

fn ipv4_header(identification: [u8; 2], flags_and_offset: u16, data: usize, ecn: u8) -> Vec<u8> {
    let mut header = vec![0x45, ecn, 0, 0];
    header.extend(identification);
    header.extend([0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    put(&mut header, 2, ((20 + data) as u16).to_be_bytes());
    put(&mut header, 6, flags_and_offset.to_be_bytes());
    let checksum = sum(&header).checksum();
    put(&mut header, 10, checksum.to_be_bytes());
    header
}

fn ipv6_front(next: u8, payload: usize, ecn: u8) -> Vec<u8> {
    let length = (payload as u16).to_be_bytes();
    let mut front = vec![0x60, ecn << 4, 0, 0, length[0], length[1], 60, 64];
    front.extend([0x20; 32]);
    front.extend([next, 0, 1, 4, 0, 0, 0, 0]);
    front
}

/// What comes out when the data are there.
fn whole(ipv6: bool, identification: u16, data: &[u8], ecn: u8) -> Vec<u8> {
    let mut packet = match ipv6 {
        true => ipv6_front(17, 8 + data.len(), ecn),
        false => ipv4_header(identification.to_be_bytes(), 0, data.len(), ecn),
    };
    packet.extend(data);
    packet
}

/// Data that begin with a UDP header.
fn data(len: usize, seed: u8) -> Vec<u8> {
    let mut data: Vec<u8> = (0..len).map(|at| (at * 31 + at / 256) as u8 ^ seed).collect();
    put(&mut data, 0, [0, 1, 0, 2]);
    put(&mut data, 4, (len as u16).to_be_bytes());
    data
}

/// Fragments of `step` octets, but the last.
fn cut(ipv6: bool, identification: u16, data: &[u8], step: usize) -> Vec<Piece> {
    let piece = |(at, octets): (usize, &[u8])| Piece {
        ipv6,
        identification,
        offset: (at * step) as u16,
        more: (at + 1) * step < data.len(),
        ecn: 0,
        data: octets.to_vec(),
    };
    data.chunks(step).enumerate().map(piece).collect()
}

fn add(
    reassembly: &mut Reassembly,
    now: Instant,
    owner: u64,
    piece: &Piece,
) -> Result<Option<Vec<u8>>, Refused> {
    let packet = piece.build();
    let headers = Headers::parse(&packet).unwrap();
    let whole = reassembly.add(now, owner, &headers, &packet)?;
    Ok(whole.map(|whole| whole.to_vec()))
}

/// Two pieces of a datagram of 200 octets.
fn halves(identification: u16) -> [Piece; 2] {
    cut(false, identification, &data(200, 0), 104).try_into().unwrap()
}

/// The environment is an argument in what is tested, not in the test.
#[expect(clippy::disallowed_methods, reason = "there is no other way to an Instant")]
fn start() -> Instant {
    Instant::now()
}

#[test]
fn gives_up_what_contradicts_itself() {
    let now = start();
    let [first, last] = halves(1);
    let refusal = |seconds: &[Piece]| {
        let mut reassembly = Reassembly::new(LIMITS);
        add(&mut reassembly, now, 0, &first).unwrap();
        let results: Vec<_> =
            seconds.iter().map(|piece| add(&mut reassembly, now, 0, piece)).collect();
        assert_eq!(add(&mut reassembly, now, 0, &last), Err(Refused::GivenUp));
        assert_eq!(reassembly.lost().given_up as usize, seconds.len());
        results.last().unwrap().clone()
    };
    let moved = |piece: &Piece, offset| Piece { offset, ..piece.clone() };
    assert_eq!(refusal(&[moved(&last, 96)]), Err(Refused::Overlap));
    // The same place, other data.
    let other = Piece { data: data(104, 1), ..first.clone() };
    assert_eq!(refusal(&[other]), Err(Refused::Overlap));
    assert_eq!(refusal(&[moved(&last, 400), moved(&last, 600)]), Err(Refused::Inconsistent));
    assert_eq!(refusal(&[moved(&first, 400), moved(&last, 208)]), Err(Refused::Inconsistent));
    let gaps: Vec<Piece> = (1..=32).map(|at| moved(&first, at * 208)).collect();
    assert_eq!(refusal(&gaps), Err(Refused::TooManyGaps));
}

#[test]
fn waits_only_so_long() {
    let now = start();
    let mut reassembly = Reassembly::new(LIMITS);
    let [first, last] = halves(1);
    add(&mut reassembly, now, 0, &first).unwrap();
    assert_eq!(reassembly.poll_timeout(), Some(now + LIMITS.lifetime));
    reassembly.handle_timeout(now + LIMITS.lifetime);
    assert_eq!((reassembly.poll_timeout(), reassembly.lost().timed_out), (None, 1));
    assert_eq!(add(&mut reassembly, now + LIMITS.lifetime, 0, &last), Ok(None));
}

#[test]
fn an_owner_displaces_its_own_first() {
    let now = start();
    let mut reassembly = Reassembly::new(LIMITS);
    let [first, last] = halves(1);
    add(&mut reassembly, now, 1, &first).unwrap();
    for identification in 0..100 {
        add(&mut reassembly, now, 2, &halves(identification)[0]).unwrap();
    }
    assert_eq!(reassembly.lost().evicted, 96);
    assert!(add(&mut reassembly, now, 2, &last).unwrap().is_none(), "not with another's");
    assert!(add(&mut reassembly, now, 1, &last).unwrap().is_some());
    // All owners together: the oldest go.
    for owner in (10..100).rev() {
        add(&mut reassembly, now, owner, &first).unwrap();
    }
    let owners: Vec<u64> = reassembly.datagrams.keys().map(|key| key.owner).collect();
    assert_eq!(owners, Vec::from_iter(10..18));
    assert_eq!(reassembly.ages.len(), LIMITS.datagrams);
}

#[test]
fn memory_has_a_bound() {
    let now = start();
    let mut reassembly = Reassembly::new(Limits { octets: 200_000, ..LIMITS });
    let [_, last] = halves(1);
    for owner in 0..100 {
        let far = Piece { offset: 65_000, ..last.clone() };
        add(&mut reassembly, now, owner, &far).unwrap();
        let held: usize = reassembly.datagrams.values().map(Datagram::octets).sum();
        assert_eq!(held, reassembly.octets);
        assert!(held <= 200_000);
    }
    assert_eq!(reassembly.lost().evicted, 97);
}

/// RFC 3168 §5.3
#[test]
fn congestion_is_not_forgotten() {
    let now = start();
    let with = |mut pieces: [Piece; 2], ecn: [u8; 2]| {
        let mut reassembly = Reassembly::new(LIMITS);
        pieces.iter_mut().zip(ecn).for_each(|(piece, ecn)| piece.ecn = ecn);
        add(&mut reassembly, now, 0, &pieces[0]).unwrap();
        add(&mut reassembly, now, 0, &pieces[1]).map(Option::unwrap)
    };
    for ipv6 in [false, true] {
        let pieces: [Piece; 2] = cut(ipv6, 1, &data(200, 0), 104).try_into().unwrap();
        assert_eq!(with(pieces.clone(), [2, 3]), Ok(whole(ipv6, 1, &data(200, 0), 3)));
        assert_eq!(with(pieces.clone(), [2, 2]), Ok(whole(ipv6, 1, &data(200, 0), 2)));
        assert_eq!(with(pieces, [0, 3]), Err(Refused::Congestion));
    }
}

#[test]
fn longest_datagram() {
    let now = start();
    let longest = data(65_515, 0);
    let mut reassembly = Reassembly::new(LIMITS);
    let mut result = Ok(None);
    for piece in cut(false, 1, &longest, 1480) {
        result = add(&mut reassembly, now, 0, &piece);
    }
    assert_eq!(result, Ok(Some(whole(false, 1, &longest, 0))));

    // The same data behind a header with options, which later fragments need not have.
    let mut pieces = cut(false, 1, &longest, 1480).into_iter();
    let mut first = pieces.next().unwrap().build();
    first.splice(20..20, [1; 4]);
    put(&mut first, 0, [0x46]);
    put(&mut first, 2, 1504_u16.to_be_bytes());
    put(&mut first, 10, [0, 0]);
    let checksum = sum(&first[..24]).checksum();
    put(&mut first, 10, checksum.to_be_bytes());
    let headers = Headers::parse(&first).unwrap();
    assert_eq!(reassembly.add(now, 0, &headers, &first), Ok(None));
    for piece in pieces {
        result = add(&mut reassembly, now, 0, &piece);
    }
    assert_eq!(result, Err(Refused::TooLong));
    assert_eq!(reassembly.lost().given_up, 44);
}

/// One piece in its datagram, and the datagram whole.
type Arrival = (u64, Piece, Vec<u8>);

/// Pieces of several datagrams in any order, some of them twice.
fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
    let datagram = (any::<bool>(), 0_u64..2, 500_usize..3000, 8_usize..60);
    let datagrams = proptest::collection::vec(datagram, 1..5);
    let pieces = |datagrams: Vec<(bool, u64, usize, usize)>| {
        let mut arrivals = Vec::new();
        for (identification, (ipv6, owner, len, step)) in (0_u16..).zip(datagrams) {
            let data = data(len, identification as u8);
            let whole = whole(ipv6, identification, &data, 0);
            let pieces = cut(ipv6, identification, &data, step * 8);
            arrivals.extend(pieces.into_iter().map(|piece| (owner, piece, whole.clone())));
        }
        let again: Vec<Arrival> = arrivals.iter().step_by(5).cloned().collect();
        arrivals.extend(again);
        Just(arrivals).prop_shuffle()
    };
    datagrams.prop_flat_map(pieces)
}

/// One datagram, octet by octet.
#[derive(Default)]
struct Model {
    octets: BTreeMap<usize, u8>,
    end: Option<usize>,
    given_up: bool,
}

impl Model {
    fn add(&mut self, piece: &Piece) -> Result<Option<Vec<u8>>, Refused> {
        let start = usize::from(piece.offset);
        let end = start + piece.data.len();
        let there: Vec<u8> = self.octets.range(start..end).map(|(_, octet)| *octet).collect();
        let refused = if self.given_up {
            Refused::GivenUp
        } else if there == piece.data && (piece.more || self.end == Some(end)) {
            return Err(Refused::Duplicate);
        } else if !there.is_empty() {
            Refused::Overlap
        } else if self.end.is_some_and(|is| is < end)
            || (!piece.more && self.octets.range(end..).next().is_some())
        {
            Refused::Inconsistent
        } else {
            self.octets.extend((start..).zip(piece.data.iter().copied()));
            self.end = self.end.or((!piece.more).then_some(end));
            return Ok(self.take_whole());
        };
        self.given_up = true;
        Err(refused)
    }

    fn take_whole(&mut self) -> Option<Vec<u8>> {
        (self.end == Some(self.octets.len()))
            .then(|| std::mem::take(self).octets.into_values().collect())
    }
}

/// Any part of the same data, seldom with an octet changed.
fn piece() -> impl Strategy<Value = Piece> {
    (0_usize..8, 1_usize..4, prop::bool::weighted(0.7), prop::bool::weighted(0.1)).prop_map(
        |(at, len, more, changed)| {
            let mut data = data(128, 0)[at * 8..][..len * 8].to_vec();
            data[len * 8 - 1] ^= u8::from(changed);
            Piece {
                ipv6: false,
                identification: 1,
                offset: at as u16 * 8,
                more: more || at == 0,
                ecn: 0,
                data,
            }
        },
    )
}

proptest! {
    #[test]
    fn any_order(arrivals in arrivals()) {
        let now = start();
        let mut reassembly = Reassembly::new(Limits::default());
        let mut missing: Vec<&Vec<u8>> = arrivals.iter().map(|(_, _, whole)| whole).collect();
        for (owner, piece, expected) in &arrivals {
            match add(&mut reassembly, now, *owner, piece) {
                Ok(None) | Err(Refused::Duplicate) => {}
                Ok(Some(whole)) => {
                    prop_assert_eq!(&whole, expected);
                    Headers::parse(&whole).unwrap();
                    missing.retain(|missing| *missing != expected);
                }
                Err(refused) => prop_assert!(false, "{}", refused),
            }
        }
        prop_assert!(missing.is_empty());
    }

    #[test]
    fn equals_the_model(pieces in proptest::collection::vec(piece(), 1..12)) {
        let now = start();
        let mut reassembly = Reassembly::new(LIMITS);
        let mut model = Model::default();
        for piece in &pieces {
            let expected = model.add(piece).map(|data| data.map(|data| whole(false, 1, &data, 0)));
            prop_assert_eq!(add(&mut reassembly, now, 0, piece), expected);
        }
    }
}
