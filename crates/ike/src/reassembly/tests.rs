use proptest::prelude::*;

use super::*;

#[test]
fn larger_total_replaces_and_smaller_is_ignored() {
    let mut reassembly = Reassembly::new();
    assert_eq!(insert(&mut reassembly, 1, 2, b"old"), Ok(None));
    assert_eq!(insert(&mut reassembly, 2, 3, b"b"), Ok(None));
    assert_eq!(insert(&mut reassembly, 2, 2, b"old"), Err(FragmentRefusal::OutdatedSet));
    assert_eq!(insert(&mut reassembly, 3, 3, b"c"), Ok(None));
    let complete = insert(&mut reassembly, 1, 3, b"a").unwrap().unwrap();
    assert_eq!((complete.first_inner, &complete.plaintext[..]), (1, &b"abc"[..]));
}

#[test]
fn what_no_message_has_is_refused_by_name() {
    let mut reassembly = Reassembly::new();
    for (number, total) in [(0, 0), (0, 2), (1, 0), (3, 2)] {
        let refusal = FragmentRefusal::Numbering { number, total };
        assert_eq!(insert(&mut reassembly, number, total, b"x"), Err(refusal));
    }
    // libreswan CVE-2026-12413: too many fragments.
    let refusal = FragmentRefusal::TooMany { total: 256 };
    assert_eq!(insert(&mut reassembly, 1, 256, b"x"), Err(refusal));
    assert_eq!(insert(&mut reassembly, 1, 1, b"x").unwrap().unwrap().plaintext, b"x");
}

#[test]
fn memory_is_bounded() {
    let mut reassembly = Reassembly::new();
    let part = vec![0; 1400];
    let kept = (1..=255)
        .take_while(|&number| insert(&mut reassembly, number, 255, &part) == Ok(None))
        .count();
    assert_eq!(kept, MAX_PLAINTEXT / 1400);
    let refusal = FragmentRefusal::TooLarge { octets: (kept + 1) * 1400 };
    assert_eq!(insert(&mut reassembly, 255, 255, &part), Err(refusal));
}

proptest! {
    #[test]
    fn order_and_duplicates_do_not_matter(
        (order, plaintext) in (1_usize..=255).prop_flat_map(|total| {
            let twice: Vec<usize> = (0..total).chain(0..total).collect();
            let plaintext = prop::collection::vec(any::<u8>(), total..4 * total);
            (Just(twice).prop_shuffle(), plaintext)
        }),
    ) {
        let total = order.len() / 2;
        let part_len = plaintext.len().div_ceil(total);
        let parts: Vec<&[u8]> =
            (0..total).map(|at| part(&plaintext, at * part_len, part_len)).collect();
        let mut reassembly = Reassembly::new();
        let mut seen = vec![false; total];
        for index in order {
            let number = u16::try_from(index + 1).unwrap();
            let result = insert(&mut reassembly, number, u16::try_from(total).unwrap(), parts[index]);
            if seen[index] {
                prop_assert_eq!(result, Err(FragmentRefusal::Duplicate));
                continue;
            }
            seen[index] = true;
            if let Some(complete) = result.unwrap() {
                prop_assert!(seen.iter().all(|seen| *seen));
                prop_assert_eq!(complete.plaintext, plaintext);
                break;
            }
        }
        prop_assert!(seen.iter().all(|seen| *seen));
    }
}

fn part(plaintext: &[u8], at: usize, len: usize) -> &[u8] {
    let start = at.min(plaintext.len());
    &plaintext[start..(start + len).min(plaintext.len())]
}

/// The Next Payload field has the fragment's number: only that of the first counts.
fn insert(
    reassembly: &mut Reassembly,
    number: u16,
    total: u16,
    plaintext: &[u8],
) -> Result<Option<Complete>, FragmentRefusal> {
    let next_payload = u8::try_from(number).unwrap_or_default();
    reassembly.insert(&Fragment { number, total, next_payload, plaintext })
}
