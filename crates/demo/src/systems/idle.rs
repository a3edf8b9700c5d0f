//! A stream that fails once it has been silent in both directions for too long.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// Wraps a stream; a read or write that stays blocked fails with
/// [`io::ErrorKind::TimedOut`] when nothing has moved either way for `limit`.
///
/// Traffic in one direction keeps the other alive: a client that silently takes
/// a long download is not idle.
pub(crate) struct Idle<S> {
    stream: S,
    limit: Duration,
    last_progress: Instant,
    alarm: Pin<Box<Sleep>>,
}

impl<S> Idle<S> {
    pub(crate) fn new(stream: S, limit: Duration) -> Self {
        Self { stream, limit, last_progress: Instant::now(), alarm: Box::pin(sleep(limit)) }
    }

    /// Passes on what the stream did; a blocked stream is watched. The alarm is
    /// set again only when it rings, never on the path of moving bytes.
    fn watch<T>(
        &mut self,
        outcome: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.last_progress = Instant::now();
            return outcome;
        }
        while self.alarm.as_mut().poll(cx).is_ready() {
            let deadline = self.last_progress + self.limit;
            if deadline <= Instant::now() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.alarm.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Idle<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.watch(outcome, cx)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Idle<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watch(outcome, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watch(outcome, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex, split};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_silence_in_both_directions_counts() {
        let limit = Duration::from_secs(10);
        let (near, _far) = duplex(64);
        let (mut reading, mut writing) = split(Idle::new(near, limit));
        let begun = Instant::now();
        let download = async {
            for _ in 0..4 {
                sleep(limit / 2).await;
                writing.write_all(b"part").await.unwrap();
            }
        };
        let ((), upload) = tokio::join!(download, reading.read_u8());
        assert_eq!(upload.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed().as_secs(), 30);
    }
}
