//! The Notify payload (RFC 7296 §3.10).

use crate::code_points::code_points;
use crate::octets::Reader;
use crate::{Malformed, Spi};

code_points! {
    /// Notify message types by their IANA names. Below 16384 they are errors, from there on
    /// status.
    pub struct NotifyType(u16) {
        /// RFC 7296 §2.5; data: the payload's type.
        UNSUPPORTED_CRITICAL_PAYLOAD = 1;
        /// RFC 7296 §2.21
        INVALID_IKE_SPI = 4;
        /// RFC 7296 §2.5
        INVALID_MAJOR_VERSION = 5;
        /// RFC 7296 §2.21
        INVALID_SYNTAX = 7;
        /// RFC 7296 §2.3
        INVALID_MESSAGE_ID = 9;
        /// RFC 7296 §1.5
        INVALID_SPI = 11;
        /// RFC 7296 §2.7
        NO_PROPOSAL_CHOSEN = 14;
        /// RFC 7296 §1.2; data: the group that is wanted, two octets.
        INVALID_KE_PAYLOAD = 17;
        /// RFC 7296 §2.21.2
        AUTHENTICATION_FAILED = 24;
        /// RFC 7296 §2.9
        SINGLE_PAIR_REQUIRED = 34;
        /// RFC 7296 §1.3
        NO_ADDITIONAL_SAS = 35;
        /// RFC 7296 §3.15.4
        INTERNAL_ADDRESS_FAILURE = 36;
        /// RFC 7296 §2.19
        FAILED_CP_REQUIRED = 37;
        /// RFC 7296 §2.9
        TS_UNACCEPTABLE = 38;
        /// RFC 7296 §3.10.1
        INVALID_SELECTORS = 39;
        /// RFC 4555 §4.1.1
        UNACCEPTABLE_ADDRESSES = 40;
        /// RFC 4555 §4.1.2
        UNEXPECTED_NAT_DETECTED = 41;
        /// RFC 7296 §2.25
        TEMPORARY_FAILURE = 43;
        /// RFC 7296 §2.25
        CHILD_SA_NOT_FOUND = 44;
        /// RFC 9838
        INVALID_GROUP_ID = 45;
        /// RFC 9838
        AUTHORIZATION_FAILED = 46;
        /// RFC 9370 §2.2.4
        STATE_NOT_FOUND = 47;
        /// RFC 9611
        TS_MAX_QUEUE = 48;

        /// RFC 7296 §2.4
        INITIAL_CONTACT = 16384;
        /// RFC 7296 §2.3
        SET_WINDOW_SIZE = 16385;
        /// RFC 7296 §2.9
        ADDITIONAL_TS_POSSIBLE = 16386;
        /// RFC 7296 §2.22
        IPCOMP_SUPPORTED = 16387;
        /// RFC 7296 §2.23
        NAT_DETECTION_SOURCE_IP = 16388;
        /// RFC 7296 §2.23
        NAT_DETECTION_DESTINATION_IP = 16389;
        /// RFC 7296 §2.6
        COOKIE = 16390;
        /// RFC 7296 §1.3.1
        USE_TRANSPORT_MODE = 16391;
        /// RFC 7296 §3.6
        HTTP_CERT_LOOKUP_SUPPORTED = 16392;
        /// RFC 7296 §1.3.3
        REKEY_SA = 16393;
        /// RFC 7296 §1.3.1
        ESP_TFC_PADDING_NOT_SUPPORTED = 16394;
        /// RFC 7296 §1.3.1
        NON_FIRST_FRAGMENTS_ALSO = 16395;
        /// RFC 4555 §4.2.1
        MOBIKE_SUPPORTED = 16396;
        /// RFC 4555 §4.2.2
        ADDITIONAL_IP4_ADDRESS = 16397;
        /// RFC 4555 §4.2.2
        ADDITIONAL_IP6_ADDRESS = 16398;
        /// RFC 4555 §4.2.3
        NO_ADDITIONAL_ADDRESSES = 16399;
        /// RFC 4555 §4.2.4
        UPDATE_SA_ADDRESSES = 16400;
        /// RFC 4555 §4.2.5
        COOKIE2 = 16401;
        /// RFC 4555 §4.2.6
        NO_NATS_ALLOWED = 16402;
        /// RFC 4478
        AUTH_LIFETIME = 16403;
        /// RFC 4739
        MULTIPLE_AUTH_SUPPORTED = 16404;
        /// RFC 4739
        ANOTHER_AUTH_FOLLOWS = 16405;
        /// RFC 5685
        REDIRECT_SUPPORTED = 16406;
        /// RFC 5685
        REDIRECT = 16407;
        /// RFC 5685
        REDIRECTED_FROM = 16408;
        /// RFC 5723
        TICKET_LT_OPAQUE = 16409;
        /// RFC 5723
        TICKET_REQUEST = 16410;
        /// RFC 5723
        TICKET_ACK = 16411;
        /// RFC 5723
        TICKET_NACK = 16412;
        /// RFC 5723
        TICKET_OPAQUE = 16413;
        /// RFC 5739
        LINK_ID = 16414;
        /// RFC 5840
        USE_WESP_MODE = 16415;
        /// RFC 5857
        ROHC_SUPPORTED = 16416;
        /// RFC 5998
        EAP_ONLY_AUTHENTICATION = 16417;
        /// RFC 6023
        CHILDLESS_IKEV2_SUPPORTED = 16418;
        /// RFC 6290
        QUICK_CRASH_DETECTION = 16419;
        /// RFC 6311
        IKEV2_MESSAGE_ID_SYNC_SUPPORTED = 16420;
        /// RFC 6311
        IPSEC_REPLAY_COUNTER_SYNC_SUPPORTED = 16421;
        /// RFC 6311
        IKEV2_MESSAGE_ID_SYNC = 16422;
        /// RFC 6311
        IPSEC_REPLAY_COUNTER_SYNC = 16423;
        /// RFC 7383 §2.3
        IKEV2_FRAGMENTATION_SUPPORTED = 16430;
        /// RFC 7427 §4
        SIGNATURE_HASH_ALGORITHMS = 16431;
        /// RFC 7791
        CLONE_IKE_SA_SUPPORTED = 16432;
        /// RFC 7791
        CLONE_IKE_SA = 16433;
        /// RFC 8019
        PUZZLE = 16434;
        /// RFC 8784
        USE_PPK = 16435;
        /// RFC 8784
        PPK_IDENTITY = 16436;
        /// RFC 8784
        NO_PPK_AUTH = 16437;
        /// RFC 9242 §3.1
        INTERMEDIATE_EXCHANGE_SUPPORTED = 16438;
        /// RFC 8983
        IP4_ALLOWED = 16439;
        /// RFC 8983
        IP6_ALLOWED = 16440;
        /// RFC 9370 §2.2.4
        ADDITIONAL_KEY_EXCHANGE = 16441;
        /// RFC 9347
        USE_AGGFRAG = 16442;
        /// RFC 9593
        SUPPORTED_AUTH_METHODS = 16443;
        /// RFC 9611
        SA_RESOURCE_INFO = 16444;
        /// RFC 9867
        USE_PPK_INT = 16445;
        /// RFC 9867
        PPK_IDENTITY_KEY = 16446;
    }
}

