//! The peer's requests: taken in order, each answered once, and answered again with the
//! same octets when it is sent again (RFC 7296 §2.1).

use ike_wire::{Flags, Header, Malformed, Payloads, parse_payloads};

use crate::reassembly::{Complete, Fragment, FragmentRefusal, Reassembly};

/// The end of a datagram, its integrity check value: a request that comes again comes with
/// the same octets, so this tells it from another one with the same message id.
pub(crate) type Tail = [u8; 12];

/// The peer's side of the window.
#[derive(Debug)]
pub(crate) struct Inbound {
    expected: u32,
    answered: Option<Answered>,
    requests: Collection,
    responses: Collection,
}

/// Fragments of the message that is awaited.
#[derive(Debug, Default)]
struct Collection {
    /// With the message id they belong to.
    fragments: Option<(u32, Box<Reassembly>)>,
    /// Of the first fragment, which stands for the message when it comes again
    /// (RFC 7383 §2.6.1).
    tail: Tail,
}

#[derive(Debug)]
struct Answered {
    tail: Tail,
    datagrams: Vec<Vec<u8>>,
}

/// What an answer needs of its request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) header: Header,
    pub(super) tail: Tail,
}

/// A message that was opened.
#[derive(Debug)]
pub(crate) struct Inner {
    /// The message itself; for a response only its header counts.
    pub(crate) request: Request,
    /// Type of the first payload within.
    pub(crate) first: u8,
    pub(crate) plaintext: Vec<u8>,
}

impl Inner {
    pub(crate) fn payloads(&self) -> Result<Payloads<'_>, Malformed> {
        parse_payloads(self.first, &self.plaintext)
    }
}

impl Inbound {
    /// `expected` is the message id of the peer's first request.
    pub(crate) fn new(expected: u32) -> Self {
        Self {
            expected,
            answered: None,
            requests: Collection::default(),
            responses: Collection::default(),
        }
    }

    pub(crate) fn is_expected(&self, id: u32) -> bool {
        id == self.expected
    }

    /// The answer to the request before, when this is that request.
    pub(crate) fn answer_again(&self, id: u32, tail: &Tail) -> Option<&[Vec<u8>]> {
        let answered = self.answered.as_ref()?;
        let same = id.checked_add(1) == Some(self.expected) && answered.tail == *tail;
        same.then_some(&*answered.datagrams)
    }

    /// The expected request has been answered.
    pub(crate) fn answered(&mut self, tail: Tail, datagrams: Vec<Vec<u8>>) {
        self.expected = self.expected.saturating_add(1);
        self.answered = Some(Answered { tail, datagrams });
    }

    /// Takes an authentic fragment; gives the message when it was the last one.
    pub(crate) fn collect(
        &mut self,
        header: Header,
        tail: Tail,
        fragment: &Fragment<'_>,
    ) -> Result<Option<Inner>, FragmentRefusal> {
        let response = header.flags.contains(Flags::RESPONSE);
        let collection = if response { &mut self.responses } else { &mut self.requests };
        let id = header.message_id;
        collection.fragments.take_if(|(of, _)| *of != id);
        let (_, fragments) = collection.fragments.get_or_insert_with(|| (id, Box::default()));
        let complete = fragments.insert(fragment)?;
        if fragment.number == 1 {
            collection.tail = tail;
        }
        Ok(complete.map(|Complete { first_inner, plaintext }| {
            collection.fragments = None;
            let request = Request { header, tail: collection.tail };
            Inner { request, first: first_inner, plaintext }
        }))
    }
}

/// The last octets of a datagram.
pub(crate) fn tail_of(datagram: &[u8]) -> Tail {
    datagram.last_chunk().copied().unwrap_or_default()
}
