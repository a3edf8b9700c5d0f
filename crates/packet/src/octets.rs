//! Fixed-size fields of a header, read and written where they stand.

/// The `N` octets at `at`; zeros beyond the end.
pub(crate) fn field<const N: usize>(octets: &[u8], at: usize) -> [u8; N] {
    octets.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

/// Writes a field at `at`; nothing beyond the end.
pub(crate) fn put<const N: usize>(octets: &mut [u8], at: usize, field: [u8; N]) {
    if let Some(place) = octets.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
        *place = field;
    }
}
