//! Why messages are dropped, negotiations refused, and SAs ended.

use reason::reasons;

reasons! {
    /// Why a datagram was dropped without an effect.
    pub enum Dropped {
        /// Larger than any IKE message we take.
        TooLarge = "ike.drop.too-large",
            ja "IKE メッセージが大きすぎます。", en "the IKE message is too large";
        /// Not well formed; the precise reason is counted beside.
        Malformed = "ike.drop.malformed",
            ja "IKE メッセージの形式が正しくありません。", en "the IKE message is malformed";
        /// IKEv1.
        Version = "ike.drop.version",
            ja "IKEv2 ではありません（IKEv1 は受け付けません）。機器の IKE バージョンを 2 にしてください。",
            en "not IKEv2 (IKEv1 is refused): set the device to IKE version 2";
        /// No IKE SA has this SPI.
        UnknownSpi = "ike.drop.unknown-spi",
            ja "この SPI の IKE SA はありません。", en "no IKE SA has this SPI";
        /// An exchange that does not belong to the SA's state.
        OutOfState = "ike.drop.out-of-state",
            ja "この段階では許されない交換です。", en "the exchange does not fit the state of the SA";
        /// Initiator flag of the wrong side.
        WrongRole = "ike.drop.wrong-role",
            ja "送信者の役割フラグが正しくありません。", en "the message claims the wrong role";
        /// Integrity check failed.
        Unauthentic = "ike.drop.unauthentic",
            ja "メッセージの完全性を確認できません。", en "the integrity check failed";
        /// Outside the message-id window.
        StaleMessageId = "ike.drop.stale-message-id",
            ja "メッセージ ID が古いか、先に進みすぎています。", en "the message id is outside the window";
        /// A response nobody waits for.
        NotAwaited = "ike.drop.not-awaited",
            ja "待っていない応答です。", en "nobody waits for this response";
        /// A fragment that cannot be used.
        Fragment = "ike.drop.fragment",
            ja "使えない断片です。", en "the fragment cannot be used";
        /// A request while its predecessor is being decided.
        Undecided = "ike.drop.undecided",
            ja "前の要求の判定を待っています。", en "an earlier request is still being decided";
        /// A COOKIE was asked for first.
        CookieWanted = "ike.drop.cookie-wanted",
            ja "負荷が高いため COOKIE を求めました。", en "under load: asked for a COOKIE first";
        /// A COOKIE that is not ours.
        WrongCookie = "ike.drop.wrong-cookie",
            ja "COOKIE が正しくありません。", en "the COOKIE is not one of ours";
        /// The key exchange was in another group; asked for ours.
        KeyExchangeGroup = "ike.drop.key-exchange-group",
            ja "鍵交換のグループを改めるよう求めました。", en "asked for a key exchange in another group";
        /// Too many half-open SAs.
        HalfOpen = "ike.drop.half-open",
            ja "確立途中の IKE SA が上限に達しています。[ipsec.limits] half_open を確認してください。",
            en "too many half-open IKE SAs: see [ipsec.limits] half_open";
        /// Too many half-open SAs of this source.
        HalfOpenFromSource = "ike.drop.half-open-from-source",
            ja "この送信元の確立途中の IKE SA が上限に達しています。[ipsec.limits] half_open_per_source を確認してください。",
            en "too many half-open IKE SAs from this source: see [ipsec.limits] half_open_per_source";
        /// Too many sessions.
        Sessions = "ike.drop.sessions",
            ja "IKE SA が上限に達しています。[ipsec.limits] sessions を確認してください。",
            en "too many IKE SAs: see [ipsec.limits] sessions";
        /// The gateway's own fault.
        Internal = "ike.drop.internal",
            ja "ゲートウェイ内部の障害です。", en "an internal fault of the gateway";
    }
}

