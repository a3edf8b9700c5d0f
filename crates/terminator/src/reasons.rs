//! Why the TLS front refuses a client, and why it ends a connection.

use reason::reasons;

reasons! {
    /// Why a client is turned away before the policy has permitted it.
    pub enum Refusal {
        /// All handshake places are taken.
        TooManyHandshakes = "tls.too-many-handshakes",
            ja "同時に進行中の TLS ハンドシェイクが上限に達しています。[tls.limits] handshakes を確認してください。",
            en "too many handshakes at once: see [tls.limits] handshakes";
        /// This source's handshake places are taken.
        TooManyHandshakesFromSource = "tls.too-many-handshakes-from-source",
            ja "この送信元からのハンドシェイクが上限に達しています。[tls.limits] handshakes_per_source を確認してください。",
            en "too many handshakes at once from this source: see [tls.limits] handshakes_per_source";
        /// All connection places are taken.
        TooManyConnections = "tls.too-many-connections",
            ja "同時接続数が上限に達しています。[tls.limits] connections を確認してください。",
            en "too many connections at once: see [tls.limits] connections";
        /// This source's connection places are taken.
        TooManyConnectionsFromSource = "tls.too-many-connections-from-source",
            ja "この送信元からの同時接続数が上限に達しています。[tls.limits] connections_per_source を確認してください。",
            en "too many connections at once from this source: see [tls.limits] connections_per_source";
        /// No whole ClientHello within the deadline.
        ClientHelloTimeout = "tls.client-hello-timeout",
            ja "接続後、期限内に ClientHello が届きませんでした。",
            en "no ClientHello arrived in time";
        /// The handshake stalled.
        HandshakeTimeout = "tls.handshake-timeout",
            ja "TLS ハンドシェイクが期限内に終わりませんでした。",
            en "the handshake was not finished in time";
        /// The client went away before its ClientHello.
        ClosedBeforeHello = "tls.closed-before-hello",
            ja "クライアントが ClientHello を送る前に切断しました（ポートの死活確認など）。",
            en "the client left before its ClientHello (a port check, perhaps)";
        /// The client went away during the handshake.
        ClosedInHandshake = "tls.closed-in-handshake",
            ja "クライアントがハンドシェイクの途中で切断しました。",
            en "the client left during the handshake";
        /// The bytes are no TLS, or malformed TLS.
        Malformed = "tls.malformed",
            ja "TLS として解釈できないデータです。平文の HTTP や DICOM で接続していないか確かめてください。",
            en "the bytes are not well-formed TLS: is the client speaking plain HTTP or DICOM?";
        /// No version in common.
        ProtocolVersion = "tls.protocol-version",
            ja "クライアントの TLS バージョンは許可されていません。TLS 1.2 または 1.3 を有効にしてください。",
            en "the client offers no permitted TLS version: enable TLS 1.2 or 1.3";
        /// No cipher suite in common.
        CipherSuite = "tls.cipher-suite",
            ja "共通の暗号スイートがありません。クライアントで ECDHE と AES-GCM を有効にしてください。",
            en "no cipher suite in common: enable ECDHE with AES-GCM on the client";
        /// No key-exchange group in common.
        KeyExchangeGroup = "tls.key-exchange-group",
            ja "共通の鍵交換グループがありません。P-256・P-384・X25519 のいずれかを有効にしてください。",
            en "no key-exchange group in common: enable P-256, P-384 or X25519 on the client";
        /// No signature scheme in common.
        SignatureScheme = "tls.signature-scheme",
            ja "共通の署名方式がありません。クライアントで SHA-256 以上の署名を有効にしてください。",
            en "no signature scheme in common: enable signatures with SHA-256 or better on the client";
        /// TLS 1.2 without extended master secret (RFC 7627).
        ExtendedMasterSecret = "tls.extended-master-secret",
            ja "クライアントが拡張マスターシークレット（RFC 7627）に対応していません。更新してください。",
            en "the client lacks the extended master secret (RFC 7627): update it";
        /// Some other requirement not met.
        Incompatible = "tls.incompatible",
            ja "クライアントの TLS 実装が要件を満たしません。詳細は記録を見てください。",
            en "the client's TLS does not meet the requirements: the record's detail says which";
        /// No SNI, and the listener serves more than one system.
        NoServerName = "tls.no-server-name",
            ja "接続先の名前（SNI）が送られていません。SNI を送れない装置には専用の待受ポートを使ってください。",
            en "no server name (SNI) was sent: devices that cannot send one need a listener of their system's own";
        /// SNI names no system.
        UnknownServerName = "tls.unknown-server-name",
            ja "接続先の名前（SNI）に対応する接続システムがありません。",
            en "the server name (SNI) belongs to no connected system";
        /// SNI names a system other than the listener's.
        OtherServerName = "tls.other-server-name",
            ja "この待受ポートは別のシステム専用です。接続先の名前とポートを確かめてください。",
            en "this listener is bound to another system: check the host name and port";
        /// The client sent no certificate.
        NoCertificate = "tls.no-certificate",
            ja "クライアント証明書が送られていません。端末に証明書を導入してください。",
            en "no client certificate was sent: install one on the terminal";
        /// The certificate cannot be parsed.
        CertificateMalformed = "tls.certificate-malformed",
            ja "クライアント証明書を解釈できません。",
            en "the client certificate cannot be parsed";
        /// Weak key or signature (CRYPTREC 高セキュリティ型).
        CertificateWeak = "tls.certificate-weak",
            ja "クライアント証明書の鍵または署名が弱すぎます（RSA 2048 ビット・P-256・SHA-256 以上が必要）。",
            en "the client certificate's key or signature is too weak (RSA 2048, P-256 and SHA-256 are the least)";
        /// Not issued by a trusted CA.
        CertificateUnknownCa = "tls.certificate-unknown-ca",
            ja "クライアント証明書の発行元が信頼されていません。K-MIX R 用の証明書を選んでください。",
            en "the client certificate's issuer is not trusted: choose the certificate issued for this network";
        /// notAfter has passed.
        CertificateExpired = "tls.certificate-expired",
            ja "クライアント証明書の有効期限が切れています。更新してください。",
            en "the client certificate has expired: renew it";
        /// notBefore has not come.
        CertificateNotYetValid = "tls.certificate-not-yet-valid",
            ja "クライアント証明書の有効期間がまだ始まっていません。",
            en "the client certificate is not valid yet";
        /// On the CRL.
        CertificateRevoked = "tls.certificate-revoked",
            ja "クライアント証明書は失効しています。新しい証明書の発行を受けてください。",
            en "the client certificate is revoked: have a new one issued";
        /// No CRL covers its issuer.
        RevocationUnknown = "tls.revocation-unknown",
            ja "失効情報（CRL）がないため証明書を確認できません。[tls] crl に発行局の CRL を加えてください。",
            en "no CRL covers the certificate's issuer: add it to [tls] crl";
        /// The CRL is past its nextUpdate.
        CrlExpired = "tls.crl-expired",
            ja "失効リスト（CRL）の期限が切れています。sekisho ca crl で更新してください。",
            en "the CRL is past its nextUpdate: renew it with 'sekisho ca crl'";
        /// The CRL is not the CA's own, or damaged.
        CrlInvalid = "tls.crl-invalid",
            ja "失効リスト（CRL）を使用できません。発行局の証明書と CRL の組み合わせを確かめてください。",
            en "a CRL cannot be used: is it signed by the CA of the same name that is configured?";
        /// Not a client certificate.
        CertificatePurpose = "tls.certificate-purpose",
            ja "この証明書はクライアント認証用ではありません（EKU）。",
            en "the certificate is not for client authentication (EKU)";
        /// A bad signature in the chain.
        CertificateSignature = "tls.certificate-signature",
            ja "クライアント証明書の署名が正しくありません。",
            en "a signature in the client's certificate chain is wrong";
        /// Any other fault of the certificate.
        CertificateInvalid = "tls.certificate-invalid",
            ja "クライアント証明書が正しくありません。詳細は記録を見てください。",
            en "the client certificate is not acceptable: the record's detail says why";
        /// The client could not prove that it holds the key.
        ProofOfPossession = "tls.proof-of-possession",
            ja "クライアントが証明書の秘密鍵を持つことを証明できませんでした。",
            en "the client did not prove that it holds the certificate's key";
        /// The client ended the handshake with an alert.
        ClientAlert = "tls.client-alert",
            ja "クライアントがハンドシェイクを拒否しました。端末にこの網の CA 証明書が入っているか確かめてください。",
            en "the client broke off with an alert: does it trust this network's CA?";
        /// The socket failed.
        SocketError = "tls.socket-error",
            ja "通信エラーで切断されました。",
            en "the connection failed";
        /// The gateway is stopping.
        Draining = "tls.draining",
            ja "ゲートウェイは停止処理中です。",
            en "the gateway is stopping";
    }
}

