//! Why a packet was not forwarded.

use esp::{Exhausted, Rejected};
use packet::reassembly::Refused;
use policy::Denial;
use reason::{Reason as _, reasons};

reasons! {
    /// Why a packet was dropped, where the policy was not the cause.
    pub enum Dropped {
        /// No SA has this SPI.
        UnknownSpi = "esp.unknown-spi",
            ja "この SPI の SA はありません。相手が古い SA を使い続けていないか確かめてください。",
            en "no SA has this SPI: does the peer still use an old one?";
        /// Shorter than its own headers say.
        Truncated = "esp.truncated",
            ja "ESP パケットが途中で切れています。", en "the ESP packet is cut short";
        /// Sequence number 0, which nobody sends.
        SequenceZero = "esp.sequence-zero",
            ja "シーケンス番号が 0 の ESP パケットです。", en "an ESP packet with sequence number 0";
        /// The sequence number was seen before.
        Replayed = "esp.replayed",
            ja "ESP パケットの再送（リプレイ）です。経路での複製か攻撃です。",
            en "a replayed ESP packet: duplicated on its way, or an attack";
        /// Left of the replay window.
        TooOld = "esp.too-old",
            ja "リプレイ防止の範囲より古い ESP パケットです。順序の乱れが大きい場合は replay_window を広げてください。",
            en "the ESP packet is older than the replay window: if the path reorders much, widen replay_window";
        /// The integrity check failed.
        NotAuthentic = "esp.not-authentic",
            ja "ESP パケットの完全性検証に失敗しました。改ざん、破損、または鍵の不一致です。",
            en "the ESP packet's integrity check failed: altered, damaged, or another key";
        /// The trailer is not as RFC 4303 §2.4 says.
        Padding = "esp.padding",
            ja "ESP のパディングが正しくありません。", en "the ESP padding is not right";
        /// A dummy packet (RFC 4303 §2.6).
        Dummy = "esp.dummy",
            ja "ダミーの ESP パケットです（正常）。", en "a dummy ESP packet: nothing is wrong";
        /// The SA has carried all that it may.
        Expired = "esp.expired",
            ja "SA がデータ量またはパケット数の上限に達しました。鍵の更新を待っています。",
            en "the SA has carried all that it may, and waits for its successor";
        /// No sequence number is left.
        SequenceExhausted = "esp.sequence-exhausted",
            ja "SA のシーケンス番号を使い切りました。鍵の更新を待っています。",
            en "the SA has used all its sequence numbers, and waits for its successor";
        /// The cipher failed, which it never should.
        Cipher = "esp.cipher",
            ja "暗号処理の内部エラーです。開発元に知らせてください。",
            en "the cipher failed: an internal fault, please report it";
        /// Neither IPv4 nor IPv6 inside, or not the one that the trailer says.
        NextHeader = "esp.next-header",
            ja "トンネルの中身が IP パケットではありません。", en "what is inside is not the IP packet that the trailer says";
        /// Congestion was marked on a packet that does not know such marks (RFC 6040 §4.2).
        CongestionLost = "esp.congestion-lost",
            ja "輻輳印 (CE) を内側のパケットに写せないため破棄しました (RFC 6040)。",
            en "marked CE outside, and the inner packet cannot carry the mark (RFC 6040)";
        /// The inner packet is not well formed.
        Malformed = "tunnel.malformed",
            ja "内側の IP パケットが壊れています。", en "the inner IP packet is malformed";
        /// Source or destination beyond what the SA is for.
        Selectors = "tunnel.selectors",
            ja "内側のアドレスが SA のトラフィックセレクタの範囲外です。ルータの設定を確かめてください。",
            en "the inner addresses are beyond the SA's traffic selectors: check the router";
        /// Neither TCP, UDP nor ICMP.
        Protocol = "tunnel.protocol",
            ja "TCP、UDP、ICMP 以外のプロトコルです。", en "neither TCP, UDP nor ICMP";
        /// An ICMP message that is no echo and is about no flow.
        IcmpUnrelated = "tunnel.icmp-unrelated",
            ja "どの通信にも関係しない ICMP です。", en "an ICMP message that is about no flow";
        /// It is for the gateway itself, at an address among a system's.
        GatewayItself = "tunnel.gateway-itself",
            ja "ゲートウェイ自身のアドレス宛ての通信です。", en "it is for an address of the gateway itself";
        /// Of a TCP connection that the gateway did not see begin.
        MidStream = "tunnel.mid-stream",
            ja "開始を確認していない TCP 接続の途中のパケットです（ゲートウェイの再起動後など）。送信元には RST で知らせました。",
            en "of a TCP connection that did not begin through this gateway, as after its restart; its sender was told (RST)";
        /// The log cannot be written, so that nothing new may begin.
        Unrecorded = "tunnel.unrecorded",
            ja "接続ログに記録できないため、新しい通信を拒否しました。",
            en "the connection log cannot be written, so nothing new may begin";
        /// Nobody inside asked for it.
        NoFlow = "tunnel.no-flow",
            ja "トンネル側から始まっていない通信です。", en "it belongs to no flow that a tunnel began";
        /// The flow is another session's.
        FlowOfAnother = "tunnel.flow-of-another",
            ja "同じアドレスとポートの通信を別の端末が使用中です。", en "another terminal has a flow with the same addresses and ports";
        /// One institution has too many flows.
        FlowLimit = "tunnel.flow-limit",
            ja "一つの機関の同時通信数が上限に達しました。", en "the institution has as many flows as it may";
        /// One institution begins too many flows at once.
        FlowRate = "tunnel.flow-rate",
            ja "一つの機関が短時間に始めた通信が多すぎます。", en "the institution begins too many flows at once";
        /// The flow is alive and no SA leads to its terminal.
        NoSa = "tunnel.no-sa",
            ja "端末への SA がありません（切断中）。", en "no SA leads to the terminal: it is not connected now";
        /// Longer than the path to the terminal takes. Its sender was told.
        TooBig = "tunnel.too-big",
            ja "経路の MTU を超えるパケットです（送信元に ICMP で通知）。", en "longer than the path takes; its sender was told by ICMP";
        /// It cannot be fragmented.
        Unfragmentable = "tunnel.unfragmentable",
            ja "分割できない長いパケットです。", en "too long, and it cannot be fragmented";
        /// Fragments of one datagram overlap (RFC 5722).
        FragmentOverlap = "tunnel.fragment-overlap",
            ja "フラグメントが重なっています。攻撃の可能性があります。", en "fragments overlap: perhaps an attack";
        /// A fragment came twice.
        FragmentDuplicate = "tunnel.fragment-duplicate",
            ja "同じフラグメントが二度届きました。", en "a fragment came twice";
        /// Fragments do not make one datagram.
        FragmentInconsistent = "tunnel.fragment-inconsistent",
            ja "フラグメントが一つのパケットになりません。", en "the fragments do not make one packet";
        /// The datagram was given up before.
        FragmentGivenUp = "tunnel.fragment-given-up",
            ja "既に破棄したパケットのフラグメントです。", en "a fragment of a packet that was given up";
        /// Too many datagrams wait for their missing fragments.
        FragmentLimit = "tunnel.fragment-limit",
            ja "組み立て待ちのフラグメントが上限に達しました。", en "too many fragments wait for others";
        /// Fragments whose others did not come.
        FragmentTimeout = "tunnel.fragment-timeout",
            ja "残りのフラグメントが届きませんでした。", en "the other fragments did not come";
        /// A super-packet of the kernel that cannot be split.
        Unsplittable = "tunnel.unsplittable",
            ja "カーネルから受け取ったパケットを分割できません。", en "a super-packet of the kernel's that cannot be split";
        /// Forged, or about nothing that was sent.
        PathMtuForged = "tunnel.path-mtu-forged",
            ja "送信していないパケットについての MTU 通知です。偽造の可能性があります。",
            en "a path MTU message about nothing that was sent: perhaps forged";
    }
}

