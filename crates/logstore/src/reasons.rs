//! The reasons this crate gives.

reason::reasons! {
    /// Why the log refused a connection, or what befell the log itself.
    pub enum LogReason {
        /// No room for the records of another connection.
        QueueFull = "log.queue-full",
            ja "接続記録の待ち行列が満杯のため、新しい接続を受け付けません。同時接続数と記録用ディスクの速さを確かめ、足りなければ待ち行列の上限を上げてください。",
            en "the log queue is full, so no new connection is taken: check the number of connections and the speed of the log disk, then raise the queue's capacity";
        /// Records cannot be written, or not in time.
        StorageFailed = "log.storage-failed",
            ja "接続記録をディスクに書けない(または時間内に書けない)ため、新しい接続を受け付けません。記録用ディスクの空き容量、書き込み権限、故障の有無を確かめてください。書けるようになれば自動で再開します。",
            en "connection records cannot be written, or not in time, so no new connection is taken: check the log disk for space, write permission and faults; service resumes by itself";
        /// The gateway is stopping.
        Stopped = "log.stopped",
            ja "接続記録が停止しています(ゲートウェイの停止中)。ゲートウェイの起動後に接続し直してください。",
            en "the log has stopped because the gateway is stopping: connect again once the gateway has started";
        /// Some records were never written; the detail says how many.
        RecordsLost = "log.records-lost",
            ja "書けずに失われた接続記録があります。件数は詳細欄のとおりです。前後の時刻の装置ログと照合し、待ち行列の上限と記録用ディスクを見直してください。",
            en "connection records were lost; the detail says how many: compare with device logs of that time, then review the queue's capacity and the log disk";
        /// Records can be written again after a failure.
        Regained = "log.regained",
            ja "接続記録を再び書けるようになりました。原因と失われた件数は詳細欄のとおりです。失われた記録があれば、その時間帯の装置ログと照合してください。",
            en "connection records can be written again; the detail names the cause and the number lost: if any were lost, compare with device logs of that time";
        /// A connection ended without saying how.
        Abandoned = "close.abandoned",
            ja "接続の処理が途中で打ち切られました。通信量は不明です。繰り返す場合は、同じ時刻の動作ログを添えて保守担当へ連絡してください。",
            en "the connection's task ended without closing it; its traffic is unknown: if this recurs, send the gateway's diagnostics of that time to maintenance";
    }
}