reasons! {
    /// Why a permitted connection ended.
    pub enum Ending {
        /// The client finished first, properly.
        Client = "close.client",
            ja "クライアントが通信を終えました。",
            en "the client finished";
        /// The system finished first, properly.
        System = "close.system",
            ja "接続システムが通信を終えました。",
            en "the system finished";
        /// The client's TCP ended without close_notify (RFC 8446 §6.1).
        ClientTruncated = "close.client-truncated",
            ja "クライアントが close_notify なしに切断しました。",
            en "the client left without close_notify";
        /// The client's connection broke.
        ClientReset = "close.client-reset",
            ja "クライアントとの通信が途絶しました。",
            en "the client's connection broke";
        /// The client broke the TLS protocol.
        ClientProtocol = "close.client-protocol",
            ja "クライアントの TLS データが正しくありません。",
            en "the client broke the TLS protocol";
        /// The system's connection broke.
        SystemReset = "close.system-reset",
            ja "接続システムとの通信が途絶しました。",
            en "the system's connection broke";
        /// The system refused the connection.
        SystemRefused = "close.system-refused",
            ja "接続システムが接続を拒否しました。システムの稼働状態を確認してください。",
            en "the system refused the connection: is it running?";
        /// The system could not be reached.
        SystemUnreachable = "close.system-unreachable",
            ja "接続システムに到達できません。経路と名前解決を確認してください。",
            en "the system cannot be reached: check routes and names";
        /// The system did not answer in time.
        SystemTimeout = "close.system-timeout",
            ja "接続システムが期限内に応答しませんでした。",
            en "the system did not answer in time";
        /// TLS 1.2 has no way to renew keys, and these have sealed all they may.
        KeyExhausted = "close.key-exhausted",
            ja "TLS 1.2 の鍵で暗号化できる量の上限に達しました。接続し直すか、TLS 1.3 を使ってください。",
            en "the TLS 1.2 keys have sealed all they safely can: connect again, or use TLS 1.3";
        /// Nothing moved for the idle time-out.
        Idle = "close.idle",
            ja "無通信時間の上限に達しました。",
            en "nothing was sent for the idle time-out";
        /// The gateway stopped.
        Stopped = "close.gateway-stopped",
            ja "ゲートウェイが停止しました。",
            en "the gateway stopped";
    }
}