reasons! {
    /// Why a negotiation or authentication failed.
    pub enum Refusal {
        /// No proposal for the IKE SA in common.
        NoProposalChosen = "ike.no-proposal-chosen",
            ja "IKE SA の共通の暗号提案がありません。詳細欄の提案と設定を照合してください。",
            en "no common proposal for the IKE SA: compare what was offered with what is configured";
        /// No proposal for the CHILD_SA in common.
        NoChildProposalChosen = "ike.no-child-proposal-chosen",
            ja "CHILD SA (ESP) の共通の暗号提案がありません。詳細欄の提案と設定を照合してください。",
            en "no common proposal for the CHILD_SA (ESP): compare what was offered with what is configured";
        /// The answer to our proposal is none of what we proposed.
        AnswerNotOffered = "ike.answer-not-offered",
            ja "相手の応答は提案した内容に含まれません。", en "the peer chose what was not offered";
        /// The key exchange value is not valid.
        KeyExchange = "ike.key-exchange",
            ja "鍵交換の値が正しくありません。", en "the key exchange value is not valid";
        /// Malformed where it cannot be ignored.
        InvalidSyntax = "ike.invalid-syntax",
            ja "メッセージの内容が正しくありません。", en "the content of the message is malformed";
        /// EAP.
        Eap = "ike.eap-not-supported",
            ja "EAP 認証は使えません。証明書または事前共有鍵に切り替えてください。",
            en "EAP is not supported: use a certificate or a pre-shared key";
        /// No key for this identity.
        UnknownIdentity = "ike.unknown-identity",
            ja "この IKE ID の事前共有鍵は登録されていません。ルータの ID と登録内容を照合してください。",
            en "no pre-shared key is registered for this identity: compare the router's ID with the registry";
        /// The pre-shared keys differ.
        PreSharedKey = "ike.pre-shared-key",
            ja "事前共有鍵が一致しません。両側で設定し直してください。",
            en "the pre-shared keys differ: set them anew on both sides";
        /// The signature does not verify.
        Signature = "ike.signature",
            ja "署名を検証できません。証明書と秘密鍵の組を確かめてください。",
            en "the signature does not verify: do certificate and key belong together?";
        /// The signature algorithm is not accepted.
        SignatureAlgorithm = "ike.signature-algorithm",
            ja "署名方式が受け付けられません。SHA-256 以上の RFC 7427 署名を使ってください。",
            en "the signature algorithm is not accepted: use RFC 7427 signatures with SHA-256 or better";
        /// No certificate came.
        NoCertificate = "ike.no-certificate",
            ja "証明書が送られてきません。機器に送信を設定してください。",
            en "the peer sent no certificate: have it send one";
        /// The certificate is not accepted.
        Certificate = "ike.certificate",
            ja "証明書が受け付けられません。詳細欄を確認してください。",
            en "the certificate is not accepted: see the detail";
        /// Certificates are not accepted at all.
        NoTrust = "ike.no-trust",
            ja "証明書による認証は設定されていません。[ipsec] client_ca を設定してください。",
            en "no CA is configured for certificates: see [ipsec] client_ca";
        /// We have nothing to authenticate ourselves with.
        NoOwnCertificate = "ike.no-own-certificate",
            ja "ゲートウェイ自身の証明書で相手が検証できるものがありません。[[ipsec.certificate]] を確認してください。",
            en "no certificate of the gateway can be used with this peer: see [[ipsec.certificate]]";
        /// The post-quantum pre-shared key is missing, or not known.
        Ppk = "ike.ppk",
            ja "耐量子事前共有鍵 (PPK) がないか、登録されていません。",
            en "the post-quantum pre-shared key (PPK) is missing or not registered";
        /// The peer is someone else than wanted.
        PeerIdentity = "ike.peer-identity",
            ja "相手の ID が設定と異なります。", en "the peer has another identity than configured";
        /// Nothing of the proposed traffic is permitted.
        SelectorsUnacceptable = "ike.ts-unacceptable",
            ja "提案されたトラフィックセレクタに、許可されたものがありません。詳細欄の許可範囲に合わせてください。",
            en "none of the proposed traffic selectors is permitted: use those in the detail";
        /// No virtual address left.
        AddressFailure = "ike.internal-address-failure",
            ja "仮想アドレスを割り当てられません。[ipsec.pool] を確認してください。",
            en "no virtual address can be assigned: see [ipsec.pool]";
        /// Too many CHILD_SAs.
        TooManyChildren = "ike.too-many-children",
            ja "CHILD SA が上限に達しています。[ipsec.limits] children を確認してください。",
            en "too many CHILD_SAs: see [ipsec.limits] children";
        /// The peer refused; its notification is in the detail.
        Peer = "ike.refused-by-peer",
            ja "相手に拒否されました。相手の記録を確認してください。",
            en "the peer refused: look into its log";
        /// IKE_AUTH did not come.
        SetupTimeout = "ike.setup-timeout",
            ja "IKE_AUTH が期限内に終わりませんでした。UDP 4500 と断片化したパケットが届くか確かめてください。",
            en "IKE_AUTH was not finished in time: do UDP 4500 and large packets get through?";
        /// The peer does not answer.
        NoAnswer = "ike.no-answer",
            ja "相手が応答しません。", en "the peer does not answer";
        /// The gateway's own fault.
        Internal = "ike.internal",
            ja "ゲートウェイ内部の障害です。", en "an internal fault of the gateway";
    }
}

reasons! {
    /// Why a session or a CHILD_SA ended.
    pub enum Ending {
        /// The peer deleted it.
        Peer = "ike.end.peer",
            ja "相手が終了しました。", en "the peer ended it";
        /// Replaced by its successor.
        Rekeyed = "ike.end.rekeyed",
            ja "新しい鍵の SA に置き換わりました。", en "replaced by an SA with new keys";
        /// The loser of two simultaneous rekeyings.
        Redundant = "ike.end.redundant",
            ja "同時の鍵更新で余った SA です。", en "redundant after simultaneous rekeying";
        /// The peer is gone.
        DeadPeer = "ike.end.dead-peer",
            ja "相手が応答しなくなりました。", en "the peer no longer answers";
        /// Its lifetime is over and no successor came.
        Lifetime = "ike.end.lifetime",
            ja "有効期間が終わり、鍵が更新されませんでした。", en "its lifetime ended without a successor";
        /// The peer began anew (INITIAL_CONTACT).
        InitialContact = "ike.end.initial-contact",
            ja "相手が最初から接続し直しました。", en "the peer began anew (INITIAL_CONTACT)";
        /// The oldest of too many of one peer.
        Surplus = "ike.end.surplus",
            ja "同じ端末の IKE SA が多すぎるため、最も古いものを終了しました。",
            en "the oldest of too many IKE SAs of one terminal";
        /// The IKE SA above it ended.
        Parent = "ike.end.parent",
            ja "親の IKE SA が終わりました。", en "its IKE SA ended";
        /// No CHILD_SA for a while.
        Childless = "ike.end.childless",
            ja "CHILD SA がないまま時間が過ぎました。", en "no CHILD_SA for too long";
        /// The gateway's order: policy change, operator, shutdown.
        Ordered = "ike.end.ordered",
            ja "ゲートウェイの判断で終了しました。", en "ended by the gateway";
        /// The peer broke the protocol.
        Protocol = "ike.end.protocol",
            ja "相手がプロトコルに反しました。", en "the peer broke the protocol";
    }
}
