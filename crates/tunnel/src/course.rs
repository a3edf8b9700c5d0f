//! How far a flow has come: whether it was answered, and what TCP has said of its end (RFC 9293
//! §3.5, §3.6). Sequence numbers are left to the two ends.

use packet::{Tcp, Transport};

use crate::ledger::Ending;

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Toward {
    System,
    Client,
}

/// How long a silent flow is remembered depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// An established TCP connection.
    Tcp,
    /// UDP that was answered.
    Udp,
    /// ICMP echo, and what nobody has answered.
    Brief,
    /// A TCP connection that is over: stragglers still pass.
    Closing,
}

/// The course of one flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Course {
    answered: bool,
    established: bool,
    client_finished: bool,
    system_finished: bool,
    reset: bool,
}

impl Course {
    /// Whether a packet may begin a flow: of TCP, only a SYN may.
    pub(crate) fn may_begin(transport: &Transport) -> bool {
        match transport {
            Transport::Tcp(tcp) => {
                tcp.flags & (Tcp::SYN | Tcp::ACK | Tcp::RST | Tcp::FIN) == Tcp::SYN
            }
            Transport::Udp(_) | Transport::Icmp(_) | Transport::Other | Transport::Absent => true,
        }
    }

    /// Takes notice of a packet; says whether anything is new.
    #[inline]
    pub(crate) fn note(&mut self, toward: Toward, transport: &Transport) -> bool {
        let Transport::Tcp(tcp) = transport else {
            return toward == Toward::Client && !std::mem::replace(&mut self.answered, true);
        };
        if self.established && tcp.flags & (Tcp::FIN | Tcp::RST) == 0 {
            return false;
        }
        let before = *self;
        let flag = |flag| tcp.flags & flag != 0;
        self.reset |= flag(Tcp::RST);
        match toward {
            Toward::System => {
                self.established |= self.answered && !flag(Tcp::SYN);
                self.client_finished |= flag(Tcp::FIN);
            }
            Toward::Client => {
                self.answered = true;
                self.system_finished |= flag(Tcp::FIN);
            }
        }
        before != *self
    }

    /// Whether the ends have done with it.
    pub(crate) fn is_over(self) -> bool {
        self.reset || (self.client_finished && self.system_finished)
    }

    pub(crate) fn pace(self, protocol: u8) -> Pace {
        use crate::flow::protocol::{TCP, UDP};
        match protocol {
            TCP if self.is_over() => Pace::Closing,
            TCP if self.established => Pace::Tcp,
            UDP if self.answered => Pace::Udp,
            _ => Pace::Brief,
        }
    }

    /// What silence ends it by.
    pub(crate) fn ending(self) -> Ending {
        match self {
            Self { reset: true, .. } => Ending::Reset,
            _ if self.is_over() => Ending::Finished,
            Self { answered: false, .. } => Ending::Unanswered,
            _ => Ending::Idle,
        }
    }
}

#[cfg(test)]
mod tests {
    use packet::Headers;

    use super::*;
    use crate::flow::protocol::TCP;
    use crate::testing::tcp;

    fn transport(flags: u8) -> Transport {
        let packet = tcp("10.2.0.1:1000", "192.0.2.10:443", flags, &[]);
        Headers::parse(&packet).unwrap().transport
    }

    #[test]
    fn only_a_syn_begins_and_only_both_ends_finish() {
        let (syn, ack, fin, rst) = (Tcp::SYN, Tcp::ACK, Tcp::FIN, Tcp::RST);
        let begins = |flags| Course::may_begin(&transport(flags));
        assert!(begins(syn));
        for flags in [0, ack, syn | ack, fin, fin | ack, rst, syn | rst, syn | fin] {
            assert!(!begins(flags), "{flags:#x}");
        }
        let mut course = Course::default();
        let mut pace = |toward, flags| {
            course.note(toward, &transport(flags));
            course.pace(TCP)
        };
        assert_eq!(pace(Toward::System, syn), Pace::Brief);
        assert_eq!(pace(Toward::System, ack), Pace::Brief, "nobody has answered");
        assert_eq!(pace(Toward::Client, syn | ack), Pace::Brief);
        assert_eq!(pace(Toward::System, ack), Pace::Tcp);
        assert_eq!(pace(Toward::Client, fin | ack), Pace::Tcp, "half closed");
        assert_eq!(pace(Toward::System, ack), Pace::Tcp);
        assert_eq!(pace(Toward::System, fin | ack), Pace::Closing);
        assert_eq!(course.ending(), Ending::Finished);
        let mut refused = Course::default();
        refused.note(Toward::System, &transport(syn));
        refused.note(Toward::Client, &transport(rst | ack));
        assert_eq!((refused.pace(TCP), refused.ending()), (Pace::Closing, Ending::Reset));
    }
}