/// Why a packet was not forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discard {
    /// It is not as it must be.
    Dropped(Dropped),
    /// The policy refuses it.
    Denied(Denial),
}

impl Discard {
    /// The reason's code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Dropped(dropped) => dropped.code(),
            Self::Denied(denial) => denial.code(),
        }
    }
}

impl From<Rejected> for Dropped {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::Truncated => Self::Truncated,
            Rejected::SequenceZero => Self::SequenceZero,
            Rejected::Replayed => Self::Replayed,
            Rejected::TooOld => Self::TooOld,
            Rejected::NotAuthentic => Self::NotAuthentic,
            Rejected::Padding => Self::Padding,
            Rejected::Dummy => Self::Dummy,
            Rejected::Expired => Self::Expired,
        }
    }
}

impl From<Refused> for Dropped {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NotAFragment | Refused::HeaderChecksum => Self::Malformed,
            Refused::Duplicate => Self::FragmentDuplicate,
            Refused::Overlap => Self::FragmentOverlap,
            Refused::Inconsistent
            | Refused::TooManyGaps
            | Refused::TooLong
            | Refused::Congestion => Self::FragmentInconsistent,
            Refused::GivenUp => Self::FragmentGivenUp,
        }
    }
}

impl From<Exhausted> for Dropped {
    fn from(exhausted: Exhausted) -> Self {
        match exhausted {
            Exhausted::Sequence => Self::SequenceExhausted,
            Exhausted::Lifetime => Self::Expired,
            Exhausted::Room => Self::TooBig,
            Exhausted::Cipher => Self::Cipher,
        }
    }
}

impl From<Dropped> for Discard {
    fn from(dropped: Dropped) -> Self {
        Self::Dropped(dropped)
    }
}

impl From<Denial> for Discard {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}
