//! The layer-3 gateway as a pure machine: ESP packets in, IP packets for the systems out, and
//! the other way, with every check between. No sockets, threads or clock.
//!
//! One worker has one [`Forwarder`]. Its verbs:
//!
//! - [`install`](Forwarder::install), [`remove`](Forwarder::remove), [`moved`](Forwarder::moved),
//!   [`set_policy`](Forwarder::set_policy): what IKE and the registry say;
//! - [`handle_esp`](Forwarder::handle_esp): SPI → replay window → opened in place → inner packet
//!   read once → selectors → flow, which the policy permitted at its first packet;
//! - [`handle_inner`](Forwarder::handle_inner): flow → SA → split → sealed into the
//!   [`Departures`], which go to the [`Outlet`] many at a time;
//! - [`handle_timeout`](Forwarder::handle_timeout), [`poll_timeout`](Forwarder::poll_timeout),
//!   [`poll_notice`](Forwarder::poll_notice): what time brings, and what IKE should know.
//!
//! Only a peer begins flows. What a system sends belongs to one, or is an error about one; nothing
//! leads from a tunnel to a tunnel.
//!
//! | module | holds |
//! |---|---|
//! | `dropped` | every reason for which a packet goes no further |
//! | `member`, `selector`, `child` | a CHILD_SA: whose it is, what for, and its two SAs |
//! | `table`, `routes` | the CHILD_SAs by SPI, by session, and by what is behind the peer |
//! | `flow`, `flows` | a conversation, and the table of them |
//! | `course`, `shares`, `links` | how far a flow has come; whose the places in the table are |
//! | `ledger` | where flows and refusals are recorded |
//! | `sweep` | flows that end without a packet of theirs |
//! | `judge` | whether a flow may be, and by which SA it goes on |
//! | `inbound`, `outbound`, `ip_vpn` | the way of a packet |
//! | `resets` | answers to TCP segments that belong to nothing |
//! | `departures` | sealed packets that leave together |
#![forbid(unsafe_code)]

mod child;
mod course;
mod departures;
mod dropped;
mod flow;
mod flows;
mod forwarder;
mod inbound;
mod ip_vpn;
mod judge;
mod ledger;
mod links;
mod member;
mod outbound;
mod resets;
mod routes;
mod selector;
mod shares;
#[cfg(test)]
mod simulation;
mod sweep;
mod table;
mod tally;
#[cfg(test)]
mod testing;

pub use child::{NewChild, Path, Way};
pub use departures::{Departure, Departures, Outlet};
pub use dropped::{Discard, Dropped};
pub use flow::Traffic;
pub use flows::FlowTimeouts;
pub use forwarder::{Forwarder, Notice, Now, Settings};
pub use inbound::{Arrival, Delivery};
pub use ip_vpn::Passage;
pub use ledger::{Conversation, Ending, Ledger, Opening, Party, Refusal};
pub use member::{Credential, Member};
pub use outbound::Sent;
pub use selector::{Selector, Selectors};
pub use sweep::FlowView;
pub use tally::Tally;
