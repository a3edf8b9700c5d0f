//! Many bytes of no meaning, the same way at both ends.

use tokio::io::{self, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Bytes asked of, or given to, a stream at once: not what limits any road.
const CHUNK: usize = 256 * 1024;

/// Reads `length` bytes.
pub(crate) async fn take(stream: &mut (impl AsyncRead + Unpin), length: u64) -> io::Result<()> {
    let mut stream = stream.take(length);
    let mut buffer = vec![0; CHUNK];
    while stream.limit() > 0 {
        if stream.read(&mut buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

/// Writes `length` bytes.
pub(crate) async fn give(stream: &mut (impl AsyncWrite + Unpin), length: u64) -> io::Result<()> {
    let chunk = vec![0; CHUNK];
    let mut left = length;
    while left > 0 {
        let size = chunk.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let (bytes, _) = chunk.split_at(size);
        stream.write_all(bytes).await?;
        left -= bytes.len() as u64;
    }
    stream.flush().await
}
