//! The end of the plaintext: padding, pad length, next header (RFC 4303 §2.4 to §2.6).

use crypto::cbc_hmac::BLOCK_LEN;

use crate::Rejected;

/// Octets of a trailer without padding: pad length and next header.
pub(crate) const MIN_LEN: usize = 2;
/// Octets of the longest trailer that is written.
const MAX_LEN: usize = MIN_LEN + BLOCK_LEN - 1;

/// Next header of a packet that carries nothing (RFC 4303 §2.6).
pub(crate) const NO_NEXT_HEADER: u8 = 59;

/// A trailer to write.
pub(crate) struct Trailer {
    octets: [u8; MAX_LEN],
    len: usize,
}

impl Trailer {
    /// The one that brings `inner_len` octets to a multiple of `alignment`, which is at most a
    /// cipher block.
    pub(crate) fn new(inner_len: usize, alignment: usize, next_header: u8) -> Self {
        let len = MIN_LEN + inner_len.wrapping_add(MIN_LEN).wrapping_neg() % alignment;
        let mut octets = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17];
        if let Some([.., pad_length, next]) = octets.get_mut(..len) {
            // After padding of 1, 2, 3, … this is the number before it.
            *pad_length -= 1;
            *next = next_header;
        }
        Self { octets, len }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }
}

/// Takes the trailer off an authentic `text`; returns what precedes the padding, and the next
/// header.
///
/// # Errors
/// [`Rejected::Padding`] when it is longer than the text, or its octets are not 1, 2, 3, …
pub(crate) fn strip(text: &mut [u8]) -> Result<(&mut [u8], u8), Rejected> {
    let (rest, [pad_length, next_header]) =
        text.split_last_chunk_mut::<MIN_LEN>().ok_or(Rejected::Padding)?;
    let end = rest.len().checked_sub(usize::from(*pad_length)).ok_or(Rejected::Padding)?;
    let (inner, padding) = rest.split_at_mut_checked(end).ok_or(Rejected::Padding)?;
    if !padding.iter().copied().eq(1..=*pad_length) {
        return Err(Rejected::Padding);
    }
    Ok((inner, *next_header))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_stripped() {
        for alignment in [4, 16] {
            for inner_len in 0..40 {
                let trailer = Trailer::new(inner_len, alignment, 41);
                let mut text = [&vec![7; inner_len], trailer.as_bytes()].concat();
                assert!(text.len().is_multiple_of(alignment) && trailer.len < MIN_LEN + alignment);
                assert_eq!(strip(&mut text), Ok((&mut vec![7; inner_len][..], 41)));
            }
        }
    }

    /// A peer may pad to hide lengths, up to 255 octets.
    #[test]
    fn padding_is_1_2_3_to_the_longest() {
        let longest: Vec<u8> = [9, 9].into_iter().chain(1..=255).chain([255, 4]).collect();
        assert_eq!(strip(&mut longest.clone()), Ok((&mut [9, 9][..], 4)));
        for at in 2..257 {
            let mut wrong = longest.clone();
            wrong[at] ^= 1;
            assert_eq!(strip(&mut wrong), Err(Rejected::Padding), "{at}");
        }
        for mut short in [vec![], vec![4], vec![1, 4], vec![1, 2, 3, 4]] {
            assert_eq!(strip(&mut short), Err(Rejected::Padding));
        }
    }
}
