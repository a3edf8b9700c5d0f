//! What the gateway records about itself.

reason::reasons! {
    /// What happened to the gateway itself.
    pub enum GatewayEvent {
        /// It serves.
        Started = "gateway.started",
            ja "ゲートウェイが起動しました。",
            en "the gateway started";
        /// It has stopped.
        Stopped = "gateway.stopped",
            ja "ゲートウェイが停止しました。",
            en "the gateway stopped";
        /// Registry changes are in force.
        PolicyChanged = "gateway.policy-changed",
            ja "登録内容の変更が有効になりました。",
            en "changes of the registry are in force";
        /// A change of the registry could not be put in force.
        PolicyRejected = "gateway.policy-rejected",
            ja "登録内容の変更を適用できません。以前の内容で動作を続けています。詳細を見て修正してください。",
            en "the registry's change cannot be put in force and the previous policy stays: see the detail";
        /// Site routers' keys that are in the registry and cannot be used.
        KeysUnusable = "gateway.keys-unusable",
            ja "使えない事前共有鍵があります。該当する拠点ルータは接続できません。詳細を見て修正してください。",
            en "some pre-shared keys cannot be used, and their routers cannot connect: see the detail";
        /// An operator ended a live session.
        SessionEnded = "gateway.session-ended",
            ja "担当者が接続を終了させました。この記録がその接続を、詳細が操作した人とその理由を示します。",
            en "an operator ended a live session: this record says which, its detail who, and in what words";
        /// New certificates or CRLs are in force.
        MaterialChanged = "gateway.certificates-changed",
            ja "証明書・失効リストの更新が有効になりました。",
            en "new certificates and revocation lists are in force";
        /// New certificates or CRLs could not be put in force.
        MaterialRejected = "gateway.certificates-rejected",
            ja "証明書・失効リストの更新を適用できません。以前のもので動作を続けています。詳細を見て修正してください。",
            en "new certificates or revocation lists cannot be put in force and the previous ones stay: see the detail";
    }
}
