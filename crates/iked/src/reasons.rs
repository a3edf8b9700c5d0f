//! The reasons this crate gives.

use reason::reasons;

reasons! {
    /// Why a datagram never reached the IKE or ESP that it was for, or never left.
    pub enum Discarded {
        /// Nothing in it.
        Empty = "ike.shell.empty",
            ja "空のデータグラムです。", en "an empty datagram";
        /// A NAT keepalive (RFC 3948 §2.3).
        KeepAlive = "ike.shell.keepalive",
            ja "NAT 維持用のパケットです（正常）。", en "a NAT keepalive: nothing is wrong";
        /// The IKE thread has more to do than it can.
        QueueFull = "ike.shell.queue-full",
            ja "IKE の処理が追いつかず、データグラムを捨てました。攻撃か過負荷でないか確かめてください。",
            en "IKE cannot keep up and a datagram was dropped: is this an attack, or too much load?";
        /// The system failed to receive.
        ReceiveFailed = "ike.shell.receive-failed",
            ja "UDP の受信に失敗しました。動作ログを確認してください。",
            en "receiving failed: see the gateway's diagnostics";
        /// The system failed to send.
        SendFailed = "ike.shell.send-failed",
            ja "UDP の送信に失敗しました。経路と動作ログを確認してください。",
            en "sending failed: check the routes and the gateway's diagnostics";
    }
}

reasons! {
    /// What is recorded of a permitted IKE SA between its beginning and its end.
    pub enum Milestone {
        /// The IKE SA is up.
        Established = "ike.sa-established",
            ja "IKE SA を確立しました。", en "the IKE SA is established";
        /// It has new keys.
        Rekeyed = "ike.sa-rekeyed",
            ja "IKE SA の鍵を更新しました。", en "the IKE SA has new keys";
        /// A CHILD_SA is up.
        ChildUp = "ike.child-up",
            ja "CHILD SA を確立しました。", en "a CHILD_SA is up";
        /// A CHILD_SA is over.
        ChildDown = "ike.child-down",
            ja "CHILD SA が終わりました。", en "a CHILD_SA is over";
        /// The peer's outer address changed.
        PathChanged = "ike.path-changed",
            ja "相手の外側アドレスが変わりました。", en "the peer's outer address changed";
    }
}

reasons! {
    /// Why the gateway ended an IKE SA, where neither policy nor certificate was the cause.
    pub enum Withdrawal {
        /// Its pre-shared key was changed or removed.
        KeyChanged = "ike.end.key-changed",
            ja "事前共有鍵が変更または削除されました。新しい鍵で接続し直してください。",
            en "its pre-shared key was changed or removed: connect again with the new one";
        /// It must now use a post-quantum pre-shared key and does not.
        PpkRequired = "ike.end.ppk-required",
            ja "耐量子事前共有鍵 (PPK) が必要になりました。PPK を設定して接続し直してください。",
            en "it must now use its post-quantum pre-shared key (PPK): connect again with it";
        /// The gateway stopped.
        Stopped = "ike.end.gateway-stopped",
            ja "ゲートウェイが停止しました。", en "the gateway stopped";
    }
}