impl NotifyType {
    /// An error: in a response, the request has failed (RFC 7296 §3.10.1).
    #[must_use]
    pub const fn is_error(self) -> bool {
        self.0 < Self::INITIAL_CONTACT.0
    }
}

/// A Notify payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notify<'a> {
    /// Protocol of the SA it is about, as [`Protocol`](crate::Protocol) numbers them; 0 when
    /// there is none, and ignored when there is no SPI.
    pub protocol: u8,
    /// The SA it is about.
    pub spi: Spi,
    /// What it says.
    pub kind: NotifyType,
    /// What belongs to it.
    pub data: &'a [u8],
}

impl<'a> Notify<'a> {
    /// One that is about no SA, or about the IKE SA it travels in.
    #[must_use]
    pub const fn new(kind: NotifyType, data: &'a [u8]) -> Self {
        Self { protocol: 0, spi: Spi::None, kind, data }
    }

    pub(crate) fn parse(mut reader: Reader<'a>) -> Result<Self, Malformed> {
        let protocol = reader.u8()?;
        let spi_size = reader.u8()?;
        let kind = NotifyType(reader.u16()?);
        let spi = Spi::parse(&mut reader, spi_size)?;
        Ok(Self { protocol, spi, kind, data: reader.remainder() })
    }

    pub(crate) fn emit(&self) -> Vec<u8> {
        let mut out = vec![self.protocol, self.spi.size()];
        out.extend(self.kind.0.to_be_bytes());
        self.spi.emit(&mut out);
        out.extend(self.data);
        out
    }
}
