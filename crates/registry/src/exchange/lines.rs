//! Line numbers.

/// Where the lines of a file begin.
#[derive(Debug)]
pub(super) struct Lines<'f> {
    file: &'f [u8],
    starts: Vec<usize>,
}

impl<'f> Lines<'f> {
    pub(super) fn of(file: &'f [u8]) -> Self {
        let feeds = file.iter().enumerate().filter(|&(_, &byte)| byte == b'\n');
        Self { file, starts: feeds.map(|(at, _)| at + 1).collect() }
    }

    /// The line, from 1, that holds the byte at `offset`.
    pub(super) fn at(&self, offset: usize) -> u64 {
        self.starts.partition_point(|&start| start <= offset) as u64 + 1
    }

    /// The line of the first byte at or after `offset` that is not a line break.
    pub(super) fn of_text_at(&self, offset: usize) -> u64 {
        let rest = self.file.get(offset..).unwrap_or_default();
        self.at(offset + rest.iter().take_while(|&&byte| matches!(byte, b'\r' | b'\n')).count())
    }
}
