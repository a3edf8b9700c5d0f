//! Why the policy refuses.

use reason::reasons;

reasons! {
    /// Why the policy refuses.
    pub enum Denial {
        /// A trusted CA signed it, but no terminal has it.
        CertificateNotRegistered = "policy.certificate-not-registered",
            ja "この証明書は登録されていません。サポートデスクで端末に登録してください。",
            en "the certificate is not registered: have the support desk register it for a terminal";
        /// The registry says revoked.
        CredentialRevoked = "policy.credential-revoked",
            ja "この証明書（または IKE ID）は失効しています。新しい証明書の発行を受けてください。",
            en "the certificate or IKE identity is revoked: have a new one issued";
        /// The registry says suspended.
        CredentialSuspended = "policy.credential-suspended",
            ja "この証明書（または IKE ID）は停止中です。サポートデスクに連絡してください。",
            en "the certificate or IKE identity is suspended: ask the support desk";
        /// Its time is over.
        CertificateExpired = "policy.certificate-expired",
            ja "証明書の有効期限が切れています。更新してください。",
            en "the certificate has expired: renew it";
        /// Its time has not come.
        CertificateNotYetValid = "policy.certificate-not-yet-valid",
            ja "証明書の有効期間がまだ始まっていません。端末の時計を確かめてください。",
            en "the certificate is not valid yet: check the clocks";
        /// No terminal has this IKE identity.
        IkeIdentityNotRegistered = "policy.ike-identity-not-registered",
            ja "この IKE ID は登録されていません。ルータの設定と登録内容を照合してください。",
            en "the IKE identity is not registered: compare the router with the registry";
        /// No institution has a prefix with this source.
        SourceNotRegistered = "policy.source-not-registered",
            ja "この送信元アドレスはどの機関にも登録されていません。",
            en "no institution has registered this source address";
        /// The terminal is suspended or revoked.
        TerminalStopped = "policy.terminal-stopped",
            ja "この端末は利用停止または廃止されています。サポートデスクに連絡してください。",
            en "the terminal is suspended or withdrawn: ask the support desk";
        /// The institution is suspended or has left.
        InstitutionStopped = "policy.institution-stopped",
            ja "この機関は利用停止または脱退しています。サポートデスクに連絡してください。",
            en "the institution is suspended or has left: ask the support desk";
        /// The institution may not use this road.
        NetworkNotPermitted = "policy.network-not-permitted",
            ja "この機関にはこの接続方式が許可されていません。",
            en "the institution may not use this kind of network";
        /// No such system.
        NoSuchSystem = "policy.no-such-system",
            ja "そのような接続システムはありません。接続先の名前を確かめてください。",
            en "no connected system has this name: check the host name";
        /// The destination is another session's side of the gateway.
        SessionToSession = "policy.session-to-session",
            ja "他の機関の接続へは通信できません（セッション間の回り込み禁止）。",
            en "traffic from one session into another is never forwarded";
        /// The destination is no system: the Internet, or the gateway's surroundings.
        DestinationNotASystem = "policy.destination-not-a-system",
            ja "宛先は接続システムではありません。",
            en "the destination is not a connected system";
        /// The system is there, but not at this port.
        PortNotServed = "policy.port-not-served",
            ja "接続システムのこのポートは公開されていません。",
            en "the system does not offer this port";
        /// The institution may not reach this system.
        SystemNotPermitted = "policy.system-not-permitted",
            ja "この機関にはこのシステムの利用が許可されていません。",
            en "the institution may not use this system";
        /// None of the institution's systems has an address that a tunnel could lead to.
        NoDestination = "policy.no-destination",
            ja "この機関が利用できるシステムには、トンネルで到達できるアドレスがありません。",
            en "none of the institution's systems can be reached through a tunnel: permit one that has a destination";
        /// Outside the institution's hours.
        OutsideHours = "policy.outside-hours",
            ja "利用時間外です。",
            en "outside the institution's hours";
        /// The system is closed for maintenance.
        Maintenance = "policy.maintenance",
            ja "システムは保守作業中です。終了予定はポータルに表示されています。",
            en "the system is closed for maintenance";
    }
}
