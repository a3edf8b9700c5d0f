//! The reasons this crate gives.

use reason::reasons;

reasons! {
    /// Why a packet was lost on the way into or out of the gateway.
    pub enum Lost {
        /// A NAT keepalive (RFC 3948 §2.3).
        KeepAlive = "datapath.keepalive",
            ja "NAT 維持用のパケットです（正常）。", en "a NAT keepalive: nothing is wrong";
        /// The system failed to receive.
        ReceiveFailed = "datapath.receive-failed",
            ja "ESP の受信に失敗しました。動作ログを確認してください。",
            en "receiving ESP failed: see the gateway's diagnostics";
        /// The system failed to send.
        SendFailed = "datapath.send-failed",
            ja "ESP の送信に失敗しました。経路を確認してください。",
            en "sending ESP failed: check the routes";
        /// The interface's queue was full.
        InterfaceFull = "datapath.interface-full",
            ja "インタフェースの送信待ち行列があふれました。回線の帯域を確認してください。",
            en "an interface's queue was full: is the line too slow?";
        /// Longer than an interface of this machine takes.
        TooLong = "datapath.too-long",
            ja "ESP パケットがインタフェースの MTU を超えました。path_mtu を確認してください。",
            en "an ESP packet was longer than the interface takes: check path_mtu";
        /// Too much waits for a socket to have room.
        Backlog = "datapath.backlog",
            ja "送信が追いつかず、パケットを破棄しました。", en "too much waits to be sent";
        /// The TUN device did not take it.
        TunRefused = "datapath.tun-refused",
            ja "TUN デバイスへの書き込みに失敗しました。", en "the TUN device did not take a packet";
        /// Its SA is another worker's, who has too much to do.
        HandOverFull = "datapath.hand-over-full",
            ja "別のワーカへの受け渡しが追いつきません。", en "the worker who has the SA cannot keep up";
    }
}
