//! Waiting for descriptors: epoll(7), level-triggered.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;

/// What a worker waits for at a descriptor. Errors are always reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Something to read.
    Read,
    /// Something to read, or room to write.
    ReadWrite,
    /// Room to write.
    Write,
    /// Nothing but errors.
    None,
}

impl Interest {
    fn flags(self) -> epoll::EventFlags {
        match self {
            Self::Read => epoll::EventFlags::IN,
            Self::ReadWrite => epoll::EventFlags::IN | epoll::EventFlags::OUT,
            Self::Write => epoll::EventFlags::OUT,
            Self::None => epoll::EventFlags::empty(),
        }
    }
}

/// A set of descriptors to wait for, each with a token of the caller's.
#[derive(Debug)]
pub struct Poller(OwnedFd);

impl Poller {
    /// Makes an empty one.
    ///
    /// # Errors
    /// When the process may have no more descriptors.
    pub fn new() -> io::Result<Self> {
        Ok(Self(epoll::create(epoll::CreateFlags::CLOEXEC)?))
    }

    /// Adds a descriptor. It leaves the set when it is closed.
    ///
    /// # Errors
    /// When it is there already or cannot be waited for.
    pub fn add(&self, descriptor: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        let data = epoll::EventData::new_u64(token);
        Ok(epoll::add(&self.0, descriptor, data, interest.flags())?)
    }

    /// Changes what is waited for.
    ///
    /// # Errors
    /// When the descriptor is not in the set.
    pub fn modify(&self, descriptor: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        let data = epoll::EventData::new_u64(token);
        Ok(epoll::modify(&self.0, descriptor, data, interest.flags())?)
    }

    /// Waits until a descriptor is ready or the time is over; for ever when that is `None`. A
    /// signal ends it early, with no event.
    ///
    /// # Errors
    /// As the system says.
    pub fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        // A time too long for the kernel is as good as none.
        let timeout = timeout.and_then(|time| Timespec::try_from(time).ok());
        events.0.clear();
        match epoll::wait(&self.0, spare_capacity(&mut events.0), timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// What is ready, with room for as many as it was made for.
pub struct Events(Vec<epoll::Event>);

impl Events {
    /// Room for `capacity` descriptors, at least one.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity.max(1)))
    }

    /// Each that is ready.
    pub fn iter(&self) -> impl Iterator<Item = Ready> {
        self.0.iter().map(|event| {
            let (flags, data) = (event.flags, event.data);
            Ready {
                token: data.u64(),
                readable: flags.contains(epoll::EventFlags::IN),
                writable: flags.contains(epoll::EventFlags::OUT),
                error: flags.intersects(epoll::EventFlags::ERR | epoll::EventFlags::HUP),
            }
        })
    }
}

/// A descriptor that is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// Which: the caller's own token.
    pub token: u64,
    /// There is something to read.
    pub readable: bool,
    /// There is room to write.
    pub writable: bool,
    /// A socket has errors queued, or a TUN device is gone.
    pub error: bool,
}
