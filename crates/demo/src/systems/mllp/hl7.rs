//! HL7 v2 message headers and acknowledgements (HL7 v2.5.1 chapter 2).
//!
//! Bytes, not text: Japanese messages switch to ISO-2022-JP inside fields, where
//! any printable byte may occur. Segments still end at a carriage return only.

use jiff::Timestamp;

const SEGMENT_END: u8 = b'\r';
const DEFAULT_HEADER: Header<'static> = Header {
    separator: b'|',
    encoding: b"^~\\&",
    sender: [b"", b""],
    receiver: [b"", b""],
    message_type: b"",
    control_id: b"",
    processing_id: b"P",
    version: b"2.5",
};

/// The fields of an MSH segment that an acknowledgement needs (§2.14.9).
struct Header<'a> {
    /// MSH-1.
    separator: u8,
    /// MSH-2.
    encoding: &'a [u8],
    /// MSH-3 and MSH-4: application and facility.
    sender: [&'a [u8]; 2],
    /// MSH-5 and MSH-6: application and facility.
    receiver: [&'a [u8]; 2],
    /// MSH-9.
    message_type: &'a [u8],
    /// MSH-10.
    control_id: &'a [u8],
    /// MSH-11.
    processing_id: &'a [u8],
    /// MSH-12.
    version: &'a [u8],
}

/// MSA-1 and MSA-3 (§2.14.8, table 0008): what became of the message, and why.
enum Verdict {
    /// AA.
    Accepted,
    /// AE: understood, but something in it is wrong.
    Erroneous(&'static str),
    /// AR: not a message this receiver can take.
    Rejected(&'static str),
}

/// The acknowledgement to `message`, sent at `now`; without MLLP framing.
pub(crate) fn acknowledge(message: &[u8], now: Timestamp) -> Vec<u8> {
    match Header::parse(message) {
        Some(header) => header.reply(&header.judge(message), now),
        None => DEFAULT_HEADER.reply(&Verdict::Rejected("no MSH segment"), now),
    }
}

impl<'a> Header<'a> {
    fn parse(message: &'a [u8]) -> Option<Self> {
        let segment = message.split(|&byte| byte == SEGMENT_END).next()?;
        let separator = *segment.strip_prefix(b"MSH")?.first()?;
        let mut fields = segment.split(|&byte| byte == separator);
        // MSH-1 is the separator itself, so the second piece is MSH-2.
        let (_, encoding) = (fields.next()?, fields.next()?);
        if !separator.is_ascii_punctuation() || encoding.is_empty() {
            return None;
        }
        let mut field = || fields.next().unwrap_or_default();
        let (sender, receiver) = ([field(), field()], [field(), field()]);
        let (_time, _security) = (field(), field());
        Some(Self {
            separator,
            encoding,
            sender,
            receiver,
            message_type: field(),
            control_id: field(),
            processing_id: field(),
            version: field(),
        })
    }

    /// The order is that of §2.9.2: first whether the receiver takes such
    /// messages at all, then whether this one is in order.
    fn judge(&self, message: &[u8]) -> Verdict {
        if self.message_type.is_empty() {
            return Verdict::Rejected("MSH-9 message type is missing");
        }
        if !self.version.starts_with(b"2.") {
            return Verdict::Rejected("MSH-12 version is not 2.x");
        }
        if self.control_id.is_empty() {
            return Verdict::Erroneous("MSH-10 message control id is missing");
        }
        let segments = message.strip_suffix(&[SEGMENT_END]).unwrap_or(message);
        if !segments.split(|&byte| byte == SEGMENT_END).all(|segment| self.is_segment(segment)) {
            return Verdict::Erroneous("a segment does not begin with a segment id");
        }
        Verdict::Accepted
    }

    /// Three characters, the first a capital letter, then a field or nothing (§2.5.2).
    fn is_segment(&self, segment: &[u8]) -> bool {
        let Some((id, fields)) = segment.split_at_checked(3) else { return false };
        id.first().is_some_and(u8::is_ascii_uppercase)
            && id.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
            && fields.first().is_none_or(|&byte| byte == self.separator)
    }

    /// MSH and MSA; sender and receiver change places.
    fn reply(&self, verdict: &Verdict, now: Timestamp) -> Vec<u8> {
        let (code, text) = match verdict {
            Verdict::Accepted => ("AA", ""),
            Verdict::Erroneous(why) => ("AE", *why),
            Verdict::Rejected(why) => ("AR", *why),
        };
        let time = now.strftime("%Y%m%d%H%M%S+0000").to_string();
        let [sender_application, sender_facility] = self.receiver;
        let [receiver_application, receiver_facility] = self.sender;
        let header = [
            b"MSH".as_slice(),
            self.encoding,
            sender_application,
            sender_facility,
            receiver_application,
            receiver_facility,
            time.as_bytes(),
            b"",
            &self.reply_type(),
            now.as_nanosecond().to_string().as_bytes(),
            self.processing_id,
            self.version,
        ]
        .join(&self.separator);
        let acknowledgement =
            [b"MSA".as_slice(), code.as_bytes(), self.control_id, text.as_bytes()]
                .join(&self.separator);
        let mut reply = [header, acknowledgement].join(&SEGMENT_END);
        reply.push(SEGMENT_END);
        reply
    }

    /// `ACK`, with the trigger event of the message when it names one.
    fn reply_type(&self) -> Vec<u8> {
        let component = self.encoding.first().copied().unwrap_or(b'^');
        let trigger = self.message_type.split(|&byte| byte == component).nth(1);
        [b"ACK".as_slice()].into_iter().chain(trigger).collect::<Vec<_>>().join(&component)
    }
}
